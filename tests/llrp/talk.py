"""The other end of an LLRP session, on a manual clock: answers what the session asks, one message at a time."""

from collections.abc import Callable
from typing import Any

import pytest

from config.devices import Reader
from drivers.driver import DeviceError, Turn
from drivers.llrp.codec import Framer
from drivers.llrp.device import LlrpSession
from drivers.llrp.phases import ORDER, REQUEST
from simulator.devices.llrp_identity import ENABLE_EXTENSIONS, IMPINJ, OK, capabilities, configuration
from simulator.devices.llrp_wire import event, message, vendor_message

SECOND = 1_000_000_000
READER = Reader(id="r", host="h", segments=("a", "b"), dwell_ms=100, keepalive_s=1.0)
GREETING = event(1, 1, ConnectionAttemptEvent=0)
ANSWERS: dict[int, dict[str, Any]] = {11: capabilities(4), 12: configuration(4, set(), {}, 0)}


class Talk:
    """Answers what a session sends, one message at a time."""

    def __init__(self, reader: Reader = READER, **answers: dict[str, Any]) -> None:
        self.session = LlrpSession(reader)
        self.answers = ANSWERS | {int(kind.removeprefix("type_")): value for kind, value in answers.items()}
        self.at_ns = SECOND
        self.asked: list[int] = []
        self.turn: Turn[bytes] = self.session.opened(self.at_ns)

    def hear(self, data: bytes) -> tuple[Any, ...]:
        self.turn = self.session.received(data, self.at_ns)
        return self.turn.records

    def answer(self) -> tuple[Any, ...]:
        """Answer all that was sent; what the session made of the last answer."""
        answered = {request: number for (phase, number), _ in ORDER.items() if (request := _type(phase))}
        records: tuple[Any, ...] = ()
        framer = Framer()
        framer.push(b"".join(self.turn.send))
        while (frame := framer.pull()) is not None:
            self.asked.append(frame.type)
            if frame.type == 1023:
                answer = self.answers.get(1023, OK)
                records = self.hear(vendor_message(frame.id, IMPINJ, ENABLE_EXTENSIONS + 1, answer))
            elif frame.type in answered:
                kind = answered[frame.type]
                records = self.hear(message(kind, frame.id, self.answers.get(kind, OK)))
        return records

    def until(self, kind: int) -> None:
        """Answer until the session has asked for `kind`, and answer that."""
        if not self.asked:
            self.hear(GREETING)
        while kind not in self.asked:
            self.answer()


def _type(phase: str) -> int | None:
    types = {"ADD_ACCESSSPEC": 40, "DELETE_ACCESSSPEC": 41, "ENABLE_ACCESSSPEC": 42}
    types |= {"GET_READER_CAPABILITIES": 1, "GET_READER_CONFIG": 2, "SET_READER_CONFIG": 3, "ADD_ROSPEC": 20}
    types |= {"DELETE_ROSPEC": 21, "START_ROSPEC": 22, "STOP_ROSPEC": 23, "ENABLE_ROSPEC": 24}
    return types.get(REQUEST.get(phase, ""))


def rospec(what: int, spec_id: int = 1) -> bytes:
    return event(9, 1, ROSpecEvent={"Event": what, "ROSpecID": spec_id})


def aispec_end(place: int, spec_id: int = 1) -> bytes:
    return event(9, 1, AISpecEvent={"Event": 0, "ROSpecID": spec_id, "SpecIndex": place})


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(DeviceError) as seen:
        act()
    return str(seen.value.args[0])
