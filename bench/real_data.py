"""Where the evaluation data lies: never in the project, so a benchmark that needs it says what is missing."""

import os
from pathlib import Path

BESIDE = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def folder(named: Path | None, inside: str) -> Path:
    """The set `inside` the evaluation data: as named, else LANTAI_DATA, else `shared/data` beside the checkout.

    Raises SystemExit where it is absent.
    """
    data = named or Path(os.environ.get("LANTAI_DATA") or BESIDE)
    place = data / inside
    if not place.is_dir():
        raise SystemExit(f"no evaluation data at {place}: give --data or set LANTAI_DATA")
    return place
