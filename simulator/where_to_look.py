"""What a person needs to look at a running demo from outside: the command to type, and where the wires are."""

import shlex
from pathlib import Path
from typing import Any

from config.phrase import Phrase, phrase
from simulator.ports import HERE


def where_to_look(lantai: str, config: Path, state: Path, wires: dict[str, Any]) -> tuple[Phrase, ...]:
    """Lines of a run; `wires` is the document of its overlay, `config` the file it stands in."""
    brokers = [f"{broker['host']}:{broker['port']}" for broker in wires["brokers"].values()]
    lines = [
        phrase("sim_look", command=shlex.join((lantai, "status", "--state", str(state)))),
        phrase("sim_at_broker", address=", ".join(brokers)),
    ]
    if modbus := [f"{HERE}:{bus['port']}" for bus in wires.get("buses", ()) if "port" in bus]:
        lines.append(phrase("sim_at_modbus", address=", ".join(modbus)))
    if readers := [reader["port"] for reader in wires.get("readers", ())]:
        low, high = str(min(readers)), str(max(readers))
        lines.append(phrase("sim_at_readers", count=len(readers), host=HERE, low=low, high=high, config=str(config)))
    return tuple(lines)
