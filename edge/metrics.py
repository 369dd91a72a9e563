"""Figures for Prometheus: a registry of our own over what the daemon counts, and a page of it on loopback."""

import asyncio
import contextlib
import ipaddress
from collections.abc import Callable, Iterator, Mapping

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from config.messages import Unusable
from config.phrase import phrase

REQUEST_S = 5.0
REQUEST_BYTES = 8192


class Figures(msgspec.Struct, frozen=True):
    """What is exposed: names are snake_case, labels opaque ids. A counter only grows while the daemon runs."""

    counters: Mapping[str, int]
    gauges: Mapping[str, float]
    committed: Mapping[str, int]
    acked: Mapping[str, int]
    """Lane -> sequence."""
    devices: Mapping[str, bool]
    """Device -> whether it answers."""


def registry(figures: Callable[[], Figures]) -> CollectorRegistry:
    """A registry that asks `figures` at every scrape."""
    made = CollectorRegistry(auto_describe=False)
    made.register(_Collector(figures))
    return made


def address_of(text: str) -> tuple[str, int]:
    """`127.0.0.1:9477` or `[::1]:9477`. Raises Unusable for anything but an address of this machine alone."""
    host, _, port = text.rpartition(":")
    try:
        address, number = ipaddress.ip_address(host.strip("[]")), int(port)
    except ValueError:
        raise Unusable(phrase("metrics_no_address", text=text)) from None
    if not address.is_loopback or not 0 <= number <= 65535:
        raise Unusable(phrase("metrics_not_loopback", text=text))
    return str(address), number


class MetricsPage:
    """`GET /metrics` over HTTP/1.0 in the daemon's own loop: the figures are read between two steps, by no thread."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._registry = registry(figures)
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (for port 0, the one given)."""
        self._server = await asyncio.start_server(self._client, host, port, limit=REQUEST_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                request = (await reader.readuntil(b"\r\n")).split()
                writer.write(self._answer(request))
                await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a scraper that is gone or speaks no HTTP
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _answer(self, request: list[bytes]) -> bytes:
        if request[:2] != [b"GET", b"/metrics"]:
            return _response("404 Not Found", "text/plain", b"the figures are at /metrics\n")
        return _response("200 OK", CONTENT_TYPE_LATEST, generate_latest(self._registry))


class _Collector:
    """prometheus_client's collector: asked at every scrape."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        figures = self._figures()
        for name, value in figures.counters.items():
            yield CounterMetricFamily(f"lantai_{name}", f"{name.replace('_', ' ')} since the start", value=value)
        for name, level in figures.gauges.items():
            yield GaugeMetricFamily(f"lantai_{name}", name.replace("_", " "), value=level)
        yield _by("lantai_lane_committed", "highest committed sequence", "lane", figures.committed)
        yield _by("lantai_lane_acked", "highest sequence the platform acknowledged", "lane", figures.acked)
        yield _by("lantai_device_up", "1 while the device answers", "device", figures.devices)


def _by(name: str, documentation: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family


def _response(status: str, content_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.0 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body
