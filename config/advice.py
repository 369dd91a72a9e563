"""What a technician does next about a wrong value, by the place it stands in."""

import difflib
from collections.abc import Iterable
from itertools import islice

_MOST_COMPARED = 500  # difflib takes 10 us a word; a vault may have thousands of segments

_NEXT_STEP = {
    "Vault.schema": "write `schema: 1`",
    "Vault.timezone": "write an IANA name such as Asia/Shanghai",
    "Vault.centre": "ask the platform's operator for the ids of centre, vault and node",
    "Vault.vault": "ask the platform's operator for the ids of centre, vault and node",
    "Vault.node": "ask the platform's operator for the ids of centre, vault and node",
    "Broker.password": "write secret:NAME and put the password in that credential, mode 0600",
    "Broker.host": "give the broker's address",
    "Broker.port": "see the broker's listener; 1883 is usual, 8883 with TLS",
    "Rack.zone": "give one of the zones",
    "Reader.host": "see the reader's label or web page for its address",
    "Reader.port": "see the reader's LLRP setting; 5084 is usual",
    "Reader.segments": "list what ports 1, 2, ... see; null for a port without an antenna",
    "Reader.power_dbm": "see the permit: 33 dBm is the reader's most",
    "Bus.baud": "see the devices' manual; all units of one line share it",
    "Bus.transport": "tcp for Modbus TCP, rtu for a serial line, rtu_over_tcp behind a plain serial server",
    "Bus.port": "see the gateway's setting; 502 is usual",
    "Sensor.unit": "see the device's address switches",
    "Board.unit": "see the device's address switches",
    "Sensor.profile": "see config/profiles, or add one beside the configuration file",
    "Board.profile": "see config/profiles, or add one beside the configuration file",
    "Actuator.energised": "state what the valve does while its output is on",
    "Actuator.zones": "list the zones whose water it shuts off",
    "Limit.low": "see JGJ 25-2010, table 5.2.1",
    "Limit.high": "see JGJ 25-2010, table 5.2.1",
    "Person.uid": "run `id -u NAME` on the vault server",
    "Person.roles": "see docs/configuration.md, Person",
    "Point.address": "see the device's manual; addresses count from 0",
    "Output.address": "see the device's manual; addresses count from 0",
}


def next_step(place: str) -> str:
    """Advice for `Struct.field`; the reference where there is nothing better to say."""
    known = _NEXT_STEP.get(place)
    if known is not None:
        return known
    struct = place.partition(".")[0]
    return f"see docs/configuration.md, {struct}" if struct else "see docs/configuration.md"


def nearest(word: str, words: Iterable[str]) -> str:
    """The one of `words` that was probably meant, '' when none is near."""
    near = difflib.get_close_matches(word[:64], list(islice(words, _MOST_COMPARED)), n=1, cutoff=0.6)
    return near[0] if near else ""
