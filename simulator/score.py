"""How right the daemon is: its beliefs held against the truth of the world."""

from collections.abc import Iterable, Mapping

import msgspec


class Score(msgspec.Struct, frozen=True):
    """Shares are fractions. A volume outside the vault counts as right when it is held for missing or
    placeless.
    """

    volumes: int
    located: int
    """Volumes with a top candidate."""
    located_right: float
    displaced: int
    displaced_right: float


def score(
    beliefs: Iterable[tuple[str, str | None, float, str]],
    truth: Mapping[str, str],
    displaced: frozenset[str],
) -> Score:
    """truth: volume -> segment, '' outside the vault. Of volumes the daemon does not name, none is right."""
    believed = {volume: (segment, status) for volume, segment, _, status in beliefs}
    right = {volume for volume, segment in truth.items() if _is_right(believed.get(volume), segment)}
    return Score(
        volumes=len(truth),
        located=sum(segment is not None for segment, _ in believed.values()),
        located_right=round(len(right) / len(truth), 5) if truth else 0.0,
        displaced=len(displaced),
        displaced_right=round(len(right & displaced) / len(displaced), 5) if displaced else 0.0,
    )


def _is_right(belief: tuple[str | None, str] | None, segment: str) -> bool:
    if belief is None:
        return False
    place, status = belief
    if not segment:
        return place is None or status == "missing"
    return place == segment
