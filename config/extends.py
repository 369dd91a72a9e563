"""`extends:` folded in: one tree out of a file and the files it builds on, each value keeping its origin.

Mappings merge deeply. Lists whose items all carry an `id` merge by that id: known ids deeply, new ones behind. Every
other list, the empty one among them, and every scalar replaces what it extends. Of several bases the later wins, and
the file itself wins over all.
"""

import os
from pathlib import Path

import msgspec

from config.phrase import Said, os_reason, phrase
from config.problem import Finding, Origin
from config.yaml_nodes import Hole, Listing, Mapping, Node, Scalar, as_text, as_whole, described, read_tree

KEY = "extends"
MAX_FILES = 32


class Folded(msgspec.Struct, frozen=True):
    """The merged tree, and every file that was read, the outermost first, each with its own tree.

    `is_whole` is False when a part could not be read: nothing can then be said of what is missing.
    """

    tree: Node
    is_whole: bool
    files: tuple[tuple[Path, Node], ...]


def fold(path: Path, found: list[Finding]) -> Folded:
    """Read `path` and everything it extends. Mistakes go to `found`."""
    files: dict[Path, Node] = {}
    lost: list[Path] = []
    tree = _folded(path, Origin(str(path), 0), (), files, {}, lost, found)
    is_whole = not lost and not any(isinstance(part, Hole) for part in (tree, *files.values()))
    return Folded(tree, is_whole, tuple(files.items()))


def _folded(
    path: Path,
    asked_at: Origin,
    chain: tuple[Path, ...],
    files: dict[Path, Node],
    done: dict[Path, Node],
    lost: list[Path],
    found: list[Finding],
) -> Node:
    if path in done:
        return done[path]
    if path in chain:
        ring = " -> ".join(name.name for name in (*chain[chain.index(path) :], path))
        found.append(Finding(asked_at, (KEY,), ring, phrase("want_no_ring"), phrase("do_break_ring")))
        lost.append(path)
        return Hole(asked_at)
    if len(files) >= MAX_FILES:
        expected = phrase("want_files_at_most", limit=MAX_FILES)
        found.append(Finding(asked_at, (KEY,), phrase("seen_one_more_file"), expected, phrase("do_extend_fewer")))
        lost.append(path)
        return Hole(asked_at)
    tree = _read(path, asked_at, bool(chain), found)
    files[path] = tree
    if not isinstance(tree, Mapping):
        return tree
    merged: Node | None = None
    for base_path, origin in _bases(tree, path, found):
        base = _folded(base_path, origin, (*chain, path), files, done, lost, found)
        merged = base if merged is None else merge(merged, base)
    entries = {key: value for key, value in tree.entries.items() if key != KEY}
    own = Mapping(entries, tree.keys, tree.origin)
    done[path] = own if merged is None else merge(merged, own)
    return done[path]


def _read(path: Path, asked_at: Origin, is_base: bool, found: list[Finding]) -> Node:
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        seen: Said = os_reason(error) if isinstance(error, OSError) else phrase("seen_no_file_name")
        step = phrase("do_give_configuration")
        if is_base:
            seen, step = phrase("seen_file", file=str(path), reason=seen), phrase("do_correct_base_path")
        if isinstance(error, PermissionError):
            step = phrase("do_see_file_mode")
        found.append(Finding(asked_at, (KEY,) if is_base else (), seen, phrase("want_readable_file"), step))
        return Hole(asked_at)
    return read_tree(raw, str(path), found)


def _bases(tree: Mapping, path: Path, found: list[Finding]) -> list[tuple[Path, Origin]]:
    node = tree.entries.get(KEY)
    if node is None:
        return []
    bases = []
    many = isinstance(node, Listing)
    for index, item in enumerate(node.items if isinstance(node, Listing) else [node]):
        text = as_text(item) if isinstance(item, Scalar) else None
        if text:
            bases.append((Path(os.path.normpath(path.parent / text)), item.origin))
        elif not isinstance(item, Hole):
            steps = (KEY, index) if many else (KEY,)
            found.append(Finding(item.origin, steps, described(item), phrase("want_path"), phrase("do_write_path")))
    return bases


def merge(base: Node, over: Node) -> Node:
    """`over` laid on `base` by the rules above."""
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        entries = dict(base.entries)
        for key, value in over.entries.items():
            entries[key] = merge(entries[key], value) if key in entries else value
        return Mapping(entries, base.keys | over.keys, over.origin)
    if isinstance(base, Listing) and isinstance(over, Listing):
        base_ids, over_ids = _ids(base), _ids(over)
        if base_ids and over_ids:
            return _merged_by_id(base, base_ids, over, over_ids)
    return over


def _merged_by_id(base: Listing, base_ids: list[str], over: Listing, over_ids: list[str]) -> Listing:
    place: dict[str, int] = {}
    for index, name in enumerate(base_ids):
        place.setdefault(name, index)
    items = list(base.items)
    for name, item in zip(over_ids, over.items, strict=True):
        known = place.pop(name, -1)  # an id twice in one file stays twice, and is reported as such
        if known < 0:
            items.append(item)
        else:
            items[known] = merge(items[known], item)
    return Listing(items, over.origin)


def _ids(listing: Listing) -> list[str] | None:
    ids = []
    for item in listing.items:
        name = item.entries.get("id") if isinstance(item, Mapping) else None
        if not isinstance(name, Scalar):
            return None
        ids.append(as_text(name) or f"\0{as_whole(name)}")
    return ids
