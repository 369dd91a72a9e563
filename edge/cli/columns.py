"""How the columns of a table share the width of a screen: a word, and so an id, is never broken while that can be."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len

GAP = 2
BREAKABLE = 8  # a Chinese sentence has no blanks and may be broken anywhere; shorter than this it is hard to read


class Fit(NamedTuple):
    """Which columns are shown, by index, and how wide each; `widths` is empty where nothing has to be folded."""

    shown: tuple[int, ...]
    widths: tuple[int, ...]


def fit(columns: Sequence[Sequence[str]], width: int, spare: Sequence[int]) -> Fit:
    """`columns`: the texts of each, its title among them; `spare`: those that may be left out, first the first."""
    whole = [max(map(cell_len, texts), default=0) for texts in columns]
    least = [max((_unbroken(word) for text in texts for word in text.split()), default=0) for texts in columns]
    shown = list(range(len(columns)))
    for column in spare:
        if _total([least[i] for i in shown]) <= width:
            break
        shown.remove(column)
    if _total([whole[i] for i in shown]) <= width:
        return Fit(tuple(shown), ())
    left = width - _total([least[i] for i in shown])
    if left < 0:  # whatever is done, words are broken: the console does it
        return Fit(tuple(shown), ())
    widths = dict.fromkeys(shown, 0)
    for rank, i in enumerate(sorted(shown, key=lambda i: whole[i] - least[i])):
        more = min(whole[i] - least[i], left // (len(shown) - rank))
        widths[i] = least[i] + more
        left -= more
    return Fit(tuple(shown), tuple(widths.values()))


def _unbroken(word: str) -> int:
    return cell_len(word) if word.isascii() else min(cell_len(word), BREAKABLE)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)
