"""The demo vault's catalogue, by rule: `python -m config.volumes demo` writes config/vaults/demo-volumes.csv.

Slots are taken in layout order. Slot i of the S slots holds a volume when floor((i + 1) * N / S) > floor(i * N / S): N
volumes spread evenly, gaps among them. The n-th volume, from 1, is V000001 and on; its tag is GDTI-96 with GS1's
example company prefix 0614141, document type 00001 and serial n; its thickness is 10 + (n * 17) mod 41 mm: 10..50.
Where a volume really stands is the world's affair; this is where it belongs.
"""

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

from config.catalogue import HEADER
from config.catalogued import CataloguedVolume
from config.load import load
from config.places import Places

DEMO_VOLUMES = 10_667
COMPANY_PREFIX = "0614141"  # GS1's example prefix: no real owner's tags are imitated
DOCUMENT_TYPE = "00001"
FOLDER = Path(__file__).parent / "vaults"

_GDTI_96 = 0x2C
# Digits of company prefix and document type -> partition, bits of each (GS1 Tag Data Standard, GDTI partition table).
_PARTITION = {
    12: (0, 40, 1),
    11: (1, 37, 4),
    10: (2, 34, 7),
    9: (3, 30, 11),
    8: (4, 27, 14),
    7: (5, 24, 17),
    6: (6, 20, 21),
}


def gdti_96(company_prefix: str, document_type: str, serial: int, filter_value: int = 0) -> str:
    """24 lower-case hex digits of a GDTI-96 tag. Prefix and type together have 12 digits; serial below 2**41."""
    if not (company_prefix + document_type).isdigit() or len(company_prefix + document_type) != 12:
        raise ValueError(f"prefix {company_prefix!r} and type {document_type!r} must have 12 digits together")
    if len(company_prefix) not in _PARTITION or not 0 <= serial < 1 << 41 or not 0 <= filter_value < 8:
        raise ValueError(
            f"prefix of 6..12 digits, serial below 2**41, filter below 8; seen {company_prefix!r}, {serial}"
        )
    partition, prefix_bits, type_bits = _PARTITION[len(company_prefix)]
    value = _GDTI_96
    value = value << 3 | filter_value
    value = value << 3 | partition
    value = value << prefix_bits | int(company_prefix)
    value = value << type_bits | int(document_type or "0")
    return f"{value << 41 | serial:024x}"


def lines_by_rule(places: Places, volumes: int) -> Iterator[CataloguedVolume]:
    """`volumes` lines over the slots of `places`, at most one a slot."""
    if volumes > places.slot_count:
        raise ValueError(f"{volumes} volumes do not fit {places.slot_count} slots")
    number = 0
    for index, slot in enumerate(places.slots()):
        if (index + 1) * volumes // places.slot_count == number:
            continue
        number += 1
        epc = gdti_96(COMPANY_PREFIX, DOCUMENT_TYPE, number)
        yield CataloguedVolume(f"V{number:06d}", epc, slot, 10 + number * 17 % 41)


def as_csv(lines: Iterator[CataloguedVolume]) -> str:
    """The file's text."""
    text = io.StringIO()
    text.write(",".join(HEADER) + "\n")
    for line in lines:
        text.write(f"{line.volume},{line.epc},{line.slot},{line.thickness_mm}\n")
    return text.getvalue()


def main() -> None:
    """Write the catalogue of a ready vault."""
    parser = argparse.ArgumentParser(description="write the catalogue of a ready vault by rule")
    parser.add_argument("vault", choices=["demo"])
    name = parser.parse_args().vault
    places = Places(load(FOLDER / f"{name}.yaml").vault)
    (FOLDER / f"{name}-volumes.csv").write_text(as_csv(lines_by_rule(places, DEMO_VOLUMES)), encoding="utf-8")


if __name__ == "__main__":
    main()
