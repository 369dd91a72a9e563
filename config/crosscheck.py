"""What no single value can show: references, doubles, limits against one another. Collects, never stops."""

import base64
import binascii
import zoneinfo
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

import msgspec

from config.advice import did_you_mean, nearest
from config.decode import INVALID, MOST_ADVICE
from config.phrase import Phrase, Said, phrase
from config.policy import EXCLUSIVE_ROLES, Limit
from config.problem import Finding, Origin, Steps, path_of, shortened
from config.vault import Rack, Vault

MAX_SLOTS = 5_000_000
ED25519_BYTES = 32


class Checking(msgspec.Struct, frozen=True):
    """Where mistakes go, and where each value was written."""

    found: list[Finding]
    origin: Mapping[str, Origin]

    def refuse(self, steps: Steps, seen: Said, expected: Said, step: Said) -> None:
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


def check_reference(checking: Checking, steps: Steps, name: str, known: Collection[str] | None, noun: Phrase) -> None:
    """`name` must be one of `known`, which are ids of a `noun`; None switches the check off."""
    if known is None or not readable(name) or name in known:
        return
    near = nearest(name, known) if len(checking.found) < MOST_ADVICE else ""
    shown = ", ".join(sorted(islice(known, 12))) + (", ..." if len(known) > 12 else "")
    step = did_you_mean(near) if near else phrase("do_correct_or_add", noun=noun)
    expected = phrase("want_id_of", noun=noun, known=shown) if known else phrase("want_id_of_none", noun=noun)
    checking.refuse(steps, shortened(name), expected, step)


def check_doubles(checking: Checking, named: Iterable[tuple[Steps, Any]], expected: Phrase) -> None:
    """Each value, a phrase among them, once; `expected` says so."""
    first: dict[str, Steps] = {}
    for steps, value in named:
        if not readable(value):
            continue
        same = repr(value)
        if same in first:
            step = phrase("do_change_one", place=path_of(first[same]))
            checking.refuse(steps, phrase("seen_twice", value=value), expected, step)
        else:
            first[same] = steps


def check_vault(checking: Checking, vault: Vault) -> Collection[str] | None:
    """Everything but devices. The segment ids of the racks; None when they cannot be known."""
    _check_timezone(checking, vault.timezone)
    zones = ids_of(vault.zones)
    check_doubles(
        checking, [(("zones", i, "id"), zone.id) for i, zone in records(vault.zones)], phrase("want_zone_id_once")
    )
    check_doubles(
        checking, [(("racks", i, "id"), rack.id) for i, rack in records(vault.racks)], phrase("want_rack_id_once")
    )
    for index, rack in records(vault.racks):
        check_reference(checking, ("racks", index, "zone"), rack.zone, zones, phrase("noun_zone"))
        _check_rack(checking, ("racks", index), rack)
    _check_platform(checking, vault)
    _check_policy(checking, vault, zones)
    store = vault.store
    if readable(store) and readable(store.cap_mb, store.reserve_mb) and store.reserve_mb >= store.cap_mb:
        steps: Steps = ("store", "reserve_mb")
        checking.refuse(steps, store.reserve_mb, phrase("want_below_cap", cap_mb=store.cap_mb), phrase("do_raise_cap"))
    return _segments(checking, vault)


def _check_timezone(checking: Checking, name: str) -> None:
    if not readable(name):
        return
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(name, sorted(zoneinfo.available_timezones(), key=lambda zone: (zone[:2] != name[:2], zone)))
        step = did_you_mean(near) if near else phrase("do_write_timezone")
        checking.refuse(("timezone",), repr(name[:64]), phrase("want_timezone"), step)


def _check_rack(checking: Checking, steps: Steps, rack: Rack) -> None:
    if readable(rack.kind, rack.open_aisles) and rack.kind != "mobile_shelving" and rack.open_aisles != 1:
        step, expected = phrase("do_remove_open_aisles"), phrase("want_no_open_aisles", kind=rack.kind)
        checking.refuse((*steps, "open_aisles"), rack.open_aisles, expected, step)
    if readable(rack.kind, rack.slides) and rack.kind != "mobile_shelving" and rack.slides != "across":
        step, expected = phrase("do_remove_slides"), phrase("want_no_slides", kind=rack.kind)
        checking.refuse((*steps, "slides"), rack.slides, expected, step)
    if not readable(rack.faces) or not readable(*rack.faces):
        return
    if not rack.faces or len(set(rack.faces)) < len(rack.faces):
        seen = f"[{', '.join(rack.faces)}]"
        checking.refuse((*steps, "faces"), seen, phrase("want_faces"), phrase("do_list_faces"))
    is_cabinet = rack.kind in ("rotary_cabinet", "lift_cabinet")
    if is_cabinet and readable(rack.rows) and (rack.rows != 1 or len(rack.faces) != 1):
        shape = phrase("seen_rows_faces", rows=rack.rows, faces=len(rack.faces))
        checking.refuse((*steps, "faces"), shape, phrase("want_one_face"), phrase("do_write_one_face"))


def _segments(checking: Checking, vault: Vault) -> Collection[str] | None:
    if not readable(vault.racks) or not readable(*vault.racks):
        return None
    if not all(readable(*msgspec.structs.astuple(rack)) and readable(*rack.faces) for rack in vault.racks):
        return None
    from config.places import Places, slot_count  # noqa: PLC0415  numpy: most commands load no vault

    slots = sum(slot_count(rack) for rack in vault.racks)
    if slots > MAX_SLOTS:
        most = phrase("range_at_most", limit=MAX_SLOTS)
        checking.refuse(("racks",), phrase("seen_slots", count=slots), most, phrase("do_see_rack_sizes"))
        return None
    names = Places(vault).segment_ids
    faces_differ = all(len(set(rack.faces)) == len(rack.faces) for rack in vault.racks)
    ids_differ = len({rack.id for rack in vault.racks}) == len(vault.racks)
    if len(set(names)) < len(names) and faces_differ and ids_differ:
        twice = min(name for name in set(names) if names.count(name) > 1)
        seen = phrase("seen_segment_twice", segment=twice)
        checking.refuse(("racks",), seen, phrase("want_one_segment"), phrase("do_rename_rack"))
    return dict.fromkeys(names)


def _check_platform(checking: Checking, vault: Vault) -> None:
    platform = vault.platform
    if platform is None or not readable(platform):
        return
    brokers = vault.brokers if readable(vault.brokers) else None
    check_reference(checking, ("platform", "broker"), platform.broker, brokers, phrase("noun_broker"))
    if not readable(platform.issuers):
        return
    for kid, key in platform.issuers.items():
        if readable(key) and not is_ed25519_key(key):
            seen = phrase("seen_no_key", letters=len(key))
            checking.refuse(("platform", "issuers", kid), seen, phrase("want_public_key"), phrase("do_ask_for_key"))


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
    check_doubles(
        checking, [(("policy", "people", name, "uid"), person.uid) for name, person in people], phrase("want_uid_once")
    )
    for name, person in people:
        both = sorted(
            EXCLUSIVE_ROLES & {role for role in person.roles if readable(role)} if readable(person.roles) else []
        )
        if len(both) > 1:
            checking.refuse(
                ("policy", "people", name, "roles"),
                ", ".join(both),
                phrase("want_one_of_roles", roles=", ".join(sorted(EXCLUSIVE_ROLES))),
                phrase("do_part_roles"),
            )


def _check_limit(
    checking: Checking, index: int, limit: Limit, zones: Collection[str] | None, covered: dict[tuple[str, str], int]
) -> None:
    steps: Steps = ("policy", "limits", index)
    if readable(limit.low, limit.high) and limit.low >= limit.high:
        seen = phrase("seen_low_high", low=f"{limit.low:g}", high=f"{limit.high:g}")
        checking.refuse((*steps, "low"), seen, phrase("want_low_below_high"), phrase("do_exchange"))
    elif readable(limit.low, limit.high, limit.deadband) and 2 * limit.deadband >= limit.high - limit.low:
        expected = phrase("want_smaller_deadband", span=f"{limit.high - limit.low:g}")
        checking.refuse((*steps, "deadband"), f"{limit.deadband:g}", expected, phrase("do_make_smaller"))
    if not readable(limit.zones):
        return
    for number, zone in enumerate(limit.zones):
        check_reference(checking, (*steps, "zones", number), zone, zones, phrase("noun_zone"))
    for zone in limit.zones or ("",):
        if not readable(limit.quantity, zone):
            continue
        earlier = covered.setdefault((limit.quantity, zone), index)
        if earlier != index:
            where = phrase("device_zone", name=zone) if zone else phrase("every_zone")
            seen = phrase("seen_second_limit", quantity=limit.quantity, where=where)
            step = phrase("do_change_one", place=f"policy.limits[{earlier}]")
            checking.refuse(steps, seen, phrase("want_one"), step)
