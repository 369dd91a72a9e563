"""What the runs come to: one record of figures, told as JSON and printed by `bench.locate.table`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.locate.score import JUDGED_AFTER, Confidence, Followed, together
from bench.locate.vanish import Vanished

MISSES = (0.05, 0.1, 0.2, 0.3)
STRAYS = (0.3, 0.5)
WorldName = Literal["reference", "hard"]
WORLDS: tuple[WorldName, ...] = ("reference", "hard")
BOUNDS = ("bayes", "bayes_notified", "bayes_untold")
PREFIX: dict[tuple[WorldName, float], str] = {
    ("reference", 0.3): "",
    ("reference", 0.5): "strays_50_",
    ("hard", 0.3): "hard_",
    ("hard", 0.5): "hard_strays_50_",
}
"""How the keys of each setting begin in JSON."""
AHEAD = 2.0  # standard errors of the difference, seed by seed

Shape = dict[str, dict[str, float]]


class Setting(NamedTuple):
    """One point of the sweep."""

    world: WorldName
    stray: float
    miss: float


def figures(
    followed: Mapping[Setting, Sequence[Followed]], vanished: Mapping[Setting, Sequence[Vanished]]
) -> dict[str, Any]:
    """Everything that is told, shares as fractions; see the docstring of `bench.locate.run`."""
    told: dict[str, Any] = {}
    names = list(followed[Setting("reference", STRAYS[0], MISSES[0])][0].found)
    peers = [name for name in names if name != "ours" and name not in BOUNDS]
    for (world, stray), prefix in PREFIX.items():
        runs = {miss: followed[Setting(world, stray, miss)] for miss in MISSES}
        ours = shape(runs, "ours", _mean)
        told |= {prefix.removesuffix("_"): ours} if prefix else ours
        told[f"{prefix}peers"] = {name: shape(runs, name, _mean) for name in peers}
        if world == "reference":
            told |= {f"{prefix}{name}": shape(runs, name, _mean) for name in BOUNDS}
        told[f"{prefix}at_rest"] = {name: at_rest(runs, name) for name in runs[MISSES[0]][0].found}
        told[f"{prefix}standard_errors"] = {name: shape(runs, name, _error) for name in runs[MISSES[0]][0].found}
    said = {world: _said(followed, world) for world in WORLDS}
    told["calibration"] = {world: calibration(*of) for world, of in said.items()}
    told["calibration_error"] = told["calibration"]["reference"]["error"]
    told["wrong_to_stated"] = told["calibration"]["reference"]["wrong_to_stated"]
    told["missing"] = {
        world: {misses(miss): gone(vanished[Setting(world, STRAYS[0], miss)], world) for miss in MISSES}
        for world in WORLDS
    }
    told["missing"] |= _summary(told["missing"]["reference"])
    told["peers_ahead"] = ahead(followed, peers)
    return told


def shape(runs: Mapping[float, Sequence[Followed]], name: str, of: Any) -> Shape:
    """`misses_5` ... -> `cycles_1` ... -> `of` the values of the seeds."""
    return {
        misses(miss): {
            f"cycles_{cycles}": round(of(np.array([run.found[name][at] for run in several])), 5)
            for at, cycles in enumerate(JUDGED_AFTER)
        }
        for miss, several in runs.items()
    }


def at_rest(runs: Mapping[float, Sequence[Followed]], name: str) -> dict[str, float]:
    """`misses_5` ... -> share of all tags known just before the re-placement."""
    return {
        misses(miss): round(float(np.mean([run.at_rest[name] for run in several])), 5) for miss, several in runs.items()
    }


def calibration(settled: Confidence, after_move: Confidence) -> dict[str, float]:
    """Of all tags in the ten cycles before the re-placement and the ten after it, together and apart."""
    whole = together([settled, after_move])
    told = {"": whole, "settled_": settled, "after_move_": after_move}
    return {
        f"{prefix}{name}": round(value, 6)
        for prefix, said in told.items()
        for name, value in (("error", said.error), ("wrong_to_stated", said.wrong_to_stated))
    }


def gone(several: Sequence[Vanished], world: WorldName) -> dict[str, float | None]:
    """Rounds until declared (null: not within the wait) and false alarms a day over 160,000 tags."""
    delays = np.sort(np.concatenate([one.delay_rounds for one in several]))
    counted = float(np.mean([one.counted_a_day for one in several]))
    expected = float(np.mean([one.expected_a_day for one in several]))
    return {
        "p50_rounds": nearest_rank(delays, 0.5),
        "p99_rounds": nearest_rank(delays, 0.99),
        "false_alarms_a_day_160k": _significant(expected if world == "reference" else counted),
        "counted_a_day_160k": _significant(counted),
    }


def nearest_rank(ordered: NDArray[np.float64], share: float) -> float | None:
    """The value that so many do not exceed; None where it is infinite."""
    value = float(ordered[max(0, int(np.ceil(share * len(ordered))) - 1)])
    return value if np.isfinite(value) else None


def ahead(followed: Mapping[Setting, Sequence[Followed]], peers: Sequence[str]) -> list[dict[str, Any]]:
    """Where a peer finds more than ours by more than AHEAD standard errors of the difference."""
    found = []
    for setting, runs in followed.items():
        for at, cycles in enumerate(JUDGED_AFTER):
            for name in peers:
                by = np.array([run.found[name][at] - run.found["ours"][at] for run in runs])
                if by.mean() > AHEAD * _error(by):
                    where = {"world": setting.world, "strays": setting.stray, "misses": setting.miss, "cycles": cycles}
                    found.append({**where, "peer": name, "by": round(float(by.mean()), 4)})
    return found


def _said(followed: Mapping[Setting, Sequence[Followed]], world: WorldName) -> tuple[Confidence, Confidence]:
    runs = [run for miss in MISSES for run in followed[Setting(world, STRAYS[0], miss)]]
    return together(run.settled for run in runs), together(run.after_move for run in runs)


def _summary(by_misses: Mapping[str, Mapping[str, float | None]]) -> dict[str, Any]:
    """Of the reference world: delays by miss rate, and the most alarms of any."""
    delays = {key: {at: row[key] for at, row in by_misses.items()} for key in ("p50_rounds", "p99_rounds")}
    return delays | {
        "false_alarms_a_day_160k": max(row["false_alarms_a_day_160k"] or 0.0 for row in by_misses.values())
    }


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def _error(values: NDArray[np.float64]) -> float:
    """Standard error of the mean, 0 for a single seed."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def misses(miss: float) -> str:
    """Key of a miss rate."""
    return f"misses_{miss * 100:.0f}"


def _significant(value: float) -> float:
    return float(f"{value:.3g}")
