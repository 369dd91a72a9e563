"""EPC decoding against the examples of the GS1 Tag Data Standard and by its own inverse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.rfid.epc import Epc, decode, encode_gdti96

NO_PC = -1


def test_the_gdti_96_example_of_the_tag_data_standard_decodes() -> None:
    assert decode(bytes.fromhex("2C74257BF46072000000162E"), 96, 0x3000) == Epc(
        scheme="gdti",
        uri="urn:epc:id:gdti:0614141.12345.5678",
        bits=96,
        company_prefix="0614141",
        reference="12345",
        serial="5678",
        filter_value=3,
    )


def test_the_grai_96_example_of_the_tag_data_standard_decodes() -> None:
    epc = decode(bytes.fromhex("3374257BF40C0E400000162E"), 96, NO_PC)
    assert (epc.scheme, epc.uri) == ("grai", "urn:epc:id:grai:0614141.12345.5678")


def test_the_giai_96_example_of_the_tag_data_standard_decodes() -> None:
    epc = decode(bytes.fromhex("3474257BF40000000000162E"), 96, NO_PC)
    assert (epc.scheme, epc.uri, epc.serial) == ("giai", "urn:epc:id:giai:0614141.5678", "")


def test_the_gdti_96_example_encodes_to_the_same_bytes() -> None:
    encoded = encode_gdti96("0614141", "12345", 5678, filter_value=3)
    assert encoded.hex().upper() == "2C74257BF46072000000162E"


def test_a_twelve_digit_company_prefix_leaves_no_document_type() -> None:
    # header 2C, filter 0, partition 0, company 123456789012 in 40 bits, type 0 in 1 bit, serial 7 in 41 bits, by hand
    bits = f"{0x2C:08b}" + "000" + "000" + f"{123456789012:040b}" + "0" + f"{7:041b}"
    tag = int(bits, 2).to_bytes(12, "big")
    assert decode(tag, 96, NO_PC).uri == "urn:epc:id:gdti:123456789012..7"


def test_a_tag_with_the_iso_toggle_is_foreign_and_says_its_application_family() -> None:
    epc = decode(bytes.fromhex("2C74257BF46072000000162E"), 96, 0x31C2)
    assert epc.is_foreign
    assert (epc.scheme, epc.afi) == ("iso", 0xC2)
    assert epc.uri == "urn:epc:raw:96.xC2.x2C74257BF46072000000162E"


def test_an_attribute_byte_without_the_toggle_is_not_an_application_family() -> None:
    epc = decode(bytes.fromhex("2C74257BF46072000000162E"), 96, 0x30C2)
    assert not epc.is_foreign
    assert epc.scheme == "gdti"


@pytest.mark.parametrize(
    ("tag", "bits"),
    [
        ("300833B2DDD9014000000000", 96),  # SGTIN-96: not a document, an asset or a returnable
        ("2C7C257BF46072000000162E", 96),  # partition 7 does not exist
        ("2C77FFFFFF8072000000162E", 96),  # company prefix above 9,999,999 for seven digits
        ("2C74257BF460720000001622E0FF00AA", 128),
        ("2C74", 16),
        ("", 0),
    ],
)
def test_what_is_no_identity_of_ours_stays_raw(tag: str, bits: int) -> None:
    epc = decode(bytes.fromhex(tag), bits, 0x3000)
    assert epc.scheme == "raw"
    assert epc.uri == f"urn:epc:raw:{bits}.x{tag}"
    assert not epc.is_foreign


def test_padding_past_the_bit_length_is_no_part_of_the_tag() -> None:
    padded = bytes.fromhex("2C74257BF46072000000162E") + bytes(50)
    assert decode(padded, 96, NO_PC).uri == "urn:epc:id:gdti:0614141.12345.5678"


@given(
    company=st.integers(6, 12).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)),
    document=st.text("0123456789", min_size=6, max_size=6),
    serial=st.integers(0, 2**41 - 1),
    filter_value=st.integers(0, 7),
)
def test_every_gdti_96_comes_back_as_it_was_written(
    company: str, document: str, serial: int, filter_value: int
) -> None:
    document_type = document[: 12 - len(company)]
    epc = decode(encode_gdti96(company, document_type, serial, filter_value=filter_value), 96, NO_PC)
    assert epc.uri == f"urn:epc:id:gdti:{company}.{document_type}.{serial}"
    assert epc.filter_value == filter_value


@given(st.binary(max_size=62), st.integers(-1, 0xFFFF))
def test_no_bytes_on_a_tag_break_the_decoder(tag: bytes, pc: int) -> None:
    epc = decode(tag, len(tag) * 8, pc)
    assert epc.is_foreign == (pc >= 0 and pc & 0x0100 != 0)
    assert epc.uri.startswith("urn:epc:")


@pytest.mark.parametrize(
    ("company", "document", "serial"),
    [("06141", "0601234", 1), ("0614141", "0601", 1), ("0614141", "0601x", 1), ("0614141", "06012", 2**41)],
)
def test_a_field_that_does_not_fit_its_partition_is_refused(company: str, document: str, serial: int) -> None:
    with pytest.raises(ValueError, match="GDTI"):
        encode_gdti96(company, document, serial)
