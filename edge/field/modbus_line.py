"""One Modbus line: a pymodbus client that is asked one request at a time and always says how it ended."""

import asyncio
import logging

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType
from pymodbus.pdu import ModbusPDU

from config.devices import Bus
from drivers.modbus.registers import RegisterBlock, RegisterRead, RegisterWrite, Reply, Request, RequestFailed
from edge.field.modbus_answer import Asked, Failure, Framing, answer_frame, asked, why_none

BITS_PER_CHARACTER = 11  # start, eight data bits, parity or second stop, stop
LEAST_FRAME_GAP_S = 0.00175  # Modbus over serial line V1.02, 2.5.1.1: above 19200 Bd a fixed 1.75 ms
FRAME_GAP_CHARACTERS = 3.5
ROOM_FOR_LATE_ANSWERS = 4096  # pymodbus throws away its whole buffer past one frame, the right answer with it
Client = AsyncModbusTcpClient | AsyncModbusSerialClient
NEVER = 1 << 30  # silent requests until pymodbus closes a TCP connection; whom to give up is decided by breakers


class ModbusLine:
    """Connects, asks, closes. Never retries and never reconnects by itself; silence after a timeout is `rest`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._framing: Framing = "mbap" if bus.transport == "tcp" else "rtu"
        self._client: Client | None = None
        self._asked: Asked | None = None
        self._heard = b""
        self._free_s = 0.0
        character_s = BITS_PER_CHARACTER / bus.baud
        self._gap_s = max(LEAST_FRAME_GAP_S, FRAME_GAP_CHARACTERS * character_s) if bus.transport == "rtu" else 0.0

    @property
    def is_open(self) -> bool:
        return self._client is not None and self._client.connected

    @property
    def keeps_no_count(self) -> bool:
        """RTU frames carry no transaction number: a late answer cannot be told from the right one."""
        return self._framing == "rtu"

    async def open(self) -> bool:
        """Connect once; False when the far end is not there."""
        await self.close()
        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # it reports every timeout; we report changes
        client = self._new_client()
        client.ctx.max_buffer_size = ROOM_FOR_LATE_ANSWERS
        client.set_max_no_responses(NEVER)
        self._client = client
        try:
            is_open = await client.connect()
        except (OSError, ModbusException):
            is_open = False
        if not is_open:
            await self.close()
        return is_open

    async def close(self) -> None:
        """Drop the connection, if there is one."""
        if self._client is not None:
            self._client.close()
            self._client = None
            await asyncio.sleep(0)  # the transport closes its socket in the next turn of the loop

    async def until_free(self) -> None:
        """Returns when the line may be spoken on: what `ask` waits for by itself."""
        wait_s = self._free_s - asyncio.get_running_loop().time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    async def ask(self, request: Request) -> Reply:
        """Send one request when the line is free, and wait for its end: values, refusal, or why there is none."""
        client = self._client
        if client is None or not client.connected:
            return RequestFailed(request, "broken")
        await self.until_free()
        try:
            pdu = await _sent(client, request)
        except (ModbusException, TimeoutError, OSError):
            return RequestFailed(request, self._why(client))
        finally:
            self._asked = None
            self.rest(self._gap_s)
        if pdu.isError():
            code = pdu.exception_code
            return RequestFailed(request, "busy" if code == 6 else f"exception_{code}")
        return RegisterBlock(request, _values(request, pdu))

    def rest(self, seconds: float) -> None:
        """Say nothing for so long; what comes in meanwhile is thrown away."""
        self._free_s = max(self._free_s, asyncio.get_running_loop().time() + seconds)

    def _why(self, client: Client) -> Failure:
        if not client.connected or self._asked is None:
            return "broken"
        return why_none(self._asked, self._heard)

    def _on_packet(self, sending: bool, packet: bytes) -> bytes:
        """pymodbus shows every packet here and goes on with what this returns."""
        if sending:
            self._asked, self._heard = asked(self._framing, packet), b""
            return packet
        if self._asked is None:
            return b""
        self._heard = packet
        return answer_frame(self._asked, packet)

    def _new_client(self) -> Client:
        bus = self._bus
        if bus.transport == "rtu":
            return AsyncModbusSerialClient(
                bus.serial,
                baudrate=bus.baud,
                parity=bus.parity,
                timeout=bus.timeout_s,
                retries=0,
                reconnect_delay=0,
                trace_packet=self._on_packet,
            )
        return AsyncModbusTcpClient(
            bus.host,
            port=bus.port,
            framer=FramerType.SOCKET if bus.transport == "tcp" else FramerType.RTU,
            timeout=bus.timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._on_packet,
        )


async def _sent(client: Client, request: Request) -> ModbusPDU:
    unit, address = request.unit, request.address
    if isinstance(request, RegisterWrite):
        return await _written(client, request)
    match request.table:
        case "co":
            return await client.read_coils(address, count=request.count, device_id=unit)
        case "di":
            return await client.read_discrete_inputs(address, count=request.count, device_id=unit)
        case "hr":
            return await client.read_holding_registers(address, count=request.count, device_id=unit)
        case "ir":
            return await client.read_input_registers(address, count=request.count, device_id=unit)


async def _written(client: Client, request: RegisterWrite) -> ModbusPDU:
    unit, address, values = request.unit, request.address, list(request.values)
    if request.table == "co":
        if len(values) == 1:
            return await client.write_coil(address, bool(values[0]), device_id=unit)
        return await client.write_coils(address, [bool(value) for value in values], device_id=unit)
    if len(values) == 1:
        return await client.write_register(address, values[0], device_id=unit)
    return await client.write_registers(address, values, device_id=unit)


def _values(request: Request, pdu: ModbusPDU) -> tuple[int, ...]:
    if isinstance(request, RegisterWrite):
        return request.values
    assert isinstance(request, RegisterRead)
    if request.table in ("co", "di"):
        return tuple(int(bit) for bit in pdu.bits[: request.count])  # padded to whole bytes on the wire
    return tuple(pdu.registers)
