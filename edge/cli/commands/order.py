"""`lantai rfid order`: the order of the volumes within a segment; and what `find` says of it."""

from pathlib import Path

import typer

from config.messages import Texts
from edge.api.order_records import OrderAnswer, StandsAnswer
from edge.cli.commands.looking import looked
from edge.cli.options import described, options
from edge.cli.screen import Screen, seconds
from edge.cli.trouble import DEGRADED, OK

_MOST_UNTOLD = 6


def add(rfid: typer.Typer, texts: Texts) -> None:
    """`rfid order`."""
    option = options(texts)

    @rfid.command(help=described(texts, "rfid_order", "rfid order M1-01L-03", "rfid order M1-01L-03 --json"))
    def order(segment: str, state: Path = option.state, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        answer = looked(texts, state, json, "rfid.order", OrderAnswer, _show, segment=segment)
        return DEGRADED if answer.misfiled else OK


def show_stands(screen: Screen, answer: StandsAnswer) -> None:
    """Between which two volumes one stands, how surely and since when."""
    fields = {"percent": f"{answer.confidence * 100:.1f}", "age": seconds(answer.age_s)}
    if answer.after is not None and answer.before is not None:
        screen.say("find_between", one=answer.after, other=answer.before, **fields)
    else:
        screen.say("find_beyond", one=answer.after or answer.before or "-", **fields)
    if answer.untold:
        more = len(answer.untold) - _MOST_UNTOLD
        volumes = ", ".join(answer.untold[:_MOST_UNTOLD]) + (f", ... (+{more})" if more > 0 else "")
        screen.say("find_untold", volumes=volumes)
    if answer.came:
        screen.say("find_came", "yellow", count=answer.came)
    if answer.is_misfiled:
        screen.say("find_misfiled", "yellow")


def _show(screen: Screen, answer: OrderAnswer) -> None:
    if answer.by is None or answer.age_s is None:
        screen.say("order_unknown", segment=answer.segment, standing=answer.standing)
        return
    rows = [
        (
            str(place),
            one.volume,
            one.book_slot,
            "-" if one.before_next is None else f"{one.before_next * 100:.1f} %",
            screen.texts.label("order_misfiled") if one.is_misfiled else "",
        )
        for place, one in enumerate(answer.volumes, start=1)
    ]
    columns = ("column_place", "column_volume", "column_book_slot", "column_before_next", "column_verdict")
    screen.table(columns, rows)
    by = screen.texts.label(f"order_by_{answer.by}")
    screen.say("order_known", count=len(answer.volumes), standing=answer.standing, by=by, age=seconds(answer.age_s))
    if answer.came:
        screen.say("find_came", "yellow", count=answer.came)
    if answer.misfiled:
        screen.say("order_some_misfiled", "yellow", volumes=", ".join(answer.misfiled))
