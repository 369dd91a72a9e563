"""`python -m simulator.platform`: the reference platform of one vault."""

import argparse
import asyncio
import sys
from pathlib import Path

from simulator.platform.service import Settings, serve


def main() -> None:
    """Run until SIGTERM; steered over the control socket: status, snapshot, rewind (lane, from)."""
    parser = argparse.ArgumentParser(prog="python -m simulator.platform", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--db", type=Path, required=True, help="its SQLite database, made when absent")
    parser.add_argument("--centre", required=True)
    parser.add_argument("--vault", required=True)
    parser.add_argument("--node", required=True)
    parser.add_argument("--control", type=Path, required=True, help="unix socket: one JSON object a line")
    parser.add_argument("--key", type=Path, help="Ed25519 private key, PEM; without it no commands are signed")
    parser.add_argument("--issuer", default="platform", help="kid of that key")
    parser.add_argument("--mqtt", choices=("5", "3.1.1"), default="5")
    given = parser.parse_args()
    settings = Settings(
        host=given.host,
        port=given.port,
        db=given.db,
        centre=given.centre,
        vault=given.vault,
        node=given.node,
        control=given.control,
        key=given.key,
        issuer=given.issuer,
        is_mqtt5=given.mqtt == "5",
    )
    sys.exit(asyncio.run(serve(settings)))


if __name__ == "__main__":
    main()
