"""Profiles from their files: those of the package, and those in `profiles/` beside a configuration."""

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import inspect

from config.crosscheck import Checking, check_doubles, check_reference, readable, records
from config.decode import decode
from config.phrase import os_reason, phrase
from config.problem import ConfigError, Finding, Origin, Problem, Steps, path_of
from config.profile import CONTACTS, Profile, register_count
from config.yaml_nodes import Hole, read_tree

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_REGISTERS = 65536


def load_profile(profile_id: str, folders: Sequence[Path] = ()) -> Profile:
    """The profile, from the first of `folders` that has it, else from the package. Raises ConfigError."""
    problems: list[Problem] = []
    profile = read_profile(profile_id, folders, problems)
    if profile is None and not problems:
        problems.append(
            Problem(
                file=f"{profile_id}.yaml",
                line=0,
                device="",
                path="",
                seen=phrase("seen_no_such_profile"),
                expected=phrase("want_one_of", values=", ".join(profile_ids(folders))),
                next_step=phrase("do_add_profile"),
            )
        )
    if profile is None or problems:
        raise ConfigError(tuple(problems))
    return profile


def profile_ids(folders: Sequence[Path] = ()) -> list[str]:
    """Every profile there is, sorted."""
    places: list[Traversable] = [folder for folder in folders if folder.is_dir()]
    places.append(resources.files("config") / "profiles")
    return sorted({file.name[:-5] for place in places for file in place.iterdir() if file.name.endswith(".yaml")})


def read_profile(profile_id: str, folders: Sequence[Path], problems: list[Problem]) -> Profile | None:
    """The profile; None with nothing in `problems` when there is no such file, None or half-read with them else."""
    if not _ID.fullmatch(profile_id):
        return None
    packaged: Traversable = resources.files("config") / "profiles"
    for folder in (*folders, packaged):
        file = folder / f"{profile_id}.yaml"
        if not file.is_file():
            continue
        found: list[Finding] = []
        name = str(file)
        try:
            tree = read_tree(file.read_bytes(), name, found)
        except OSError as error:
            seen, expected = os_reason(error), phrase("want_readable_file")
            found.append(Finding(Origin(name, 0), (), seen, expected, phrase("do_see_file_mode")))
            tree = Hole(Origin(name, 0))
        decoded = decode(inspect.type_info(Profile), tree, found)
        if isinstance(decoded.value, Profile):
            _check_profile(Checking(found, decoded.origin), decoded.value, profile_id)
        problems += [
            Problem(
                file=finding.origin.file,
                line=finding.origin.line,
                device=phrase("device_profile", name=profile_id),
                path=path_of(finding.steps),
                seen=finding.seen,
                expected=finding.expected,
                next_step=finding.next_step,
            )
            for finding in found
        ]
        return decoded.value if isinstance(decoded.value, Profile) and not found else None
    return None


def _check_profile(checking: Checking, profile: Profile, profile_id: str) -> None:
    if readable(profile.id) and profile.id != profile_id:
        checking.refuse(("id",), profile.id, profile_id, phrase("do_name_as_file"))
    points = records(profile.points)
    check_doubles(checking, [(("points", i, "id"), point.id) for i, point in points], phrase("want_point_id_once"))
    outputs = [(("outputs", i, "id"), output.id) for i, output in records(profile.outputs)]
    check_doubles(checking, outputs, phrase("want_output_id_once"))
    whole = readable(profile.points) and len(points) == len(profile.points)
    known = {point.id: point for _, point in points if readable(point.id)} if whole else None
    for index, point in points:
        _check_point(checking, ("points", index), point, profile, known)
    for index, output in records(profile.outputs):
        steps: Steps = ("outputs", index)
        check_reference(checking, (*steps, "readback"), output.readback, known, phrase("noun_point"))
        back = (known or {}).get(output.readback) if readable(output.readback) else None
        if back is not None and readable(back.kind) and back.kind != "bit":
            seen, expected = phrase("seen_point_kind", kind=back.kind), phrase("want_bit_point")
            checking.refuse((*steps, "readback"), seen, expected, phrase("do_see_manual"))


def _check_point(checking: Checking, steps: Steps, point: Any, profile: Profile, known: dict[str, Any] | None) -> None:
    manual = phrase("do_see_manual")
    if not readable(point.kind, point.table):
        return
    count = register_count(point)
    if readable(point.address) and point.address + count > _REGISTERS:
        seen = phrase("seen_registers", count=count, address=point.address)
        checking.refuse((*steps, "address"), seen, phrase("want_registers_inside"), manual)
    if readable(profile.max_block) and count > profile.max_block:
        checking.refuse((*steps, "kind"), point.kind, phrase("want_max_block", count=profile.max_block), manual)
    if (point.table in ("co", "di")) and point.kind != "bit":
        checking.refuse((*steps, "kind"), point.kind, phrase("want_bit_kind", table=point.table), manual)
    if point.kind == "bit" and point.table in ("co", "di") and readable(point.bit) and point.bit:
        checking.refuse(
            (*steps, "bit"), point.bit, phrase("want_no_bit", table=point.table), phrase("do_remove_the_key")
        )
    is_word = point.table in ("hr", "ir")  # of the others every point is of kind bit
    if readable(point.quantity) and point.quantity in CONTACTS and is_word and point.kind != "bit":
        checking.refuse((*steps, "kind"), point.kind, phrase("want_bit_of", quantity=point.quantity), manual)
    if readable(point.quantity) and point.quantity not in CONTACTS and point.kind == "bit":
        checking.refuse((*steps, "quantity"), point.quantity, phrase("want_contact"), phrase("do_see_contacts"))
    if readable(point.low, point.high) and None not in (point.low, point.high) and point.low >= point.high:
        span = phrase("seen_low_high", low=f"{point.low:g}", high=f"{point.high:g}")
        checking.refuse((*steps, "low"), span, phrase("want_low_below_high"), manual)
    if readable(point.scale) and point.scale == 0:
        checking.refuse((*steps, "scale"), 0, phrase("want_other_number"), manual)
    for number, name in records(point.unknown_while):
        check_reference(checking, (*steps, "unknown_while", number), name, known, phrase("noun_point"))
        other = (known or {}).get(name)
        if other is not None and readable(other.kind) and other.kind != "bit":
            kind = phrase("seen_point_kind", kind=other.kind)
            checking.refuse((*steps, "unknown_while", number), kind, phrase("want_bit_point"), manual)
    if not readable(point.unit_point, point.unit_scales):
        return
    if point.unit_point:
        check_reference(checking, (*steps, "unit_point"), point.unit_point, known, phrase("noun_point"))
    if bool(point.unit_point) != bool(point.unit_scales):
        expected, step = phrase("want_unit_pair"), phrase("do_give_both")
        checking.refuse((*steps, "unit_point"), phrase("seen_one_of_two"), expected, step)
