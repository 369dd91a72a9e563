"""Whatever stands in the file: a vault, or ConfigError with problems that name it. Nothing else, ever."""

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.load import load, shown
from config.problem import ConfigError, Problem
from tests.config.test_demo import DEMO
from tests.config.test_load import SMALL

KEYS = st.one_of(
    st.sampled_from(
        [
            "schema",
            "zones",
            "racks",
            "readers",
            "buses",
            "sensors",
            "boards",
            "actuators",
            "policy",
            "limits",
            "people",
            "store",
            "brokers",
            "platform",
            "id",
            "host",
            "port",
            "segments",
            "unit",
            "profile",
            "zone",
            "extends",
            "issuers",
            "timezone",
            "password",
            "roles",
            "uid",
            "low",
            "high",
            "faces",
            "rows",
        ]
    ),
    st.text(max_size=8),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["012", "12:30", "~", "..", "/", "A-01L-01", "Asia/Shanghai", "secret:x", "z1", "xy-md02", "\x00"]),
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25
)
# With a few letters cut out or put in, the file stays nearly right: the checks behind the decoder run.
CUTS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.text(alphabet="[]{}:,-&*!|>'\"#\n \tazAZ019.\u4e2d", max_size=6)),
    min_size=1,
    max_size=6,
)


def as_yaml(document: Any) -> bytes:
    return yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True).encode()


def loads_or_explains(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vault.yaml"
        file.write_bytes(raw)
        problems: tuple[Problem, ...] = ()
        is_explained = True
        try:
            assert shown(load(file))
        except ConfigError as error:
            problems = error.problems
            is_explained = bool(problems)
        assert is_explained
        for problem in problems:
            assert problem.file
            assert problem.seen
            assert problem.expected
            assert problem.next_step
            assert "\n" not in str(problem)


@given(DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_no_document_whatever_crashes_the_loader(document: Any) -> None:
    loads_or_explains(as_yaml(document))


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
@example(b"{a: {? : }}")
@example(b"? - a\n: b")
@example(b"%YAML 9.9\n---\na")
def test_no_bytes_whatever_crash_the_loader(raw: bytes) -> None:
    loads_or_explains(raw)


@given(CUTS)
@settings(max_examples=150, deadline=None)
def test_no_damage_to_a_right_file_crashes_the_loader(cuts: list[tuple[float, int, str]]) -> None:
    text = SMALL
    for place, length, put in cuts:
        at = int(place * len(text))
        text = text[:at] + put + text[at + length :]
    loads_or_explains(text.encode())


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_wrong_value_anywhere_in_the_demo_crashes_the_loader(data: st.DataObject) -> None:
    document = yaml.load(DEMO.read_text(), Loader=yaml.CSafeLoader)
    del document["extends"]
    for _ in range(data.draw(st.integers(1, 4))):
        holder: Any = document
        while True:
            keys = list(range(len(holder))) if isinstance(holder, list) else list(holder)
            key = data.draw(st.sampled_from(keys))
            if isinstance(holder[key], (list, dict)) and holder[key] and data.draw(st.booleans()):
                holder = holder[key]
                continue
            holder[key] = data.draw(DOCUMENTS)
            break
    loads_or_explains(as_yaml(document))
