"""What an EPC says: GDTI-96, GRAI-96, GIAI-96 of the GS1 Tag Data Standard; ISO tags are foreign; the rest is raw.

Tags carry opaque ids only: nothing here is personal. The key of a volume everywhere else is the raw EPC, never the URI.
"""

from typing import Literal

import msgspec

Scheme = Literal["gdti", "grai", "giai", "iso", "raw"]

ISO_TOGGLE = 0x0100  # PC bit 17h of Gen2: 1 = the low byte is an ISO/IEC 15961 AFI, 0 = a GS1 EPC
AFI_MASK = 0x00FF
COMPANY_BITS = (40, 37, 34, 30, 27, 24, 20)  # by partition 0..6, TDS 14.2; digits are 12 - partition
GDTI_SERIAL_BITS = 41
_GDTI = 0x2C
_GRAI = 0x33
_GIAI = 0x34


class _Layout(msgspec.Struct, frozen=True):
    """One row family of the TDS partition tables: the field after the company prefix and the serial at the end."""

    scheme: Literal["gdti", "grai", "giai"]
    reference_bits: tuple[int, ...]
    reference_digits: tuple[int, ...]
    serial_bits: int


# TDS 1.13 / 2.0, tables 14-10 (GRAI), 14-12 (GIAI), 14-16 (GDTI): bits and digits by partition 0..6
_LAYOUTS = {
    _GDTI: _Layout("gdti", (1, 4, 7, 11, 14, 17, 21), (0, 1, 2, 3, 4, 5, 6), GDTI_SERIAL_BITS),
    _GRAI: _Layout("grai", (4, 7, 10, 14, 17, 20, 24), (0, 1, 2, 3, 4, 5, 6), 38),
    _GIAI: _Layout("giai", (42, 45, 48, 52, 55, 58, 62), (12, 13, 14, 15, 16, 17, 18), 0),
}


class Epc(msgspec.Struct, frozen=True, kw_only=True):
    """What was read off one tag. `uri` is the TDS pure identity, or `urn:epc:raw:...` where it is none of ours.

    reference: document type (gdti), asset type (grai) or individual asset reference (giai); serial: '' for giai, iso
    and raw. afi is set for ISO tags alone, and such a tag is another industry's: `is_foreign`.
    """

    scheme: Scheme
    uri: str
    bits: int
    company_prefix: str = ""
    reference: str = ""
    serial: str = ""
    filter_value: int = 0
    afi: int | None = None

    @property
    def is_foreign(self) -> bool:
        return self.afi is not None


def is_foreign(pc: int) -> bool:
    """Whether the protocol control word names an ISO application family; -1 (reader did not say) is not foreign."""
    return pc >= 0 and bool(pc & ISO_TOGGLE)


def decode(epc: bytes, bits: int, pc: int) -> Epc:
    """Read one EPC. pc is the protocol control word or -1; bytes past `bits` are padding. Never raises on tag content.

    A value that breaks its own partition table is raw: a mis-programmed tag is still a key, but no GS1 identity.
    """
    body = epc[: (bits + 7) // 8]
    if is_foreign(pc):
        afi = pc & AFI_MASK
        return Epc(scheme="iso", uri=f"urn:epc:raw:{bits}.x{afi:02X}.x{body.hex().upper()}", bits=bits, afi=afi)
    raw = Epc(scheme="raw", uri=f"urn:epc:raw:{bits}.x{body.hex().upper()}", bits=bits)
    if bits != 96 or len(body) != 12:
        return raw
    layout = _LAYOUTS.get(body[0])
    partition = (body[1] >> 2) & 0b111
    if layout is None or partition == 7:
        return raw
    value = int.from_bytes(body, "big")
    serial = value & ((1 << layout.serial_bits) - 1)
    value >>= layout.serial_bits
    reference_bits = layout.reference_bits[partition]
    reference = value & ((1 << reference_bits) - 1)
    value >>= reference_bits
    company = value & ((1 << COMPANY_BITS[partition]) - 1)
    company_digits = 12 - partition
    reference_digits = layout.reference_digits[partition]
    if company >= 10**company_digits or reference >= 10**reference_digits:
        return raw
    company_text = str(company).zfill(company_digits)
    if layout.scheme == "giai":
        reference_text, serial_text = str(reference), ""
        uri = f"urn:epc:id:giai:{company_text}.{reference_text}"
    else:
        reference_text = str(reference).zfill(reference_digits) if reference_digits else ""
        serial_text = str(serial)
        uri = f"urn:epc:id:{layout.scheme}:{company_text}.{reference_text}.{serial_text}"
    return Epc(
        scheme=layout.scheme,
        uri=uri,
        bits=bits,
        company_prefix=company_text,
        reference=reference_text,
        serial=serial_text,
        filter_value=body[1] >> 5,
    )


def encode_gdti96(company_prefix: str, document_type: str, serial: int, *, filter_value: int = 0) -> bytes:
    """The 12 bytes of a GDTI-96 tag. Raises ValueError when a field does not fit its partition.

    company_prefix 6-12 digits and document_type together 12 digits; serial below 2**41.
    """
    partition = 12 - len(company_prefix)
    fits = 0 <= partition <= 6 and len(document_type) == partition
    digits = company_prefix + document_type
    if not fits or not (digits.isascii() and digits.isdigit()):
        raise ValueError(
            f"GDTI company prefix '{company_prefix}' and document type '{document_type}': expected 6-12 digits and the "
            "rest to 12 digits; see TDS table 14-16"
        )
    if not 0 <= serial < 1 << GDTI_SERIAL_BITS or not 0 <= filter_value <= 7:
        raise ValueError(f"GDTI-96 serial {serial} (0 to 2**41 - 1) or filter {filter_value} (0 to 7) is out of range")
    value = (_GDTI << 6) | (filter_value << 3) | partition
    value = (value << COMPANY_BITS[partition]) | int(company_prefix)
    value = (value << _LAYOUTS[_GDTI].reference_bits[partition]) | int(document_type or "0")
    return ((value << GDTI_SERIAL_BITS) | serial).to_bytes(12, "big")
