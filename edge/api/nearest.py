"""Known names that look like one that is not known."""

import difflib
from bisect import bisect
from collections.abc import Iterable
from itertools import islice

MOST = 5
FEW = 200  # compared one by one in under 5 ms
NONE = "-"
SORTED = 20_000  # of more names only the first so many are looked at: 11 ms of the loop, once per wrong name


def nearest(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """At most five names: those that begin with the text, then those most like it. Case and blanks are ignored."""
    wanted = text.strip().casefold()
    names = {name.casefold(): name for name in islice(known, SORTED)}
    folded = list(names)
    if len(folded) > FEW:  # neighbours in the order of the alphabet share the longest beginning
        folded.sort()
        place = bisect(folded, wanted)
        folded = folded[max(0, place - FEW // 2) : place + FEW // 2]
    beginning = [name for name in folded if wanted and name.startswith(wanted)]
    alike = difflib.get_close_matches(wanted, folded, n=MOST, cutoff=0.5)
    return tuple(names[name] for name in list(dict.fromkeys((*beginning, *alike)))[:MOST])


def in_a_row(names: Iterable[str]) -> str:
    """The names as a person reads them; '-' for none."""
    return ", ".join(names) or NONE
