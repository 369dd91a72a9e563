"""The overlay of a demo: the site's own configuration, with every wire led to this machine.

Only what a wire is plugged into changes: hosts, ports, serial paths, the broker, the platform's key and who
the local user is. What the vault is stays as the site wrote it, by `extends:`.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import yaml

from config.vault import Vault

HERE = "127.0.0.1"
ROLES = ("archivist", "technician", "safety_officer")


def free_ports(count: int) -> list[int]:
    """So many TCP ports of this machine, free a moment ago and all different."""
    with ExitStack() as held:
        ports = []
        for _ in range(count):
            bound = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            bound.bind((HERE, 0))
            ports.append(int(bound.getsockname()[1]))
        return ports


def overlay(vault: Vault, site: Path, run: Path, broker_port: int, issuers: dict[str, str]) -> dict[str, Any]:
    """The overlay's document; `site` is the configuration it extends, `run` the run directory."""
    network = [bus for bus in vault.buses if bus.transport != "rtu"]
    ports = iter(free_ports(len(vault.readers) + len(network)))
    document: dict[str, Any] = {
        "extends": str(site.resolve()),
        "schema": vault.schema,
        "readers": [{**_plain(reader), "host": HERE, "port": next(ports)} for reader in vault.readers],
        "buses": [_bus(_plain(bus), run, ports) for bus in vault.buses],
        "policy": {"people": _people(vault)},
    }
    name = vault.platform.broker if vault.platform else "platform"
    document["brokers"] = {name: {"host": HERE, "port": broker_port}}
    document["platform"] = {"broker": name, "issuers": issuers}
    return document


def write_overlay(path: Path, document: dict[str, Any]) -> None:
    """As YAML, keys in the order given."""
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _bus(bus: dict[str, Any], run: Path, ports: Iterator[int]) -> dict[str, Any]:
    if bus["transport"] == "rtu":
        return {**bus, "serial": str(run / f"{bus['id']}.tty")}
    return {**bus, "host": HERE, "port": next(ports)}


def _people(vault: Vault) -> dict[str, Any]:
    uid = os.getuid()
    people = {name: _plain(person) for name, person in vault.policy.people.items() if person.uid != uid}
    return {**people, "operator": {"uid": uid, "roles": list(ROLES)}}


def _plain(record: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain
