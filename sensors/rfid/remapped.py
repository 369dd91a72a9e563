"""Segments of a snapshot in the layout of now."""

import numpy as np
from numpy.typing import NDArray


def kept_of(remap: NDArray[np.int32], had: int) -> NDArray[np.int64]:
    """Which of the `had` segments of a snapshot there still are. remap (old segments,) int32 old -> new, -1 gone.
    Raises ValueError where it has not an entry for each, or two become one."""
    kept = np.flatnonzero(remap >= 0)
    if len(remap) != had or len(np.unique(remap[kept])) != len(kept):
        raise ValueError(
            f"remap has {len(remap)} segments of which {len(kept)} stay, the snapshot {had}: "
            "expected one entry for each, and no two old segments in one new"
        )
    return kept
