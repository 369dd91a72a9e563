"""Recorded reality is read as it is: counts from the sources' own notes, traps included."""

import asyncio
import gzip
from pathlib import Path

import pytest

from simulator.offline import share_of_hours_inside
from simulator.recorded.bodies import BodyServer, read_bodies
from simulator.recorded.climate import Excursion, excursions, read_hours, year_of
from simulator.recorded.walks import columns_of, epc_of, read_panels, read_walks

LIMITS = {"temperature_degc": (14.0, 24.0), "humidity_pct": (45.0, 60.0)}  # JGJ 25-2010, table 5.2.1


@pytest.fixture
def oerholm(data_dir: Path) -> Path:
    return data_dir / "climate" / "oerholm-indoor-climate-data_2009-2021.csv.gz"


def test_every_line_of_the_store_is_read_and_46_9_percent_of_its_hours_lie_inside_both_limits(oerholm: Path) -> None:
    hours = read_hours(oerholm)
    assert len(hours) == 107_601
    air = ((hour.temperature_degc, hour.humidity_pct) for hour in hours)
    assert round(share_of_hours_inside(air, LIMITS), 3) == 0.469


def test_hours_on_a_limit_are_inside() -> None:
    air = [(14.0, 45.0), (24.0, 60.0), (24.1, 50.0), (20.0, 60.1)]
    assert share_of_hours_inside(air, LIMITS) == 0.5


def test_a_year_holds_the_doubled_hour_of_the_wrong_daylight_saving_rule(oerholm: Path) -> None:
    logged = [hour.logged for hour in year_of(read_hours(oerholm), 2009)]
    assert sorted({text for text in logged if logged.count(text) > 1}) == ["01-11-2009 05:00"]


def test_a_line_that_is_no_measurement_is_named_with_file_and_number(tmp_path: Path) -> None:
    path = tmp_path / "store.csv.gz"
    with gzip.open(path, "wb") as out:
        out.write(b"DATE AND TIME; TEMP C; %RH   \r\n01-01-2009 00:00;7.3;50\r\n01-01-2009 01:00;--;50\r\n")
    with pytest.raises(ValueError, match=r"store\.csv\.gz:3"):
        read_hours(path)


def test_excursions_are_the_stretches_beyond_a_limit() -> None:
    found = excursions((13.0, 13.5, 14.0, 25.0, 13.0, 13.0), "t", 14.0, 24.0)
    assert found == (Excursion("t", "low", 0, 2), Excursion("t", "high", 3, 1), Excursion("t", "low", 4, 2))


def test_the_walks_are_six_in_order_of_time_over_915_tags(data_dir: Path) -> None:
    folder = data_dir / "rfid" / "detego"
    panels, walks = read_panels(folder), read_walks(folder)
    assert len(panels) == 915
    assert [walk.number for walk in walks] == [1, 2, 3, 4, 5, 6]
    assert [walk.serial.size for walk in walks] == [5231, 3990, 4712, 4040, 3554, 3558]
    assert [len(walk.unread(panels)) for walk in walks] == [52, 29, 34, 25, 40, 25]
    assert round(walks[0].duration_s, 3) == 85.325


def test_a_walk_as_columns_keeps_one_row_for_each_read(data_dir: Path) -> None:
    walk = read_walks(data_dir / "rfid" / "detego")[0]
    epc, rssi, count = columns_of(walk)
    assert epc.shape == (5231, 12)
    assert epc[1].tobytes() == epc_of(1)
    assert rssi[0] == -63.0
    assert int(count.sum()) == 5231


async def test_the_recorded_bodies_come_over_tcp_framed_and_whole(data_dir: Path) -> None:
    bodies = read_bodies(data_dir / "rfid" / "edgex-llrp")
    assert len(bodies) == 15
    server = BodyServer(bodies)
    port = await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stream = await reader.read()
    writer.close()
    await writer.wait_closed()
    await server.close()
    taken = []
    while stream:
        length = int.from_bytes(stream[2:6], "big")
        taken.append((int.from_bytes(stream[0:2], "big") & 0x3FF, length, int.from_bytes(stream[6:10], "big")))
        stream = stream[length:]
    assert [kind for kind, _, _ in taken] == [4, 54, 36, 11, 12, *[61] * 9, 63]
    assert [message_id for _, _, message_id in taken] == list(range(1, 16))
    assert taken[3][1] == 1648 + 10  # the capabilities' body is 1,648 bytes
