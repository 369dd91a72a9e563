"""A configuration file, with all that it extends, to one Vault; or every mistake in it at once."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from config.advice import next_step
from config.crosscheck import Checking, check_vault, readable, records
from config.crosscheck_devices import check_devices
from config.decode import decode
from config.extends import Folded, fold
from config.phrase import Said, phrase
from config.problem import ConfigError, Finding, Origin, Problem, Steps, path_of, shortened
from config.profile import Profile
from config.profile_files import profile_ids, read_profile
from config.vault import SCHEMA, Vault
from config.yaml_nodes import Listing, Mapping, Node, Scalar, as_whole


class Loaded(msgspec.Struct, frozen=True):
    """A configuration without a mistake. `origin`: where each key path was written; defaults are not in it.

    `profiles` holds every profile a sensor or board names, by id. `files`: all that was read, the outermost first.
    """

    vault: Vault
    origin: dict[str, Origin]
    profiles: dict[str, Profile]
    files: tuple[Path, ...]


def load(path: Path) -> Loaded:
    """Read, fold, decode and check the file. Raises ConfigError with every problem found."""
    found: list[Finding] = []
    folded = fold(path, found)
    own = [_placed(finding, _tree_of(folded, finding)) for finding in found]
    found = []
    for _, tree in folded.files:
        _check_schema(tree, found)
    decoded = decode(inspect.type_info(Vault), folded.tree, found, is_whole=folded.is_whole)
    problems: list[Problem] = []
    profiles: dict[str, Profile] = {}
    if isinstance(decoded.value, Vault) and folded.is_whole:
        checking = Checking(found, decoded.origin)
        segments = check_vault(checking, decoded.value)
        folders = _profile_folders(folded)
        profiles = _profiles(checking, decoded.value, folders, problems)
        check_devices(checking, decoded.value, segments, profiles)
    problems = own + [_placed(finding, folded.tree) for finding in found] + problems
    if problems:
        raise ConfigError(_in_file_order(problems, folded))
    return Loaded(decoded.value, decoded.origin, profiles, tuple(file for file, _ in folded.files))


def shown(loaded: Loaded) -> list[tuple[str, str, Origin | None]]:
    """Key path, value as JSON and origin of every leaf, in the order of the records; None: a default.

    Passwords are in it only as the `secret:NAME` they are in the file.
    """
    rows: list[tuple[str, str, Origin | None]] = []
    _show(msgspec.to_builtins(loaded.vault), (), loaded.origin, rows)
    return rows


def _show(value: Any, steps: Steps, origin: dict[str, Origin], rows: list[tuple[str, str, Origin | None]]) -> None:
    parts: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, (list, tuple)):
        parts = list(enumerate(value))
    for key, part in parts:
        _show(part, (*steps, key), origin, rows)
    if not parts:
        path = path_of(steps)
        rows.append((path, msgspec.json.encode(value).decode(), origin.get(path)))


def _check_schema(tree: Node, found: list[Finding]) -> None:
    node = tree.entries.get("schema") if isinstance(tree, Mapping) else None
    version = as_whole(node) if isinstance(node, Scalar) else None
    if node is None or version is None or version < 1 or version == SCHEMA:
        return
    step = phrase("do_see_changelog") if version < SCHEMA else phrase("do_install_newer")
    found.append(Finding(node.origin, ("schema",), version, phrase("want_schema", schema=SCHEMA), step))


def _profile_folders(folded: Folded) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(file.parent / "profiles" for file, _ in folded.files))


def _profiles(
    checking: Checking, vault: Vault, folders: tuple[Path, ...], problems: list[Problem]
) -> dict[str, Profile]:
    profiles: dict[str, Profile] = {}
    broken: set[str] = set()
    for kind in ("sensors", "boards"):
        for index, device in records(getattr(vault, kind)):
            name = device.profile
            if not readable(name) or name in profiles or name in broken:
                continue
            before = len(problems)
            profile = read_profile(name, folders, problems)
            if profile is not None:
                profiles[name] = profile
            elif len(problems) > before:
                broken.add(name)
            else:
                expected = phrase("want_profile", known=", ".join(profile_ids(folders)))
                checking.refuse((kind, index, "profile"), shortened(name), expected, next_step("Sensor.profile"))
    return profiles


def _tree_of(folded: Folded, finding: Finding) -> Node:
    """A finding made before the merge counts list items in its own file."""
    return next((tree for file, tree in folded.files if str(file) == finding.origin.file), folded.tree)


def _placed(finding: Finding, tree: Node) -> Problem:
    return Problem(
        file=finding.origin.file,
        line=finding.origin.line,
        device=_device(finding.steps, tree),
        path=path_of(finding.steps),
        seen=finding.seen,
        expected=finding.expected,
        next_step=finding.next_step,
    )


def _device(steps: Steps, tree: Node) -> Said:
    """`sensor 'th-03'` when the path lies in a device, a place, a broker or a person; else ''."""
    match steps:
        case ("brokers", str(name), *_):
            return phrase("device_broker", name=name[:64])
        case ("policy", "people", str(name), *_):
            return phrase("device_person", name=name[:64])
        case (str(kind), int(index), *_):
            listing = tree.entries.get(kind) if isinstance(tree, Mapping) else None
            if not isinstance(listing, Listing) or index >= len(listing.items):
                return ""
            item = listing.items[index]
            given = item.entries.get("id") if isinstance(item, Mapping) else None
            return _named(kind, given.text[:64]) if isinstance(given, Scalar) else ""
    return ""


def _named(kind: str, name: str) -> Said:
    match kind:
        case "zones":
            return phrase("device_zone", name=name)
        case "racks":
            return phrase("device_rack", name=name)
        case "readers":
            return phrase("device_reader", name=name)
        case "buses":
            return phrase("device_bus", name=name)
        case "sensors":
            return phrase("device_sensor", name=name)
        case "boards":
            return phrase("device_board", name=name)
        case "actuators":
            return phrase("device_actuator", name=name)
    return ""


def _in_file_order(problems: list[Problem], folded: Folded) -> tuple[Problem, ...]:
    rank = {str(file): index for index, (file, _) in enumerate(folded.files)}
    return tuple(sorted(problems, key=lambda problem: (rank.get(problem.file, len(rank)), problem.file, problem.line)))
