"""What is learnt from tags whose place is known: of the antennas that read them, and of themselves."""

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.cells import cell, cells
from sensors.rfid.locate import PRINT_REACH, PRINTS
from sensors.rfid.neighbourhood import FAR, REACH, Neighbourhood
from sensors.rfid.open_reads import Tallies
from sensors.rfid.radio import Radio, RadioSums
from sensors.rfid.readings import Readings
from sensors.rfid.recent import Recent
from sensors.rfid.tags import FIRM_AGE, LONG_AGE, Tags

_FIRM = float(np.log(0.9))  # log probability of a place from which a tag's own levels are learnt there
_MOST_READS = 200  # a bias is the mean of about so many
_MOST_LEVELS = 50  # and a level at one antenna of so many: half a day
_MOST_ROUNDS = 400  # after so many rounds the older ones count half
_ENOUGH = 5  # reads from which a tag's own level is known well enough to measure noise by it
_UNKNOWN_BIAS = 0.25  # reads that "no bias" is worth


def count_rounds(tags: Tags, row: NDArray[np.int32], until: NDArray[np.int32]) -> None:
    """Rounds of their own antenna since they were last read, for tags (m,) that were read now, some perhaps twice.

    until (m,) rounds that the antenna of each tag's believed segment had completed by then. To be called before its
    silence ends: rounds without a read count once it is read again, so that a tag that is gone is not taken for one
    hard to read.
    """
    since = until - tags.heard_until.take(row)
    told = ((since > 0) & (tags.age.take(row) >= FIRM_AGE)).nonzero()[0]
    rows, since = row[told], since[told]
    before = tags.rounds_there[rows]
    tags.rounds_there[rows] = 0  # of a tag that is here twice the longer time counts
    np.maximum.at(tags.rounds_there, rows, before + np.minimum(since, _MOST_ROUNDS).astype(np.uint16))
    full = np.unique(rows[tags.rounds_there[rows] > _MOST_ROUNDS])
    tags.rounds_there[full] //= 2
    tags.hits_there[full] //= 2


def count_hits(tags: Tags, beside: Neighbourhood, done: Tallies, hits: NDArray[np.int64]) -> None:
    """In how many of the rounds that closed (m,) each antenna around its place read each tag."""
    offset = beside.column(done.segment, tags.believed.take(done.row)) - REACH + PRINT_REACH
    near = ((offset >= 0) & (offset < PRINTS) & (tags.age.take(done.row) >= FIRM_AGE)).nonzero()[0]
    at = cell(tags.hits_there, done.row[near], offset[near])
    tags.hits_there.reshape(-1)[at] += hits[near].astype(np.uint16)


def study(
    tags: Tags,
    sums: RadioSums,
    recent: Recent,
    done: Tallies,
    seen: Readings,
    hits: NDArray[np.float32],
    radio: Radio,
    stood: NDArray[np.bool_],
) -> None:
    """Learn from the reads (m,) of tags whose place is known: of those that stood in it before these rounds and still
    do, rates and levels of antennas; of all, bias and levels of the tags."""
    column, rssi, bias = seen
    settled = stood.nonzero()[0]
    where, of, times = done.segment[settled], column[settled], hits[settled]
    sums.add_hits(where, of, times, rssi[settled] - bias[settled])
    recent.add_hits(where, of, times)
    # what a tag is like is learnt from every read while it is new in its place, then from one round in four
    age = tags.age.take(done.row)
    known = stood & (age >= LONG_AGE) & ((tags.rounds_there.take(done.row) & 3) != 0)
    told = ((age >= FIRM_AGE) & ~known & ~np.isnan(rssi) & (column != FAR)).nonzero()[0]
    firm = told[tags.is_surer(done.row[told], _FIRM)]
    rows, antenna, column, rssi = done.row[firm], done.segment[firm], column[firm], rssi[firm]
    if not len(rows):
        return
    level = cells(radio.level_dbm, antenna, column)
    above = rssi - level
    first = np.append(True, rows[1:] != rows[:-1]).nonzero()[0]
    whose = rows[first]
    before = tags.bias_count[whose].astype(np.float32)
    count = np.diff(np.append(first, len(rows)))
    after = np.minimum(before + count, _MOST_READS)
    old = tags.bias_db[whose].astype(np.float32)
    tags.bias_db[whose] = old + (np.add.reduceat(above, first) - count * old) / (after + _UNKNOWN_BIAS)
    tags.bias_count[whose] = after
    offset = column - REACH + PRINT_REACH
    near = ((offset >= 0) & (offset < PRINTS)).nonzero()[0]
    rows, antenna, rssi, level = rows[near], antenna[near], rssi[near], level[near]
    counts, levels, at = (
        tags.level_count.reshape(-1),
        tags.level_dbm.reshape(-1),
        cell(tags.level_dbm, rows, offset[near]),
    )
    known = counts.take(at).astype(np.float32)
    mean = levels.take(at).astype(np.float32)
    off = rssi - mean
    enough = (known >= _ENOUGH).nonzero()[0]
    usual = level + tags.bias_db[rows].astype(np.float32)
    noise = off[enough] ** 2 / (1.0 + 1.0 / known[enough])
    site = (mean - usual)[enough] ** 2 - np.float32(radio.noise_db2) / known[enough]
    sums.add_spread(antenna[enough], noise, site)
    now = np.minimum(known + 1.0, _MOST_LEVELS)
    counts[at] = now
    levels[at] = np.where(known == 0, rssi, mean + off / now)
