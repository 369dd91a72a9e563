"""The overlay of a demo: the site's own configuration, with every wire led to this machine.

Only what a wire is plugged into changes: hosts, ports, serial paths, the broker, the platform's key and who
the local user is. What the vault is stays as the site wrote it, by `extends:`.
"""

import os
from pathlib import Path
from typing import Any

import yaml

from config.vault import Vault
from simulator.ports import HERE, HeldPorts

ROLES = ("archivist", "technician", "safety_officer")


def overlay(
    vault: Vault, site: Path, run: Path, broker_port: int, issuers: dict[str, str], held: HeldPorts
) -> dict[str, Any]:
    """The overlay's document; `site` is the configuration it extends, `run` the run directory, `held` keeps the ports
    of its devices.

    Lists merge by id, mappings deeply (config/extends.py): only what differs is written.
    """
    network = [bus.id for bus in vault.buses if bus.transport != "rtu"]
    ports = iter(held.take(len(vault.readers) + len(network)))
    broker = vault.platform.broker if vault.platform else "platform"
    document: dict[str, Any] = {
        "extends": str(site.resolve()),
        "schema": vault.schema,
        "brokers": {
            broker: {"host": HERE, "port": broker_port, "username": "", "password": "", "ca_file": ""},
        },
        "platform": {"broker": broker, "issuers": issuers},
        "readers": [{"id": reader.id, "host": HERE, "port": next(ports)} for reader in vault.readers],
        "buses": [
            {"id": bus.id, "host": HERE, "port": next(ports)}
            if bus.id in network
            else {"id": bus.id, "serial": str(run / f"{bus.id}.tty")}
            for bus in vault.buses
        ],
        "policy": {"people": {_local_person(vault): {"uid": os.getuid(), "roles": list(ROLES)}}},
    }
    return {key: value for key, value in document.items() if value != []}


def write_overlay(path: Path, document: dict[str, Any]) -> None:
    """As YAML, keys in the order given."""
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")


def local_people() -> dict[str, object]:
    """`policy.people` of a generated configuration: the local user, with the roles of the command line."""
    return {"operator": {"uid": os.getuid(), "roles": list(ROLES)}}


def _local_person(vault: Vault) -> str:
    """The name the site already has for the local user, so that no uid stands twice; else `operator`."""
    uid = os.getuid()
    return next((name for name, person in vault.policy.people.items() if person.uid == uid), "operator")
