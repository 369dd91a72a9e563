"""The six packages have plain names: another distribution that brings one of them would be imported instead of ours."""

from importlib.util import find_spec
from pathlib import Path

OURS = ("config", "drivers", "sensors", "navigation", "edge")
"""`simulator` stays out: the daemon never imports it."""


def foreign_package() -> str:
    """'' when every one of our packages lies beside this one, else what was found where and what to do."""
    home = Path(__file__).resolve().parents[2]
    for name in OURS:
        spec = find_spec(name)
        places = [Path(place).resolve() for place in (spec.submodule_search_locations or ())] if spec else []
        if places != [home / name]:
            found = ", ".join(map(str, places)) or "nothing"
            return (
                f"package '{name}' is imported from {found}, expected {home / name}: "
                "another distribution owns that name; install lantai-edge alone in its own virtual environment"
            )
    return ""
