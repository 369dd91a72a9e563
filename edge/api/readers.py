"""How the readers themselves fare: pure functions of the state and vault time, giving records."""

from edge.api.answers import utc
from edge.api.rfid_records import ReaderAnswer
from edge.state.state import State

HOT_DEGC = 70.0  # where the first modules stop transmitting: Intermec IM4 70 degC, ThingMagic M6e 85 degC
CLOCK_S = 2.0  # more than a network delays; reads are put right by it, the reader's own log is not
SELDOM = 0.5  # of the time: half as many rounds, and everything is noticed twice as late


def readers(state: State, now_ns: int) -> tuple[ReaderAnswer, ...]:
    """Every configured reader, in configuration order."""
    found = []
    for reader in state.plant.readers.values():
        standing = state.devices.get(reader.id)

        def newest(point: str, device: str = reader.id) -> float | None:
            reading = state.readings.get((device, point))
            if reading is None or now_ns - reading.at_ns > state.plant.points[device, point].freshness_ns:
                return None
            return reading.value

        clock_s, share, degc = newest("clock_offset_s"), newest("searching_share"), newest("temperature_degc")
        troubles = []
        if standing is not None and not standing.is_ok:
            troubles.append(standing.reason)
        if clock_s is not None and abs(clock_s) > CLOCK_S:
            troubles.append("reader_clock_off")
        if share is not None and share < SELDOM:
            troubles.append("reader_seldom_searches")
        if degc is not None and degc >= HOT_DEGC:
            troubles.append("reader_hot")
        found.append(
            ReaderAnswer(
                reader=reader.id,
                host=f"{reader.host}:{reader.port}",
                is_ok=standing.is_ok if standing else None,
                since=utc(standing.since_ns) if standing else None,
                reason=standing.reason if standing else "",
                clock_offset_s=clock_s,
                searching_share=share,
                temperature_degc=degc,
                troubles=tuple(troubles),
            )
        )
    return tuple(found)
