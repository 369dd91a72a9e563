"""The figures as a person reads them."""

from collections.abc import Mapping
from typing import Any

from bench.locate.report import AHEAD, BOUNDS, MISSES, PREFIX, WORLDS, Shape, misses
from bench.locate.score import JUDGED_AFTER

SHOWN = 12  # peers that are ahead
NAME = 22  # width
CELL = 7


def table(told: Mapping[str, Any]) -> str:
    """Accuracy by world and strays, confidence, missing, and who is ahead."""
    lines: list[str] = []
    for (world, stray), prefix in PREFIX.items():
        ours = told[prefix.removesuffix("_")] if prefix else told
        rows: dict[str, Shape] = {"ours": ours} | {
            name: told[prefix + name] for name in BOUNDS if prefix + name in told
        }
        rows |= told[f"{prefix}peers"]
        at_rest, error = told[f"{prefix}at_rest"], told[f"{prefix}standard_errors"]
        lines += ["", f"{world} world, strays {stray:.0%}: % of the moved tags found after so many cycles"]
        lines += ["(+- standard error of the row above; rest: % of all tags right just before the move)", *_heads()]
        for name, row in rows.items():
            found = [[row[misses(miss)][f"cycles_{after}"] for after in JUDGED_AFTER] for miss in MISSES]
            rest = [at_rest[name][misses(miss)] for miss in MISSES]
            lines.append(_row(name, [[*cells, last] for cells, last in zip(found, rest, strict=True)]))
            if name == "ours":
                errors = [error[name][misses(miss)].values() for miss in MISSES]
                lines.append(_row("  +-", [[*some, float("nan")] for some in errors]).replace("nan", "   "))
    lines += _confidence(told["calibration"])
    return "\n".join([*lines, *_missing(told["missing"]), *_ahead(told["peers_ahead"])])


def _heads() -> list[str]:
    block = "".join(f"{after:>{CELL}}" for after in (*JUDGED_AFTER, "rest"))
    over = "".join(f"   {f'misses {miss:.0%}':^{len(block)}}" for miss in MISSES)
    return [" " * NAME + over, " " * NAME + f"   {block}" * len(MISSES)]


def _row(name: str, blocks: list[list[float]]) -> str:
    return f"{name:{NAME}}" + "".join("   " + "".join(f"{100 * cell:{CELL}.2f}" for cell in block) for block in blocks)


def _confidence(said: Mapping[str, Mapping[str, float]]) -> list[str]:
    spans = {"all": "", "settled": "settled_", "after the move": "after_move_"}
    heads = f"{'confidence of ours':{NAME}}" + "".join(f"{span:>26}" for span in spans)
    names = " " * NAME + f"{'error':>12}{'wrong/stated':>14}" * len(spans)
    rows = [
        f"{world:{NAME}}"
        + "".join(f"{of[f'{span}error']:12.4f}{of[f'{span}wrong_to_stated']:14.2f}" for span in spans.values())
        for world, of in said.items()
    ]
    return ["", heads, names, *rows]


def _missing(missing: Mapping[str, Any]) -> list[str]:
    heads = (
        f"{'taken away':{NAME}}{'misses':>10}{'p50 rounds':>12}{'p99 rounds':>12}   false alarms a day, 160,000 tags"
    )
    rows = []
    for world in WORLDS:
        for miss in MISSES:
            row = missing[world][misses(miss)]
            delays = "".join(f"{_or_never(row[key]):>12}" for key in ("p50_rounds", "p99_rounds"))
            rows.append(f"{world:{NAME}}{miss:>10.0%}{delays}   {row['false_alarms_a_day_160k']:.3g}")
    return ["", heads, *rows]


def _ahead(peers: list[dict[str, Any]]) -> list[str]:
    """The widest leads."""
    widest = sorted(peers, key=lambda one: -float(one["by"]))[:SHOWN]
    return ["", f"a peer ahead of ours by more than {AHEAD:.0f} standard errors: {len(peers)} times"] + [
        f"  {one['world']}, strays {one['strays']:.0%}, misses {one['misses']:.0%}, after {one['cycles']}: "
        f"{one['peer']} by {100 * one['by']:.2f} points"
        for one in widest
    ]


def _or_never(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f}"
