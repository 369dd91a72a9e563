"""A catalogue by rule, for a configuration that comes without one: a volume in every slot."""

import csv
from pathlib import Path

from config.messages import Texts
from config.phrase import phrase
from config.places import Places
from config.vault import Vault
from simulator.status_block import say

HEADER = ("volume", "epc", "slot", "thickness_mm")
GIAI_96 = 0x34  # header of the EPC Tag Data Standard


def write_catalogue(vault: Vault, path: Path) -> int:
    """Write the CSV that `lantai import` takes; the number of its volumes."""
    slots = Places(vault).slots()
    with path.open("w", newline="", encoding="utf-8") as out:
        lines = csv.writer(out)
        lines.writerow(HEADER)
        for number, slot in enumerate(slots, 1):
            epc = bytes([GIAI_96]) + b"\x18\x00\x00\x00" + number.to_bytes(7, "big")
            lines.writerow((f"V{number:06d}", epc.hex(), slot, 25))
    return len(slots)


def chosen_catalogue(config: Path, given: Path | None, vault: Vault, run: Path, texts: Texts) -> Path:
    """The catalogue given, the one beside the configuration (NAME-volumes.csv), or one made in `run`."""
    if given is not None:
        return given
    beside = config.with_name(f"{config.stem}-volumes.csv")
    if beside.exists():
        return beside
    made = run / "volumes.csv"
    count = write_catalogue(vault, made)
    say(phrase("sim_catalogue_made", name=beside.name, config=config.name, count=count), texts)
    return made
