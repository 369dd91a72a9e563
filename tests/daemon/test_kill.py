"""kill -9 of the running house, in short; the long run is `python -m bench.crash`."""

from pathlib import Path

from bench.crash import Pace, crash


async def test_nothing_is_lost_or_told_twice_in_four_kills(tmp_path: Path) -> None:
    pace = Pace(warm_up_s=4.0, mean_gap_s=3.0, settle_s=12.0, seen_s=9.0, late_s=10.0)
    figures = await crash(tmp_path, kills=4, seed=4, pace=pace, is_broker_persistent=False)
    assert figures["kills"] == 4
    assert figures["kills_by_target"]["daemon"] >= 2
    zeros = ("lost", "duplicates", "gaps", "blind_double_writes", "false_alarms")
    assert {key: figures[key] for key in zeros} == dict.fromkeys(zeros, 0)
    assert figures["mirror_equal"]
    assert figures["changes_judged"] > 1920  # at least where every volume stands
    assert figures["facts"] > 1920
