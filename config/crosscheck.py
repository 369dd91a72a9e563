"""What no single value can show: references, doubles, limits against one another. Collects, never stops."""

import base64
import binascii
import zoneinfo
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

import msgspec

from config.advice import nearest
from config.decode import INVALID, MOST_ADVICE
from config.places import Places, slot_count
from config.policy import EXCLUSIVE_ROLES, Limit
from config.problem import Finding, Origin, Steps, path_of
from config.vault import Rack, Vault

MAX_SLOTS = 5_000_000
ED25519_BYTES = 32


class Checking(msgspec.Struct, frozen=True):
    """Where mistakes go, and where each value was written."""

    found: list[Finding]
    origin: Mapping[str, Origin]

    def refuse(self, steps: Steps, seen: str, expected: str, step: str) -> None:
        """Note a mistake at `steps`, or at the nearest key above that was written."""
        written = steps
        while written and path_of(written) not in self.origin:
            written = written[:-1]
        self.found.append(Finding(self.origin.get(path_of(written), Origin("", 0)), steps, seen, expected, step))


def readable(*values: object) -> bool:
    """Whether none of the values was refused: nothing is said about what hangs on a refused one."""
    return not any(value is INVALID for value in values)


def records(values: Any) -> list[tuple[int, Any]]:
    """Index and record of each readable item of a list that may itself have been refused."""
    return [] if not readable(values) else [(index, item) for index, item in enumerate(values) if readable(item)]


def ids_of(values: Any) -> dict[str, None] | None:
    """The ids of a list; None when one of them cannot be known, so that no reference can be judged."""
    if not readable(values) or not readable(*values) or not readable(*(item.id for item in values)):
        return None
    return dict.fromkeys(item.id for item in values)


def check_reference(checking: Checking, steps: Steps, name: str, known: Collection[str] | None, noun: str) -> None:
    """`name` must be one of `known`; None switches the check off."""
    if known is None or not readable(name) or name in known:
        return
    near = nearest(name, known) if len(checking.found) < MOST_ADVICE else ""
    shown = ", ".join(sorted(islice(known, 12))) + (", ..." if len(known) > 12 else "")
    step = f"did you mean '{near}'?" if near else f"correct the name or add the {noun}"
    checking.refuse(steps, name, f"one of the {noun} ids: {shown}" if known else f"a {noun} id (there is none)", step)


def check_doubles(checking: Checking, named: Iterable[tuple[Steps, Any]], noun: str) -> None:
    """Each value once."""
    first: dict[Any, Steps] = {}
    for steps, value in named:
        if not readable(value):
            continue
        if value in first:
            seen = f"{value} a second time"
            checking.refuse(steps, seen, f"each {noun} once", f"change it here or at {path_of(first[value])}")
        else:
            first[value] = steps


def check_vault(checking: Checking, vault: Vault) -> Collection[str] | None:
    """Everything but devices. The segment ids of the racks; None when they cannot be known."""
    _check_timezone(checking, vault.timezone)
    zones = ids_of(vault.zones)
    check_doubles(checking, [(("zones", i, "id"), zone.id) for i, zone in records(vault.zones)], "zone id")
    check_doubles(checking, [(("racks", i, "id"), rack.id) for i, rack in records(vault.racks)], "rack id")
    for index, rack in records(vault.racks):
        check_reference(checking, ("racks", index, "zone"), rack.zone, zones, "zone")
        _check_rack(checking, ("racks", index), rack)
    _check_platform(checking, vault)
    _check_policy(checking, vault, zones)
    store = vault.store
    if readable(store) and readable(store.cap_mb, store.reserve_mb) and store.reserve_mb >= store.cap_mb:
        steps: Steps = ("store", "reserve_mb")
        checking.refuse(steps, str(store.reserve_mb), f"less than cap_mb ({store.cap_mb})", "raise cap_mb")
    return _segments(checking, vault)


def _check_timezone(checking: Checking, name: str) -> None:
    if not readable(name):
        return
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(name, sorted(zoneinfo.available_timezones(), key=lambda zone: (zone[:2] != name[:2], zone)))
        step = f"did you mean '{near}'?" if near else "write e.g. Asia/Shanghai"
        checking.refuse(("timezone",), repr(name[:64]), "an IANA time zone", step)


def _check_rack(checking: Checking, steps: Steps, rack: Rack) -> None:
    if readable(rack.kind, rack.open_aisles) and rack.kind != "mobile_shelving" and rack.open_aisles != 1:
        step = "remove the key; it is for mobile_shelving"
        checking.refuse((*steps, "open_aisles"), str(rack.open_aisles), f"no open_aisles on {rack.kind}", step)
    if not readable(rack.faces) or not readable(*rack.faces):
        return
    if not rack.faces or len(set(rack.faces)) < len(rack.faces):
        seen = f"[{', '.join(rack.faces)}]"
        checking.refuse((*steps, "faces"), seen, "L, R or both, each once", "list the faces that hold volumes")
    is_cabinet = rack.kind in ("rotary_cabinet", "lift_cabinet")
    if is_cabinet and readable(rack.rows) and (rack.rows != 1 or len(rack.faces) != 1):
        seen = f"{rack.rows} rows, {len(rack.faces)} faces"
        step = "write `faces: [L]` and count its carriers or trays as shelves"
        checking.refuse((*steps, "faces"), seen, "1 row and one face for a cabinet", step)


def _segments(checking: Checking, vault: Vault) -> Collection[str] | None:
    if not readable(vault.racks) or not readable(*vault.racks):
        return None
    if not all(readable(*msgspec.structs.astuple(rack)) and readable(*rack.faces) for rack in vault.racks):
        return None
    slots = sum(slot_count(rack) for rack in vault.racks)
    if slots > MAX_SLOTS:
        checking.refuse(("racks",), f"{slots} slots", f"at most {MAX_SLOTS}", "see rows, sections, shelves, slots")
        return None
    names = Places(vault).segment_ids
    faces_differ = all(len(set(rack.faces)) == len(rack.faces) for rack in vault.racks)
    ids_differ = len({rack.id for rack in vault.racks}) == len(vault.racks)
    if len(set(names)) < len(names) and faces_differ and ids_differ:
        twice = min(name for name in set(names) if names.count(name) > 1)
        checking.refuse(("racks",), f"segment {twice} twice", "one stretch of shelf per id", "rename one of the racks")
    return dict.fromkeys(names)


def _check_platform(checking: Checking, vault: Vault) -> None:
    platform = vault.platform
    if platform is None or not readable(platform):
        return
    brokers = vault.brokers if readable(vault.brokers) else None
    check_reference(checking, ("platform", "broker"), platform.broker, brokers, "broker")
    if not readable(platform.issuers):
        return
    for kid, key in platform.issuers.items():
        if readable(key) and not is_ed25519_key(key):
            step = "ask the platform's operator for the public key of this issuer"
            checking.refuse(
                ("platform", "issuers", kid),
                f"{len(key)} letters that are no such key",
                "an Ed25519 public key, base64url of 32 bytes (43 letters)",
                step,
            )


def is_ed25519_key(text: str) -> bool:
    """Whether `text` is base64url of the 32 bytes of a point of the curve (RFC 8032, 5.1.3)."""
    try:
        raw = base64.b64decode(text.rstrip("=") + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != ED25519_BYTES:
        return False
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    y = int.from_bytes(raw, "little") & ((1 << 255) - 1)
    if y >= p:
        return False
    x_squared = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    return pow(x_squared, (p - 1) // 2, p) in (0, 1)


def _check_policy(checking: Checking, vault: Vault, zones: Collection[str] | None) -> None:
    policy = vault.policy
    if not readable(policy):
        return
    covered: dict[tuple[str, str], int] = {}
    for index, limit in records(policy.limits):
        _check_limit(checking, index, limit, zones, covered)
    if not readable(policy.people):
        return
    people = [(name, person) for name, person in policy.people.items() if readable(person)]
    check_doubles(checking, [(("policy", "people", name, "uid"), person.uid) for name, person in people], "uid")
    for name, person in people:
        both = sorted(
            EXCLUSIVE_ROLES & {role for role in person.roles if readable(role)} if readable(person.roles) else []
        )
        if len(both) > 1:
            checking.refuse(
                ("policy", "people", name, "roles"),
                " and ".join(both),
                "at most one of " + ", ".join(sorted(EXCLUSIVE_ROLES)) + " (三员)",
                "give the roles to different persons",
            )


def _check_limit(
    checking: Checking, index: int, limit: Limit, zones: Collection[str] | None, covered: dict[tuple[str, str], int]
) -> None:
    steps: Steps = ("policy", "limits", index)
    if readable(limit.low, limit.high) and limit.low >= limit.high:
        checking.refuse(
            (*steps, "low"), f"low {limit.low:g}, high {limit.high:g}", "low below high", "exchange the two"
        )
    elif readable(limit.low, limit.high, limit.deadband) and 2 * limit.deadband >= limit.high - limit.low:
        expected = f"less than half of {limit.high - limit.low:g}, so that a value can come back inside"
        checking.refuse((*steps, "deadband"), f"{limit.deadband:g}", expected, "make it smaller")
    if not readable(limit.zones):
        return
    for number, zone in enumerate(limit.zones):
        check_reference(checking, (*steps, "zones", number), zone, zones, "zone")
    for zone in limit.zones or ("",):
        if not readable(limit.quantity, zone):
            continue
        earlier = covered.setdefault((limit.quantity, zone), index)
        if earlier != index:
            where = f"zone '{zone}'" if zone else "every zone"
            seen = f"a second limit of {limit.quantity} for {where}"
            checking.refuse(steps, seen, "one", f"change it here or at policy.limits[{earlier}]")
