"""The figures as Prometheus reads them."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.metrics import Figures, MetricsPage, address_of

FIGURES = Figures(
    counters={"reads": 12345},
    gauges={"step_lag_ms": 1.5},
    committed={"alarm": 3, "custody": 40},
    acked={"alarm": 3, "custody": 38},
    devices={"reader-1": True, "th-01": False},
)


async def fetched(request: bytes) -> tuple[str, str]:
    """Status line and body."""
    page = MetricsPage(lambda: FIGURES)
    port = await page.start("127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
    finally:
        await page.close()
    head, _, body = answer.partition("\r\n\r\n")
    return head.split("\r\n")[0], body


async def test_a_scrape_gives_what_the_daemon_counts() -> None:
    status, body = await fetched(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == "HTTP/1.0 200 OK"
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
    assert found == {
        ("lantai_reads_total",): 12345.0,
        ("lantai_step_lag_ms",): 1.5,
        ("lantai_lane_committed", "alarm"): 3.0,
        ("lantai_lane_committed", "custody"): 40.0,
        ("lantai_lane_acked", "alarm"): 3.0,
        ("lantai_lane_acked", "custody"): 38.0,
        ("lantai_device_up", "reader-1"): 1.0,
        ("lantai_device_up", "th-01"): 0.0,
    }


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1\r\n\r\n", b"POST /metrics HTTP/1.1\r\n\r\n", b"\r\n"])
async def test_anything_else_is_not_found(request_line: bytes) -> None:
    assert (await fetched(request_line))[0] == "HTTP/1.0 404 Not Found"


def test_the_page_stands_on_loopback_alone() -> None:
    assert address_of("127.0.0.1:9477") == ("127.0.0.1", 9477)
    assert address_of("[::1]:9477") == ("::1", 9477)
    for text in ("0.0.0.0:9477", "192.168.1.5:9477", "vault.local:9477", "9477", "127.0.0.1:99999"):
        with pytest.raises(ValueError, match=r"127\.0\.0\.1:9477"):
            address_of(text)
