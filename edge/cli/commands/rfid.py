"""Commands that look at antennas and tags: rfid health, coverage, antenna, tag; survey and order are beside."""

from pathlib import Path

import typer

from config.messages import Texts
from edge.api.rfid_records import (
    AntennaAnswer,
    AntennaFigures,
    AntennasAnswer,
    CoverageAnswer,
    TagAnswer,
)
from edge.cli.commands import order, survey
from edge.cli.commands.looking import looked
from edge.cli.commands.looks import show_clone
from edge.cli.options import described, options
from edge.cli.screen import Screen, seconds
from edge.cli.trouble import DEGRADED, OK

_MOST_SPOTS = 100
_WELL = ("ok", "unknown")
_HERE = ("none", "usual")  # a silence that is not wrong


def add(app: typer.Typer, texts: Texts) -> None:
    """`rfid health`, `rfid coverage`, `rfid antenna`, `rfid tag`, `rfid survey`, `rfid order`."""
    option = options(texts)
    rfid = typer.Typer(help=described(texts, "rfid", "rfid health", "rfid coverage"))
    app.add_typer(rfid, name="rfid")

    @rfid.callback()
    def common(lang: str = option.lang) -> None:
        del lang  # also before the command's name

    survey.add(rfid, texts)
    order.add(rfid, texts)

    @rfid.command(help=described(texts, "rfid_health", "rfid health", "rfid health --json"))
    def health(state: Path = option.state, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        answer = looked(texts, state, json, "rfid.health", AntennasAnswer, _show_health)
        is_ill = answer.ill or any(reader.troubles for reader in answer.readers)
        return DEGRADED if is_ill else OK

    @rfid.command(help=described(texts, "rfid_coverage", "rfid coverage", "rfid coverage --json"))
    def coverage(state: Path = option.state, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        answer = looked(texts, state, json, "rfid.coverage", CoverageAnswer, _show_coverage)
        return DEGRADED if answer.blind_spots else OK

    @rfid.command(help=described(texts, "rfid_antenna", "rfid antenna A-01L-03", "rfid antenna A-01L-03 --json"))
    def antenna(segment: str, state: Path = option.state, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        answer = looked(texts, state, json, "rfid.antenna", AntennaFigures, _show_antenna, segment=segment)
        return OK if answer.antenna.verdict in _WELL else DEGRADED

    @rfid.command(help=described(texts, "rfid_tag", "rfid tag V000123", "rfid tag 2c14257bf400020000000001 --json"))
    def tag(volume: str, state: Path = option.state, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        answer = looked(texts, state, json, "rfid.tag", TagAnswer, _show_tag, volume=volume)
        is_well = answer.silence in _HERE and answer.clone is None
        return OK if is_well and answer.status not in ("misplaced", "missing") else DEGRADED


def _show_health(screen: Screen, answer: AntennasAnswer) -> None:
    _show_antennas(screen, answer)
    _show_readers(screen, answer)


def _show_antennas(screen: Screen, answer: AntennasAnswer) -> None:
    """Each antenna; those that do not search because their reader is lost by the reader, below."""
    shown = [antenna for antenna in answer.antennas if antenna not in answer.waiting]
    rows = [
        (
            antenna.segment,
            antenna.reader,
            str(antenna.port),
            screen.texts.title(f"antenna_{antenna.verdict}"),
            str(antenna.rounds),
            str(antenna.standing),
            _percent(antenna.rate),
            _percent(antenna.share),
            _number(antenna.level_dbm, "{:.1f} dBm"),
            _number(antenna.level_db, "{:+.1f} dB"),
            seconds(antenna.searched_age_s),
        )
        for antenna in shown
    ]
    columns = (
        *("column_segment", "column_reader", "column_port", "column_verdict", "column_rounds", "column_standing"),
        *("column_rate", "column_share", "column_level", "column_level_db", "column_searched"),
    )
    spare = ("column_level_db", "column_level", "column_share", "column_standing", "column_rounds", "column_rate")
    if rows:
        screen.table(columns, rows, spare)
    ill = answer.ill
    for antenna in (antenna for antenna in ill if antenna in shown):
        screen.line(f"{antenna.segment}:", "bold")
        _show_verdict(screen, antenna)
    count, unknown = len(answer.antennas), sum(antenna.verdict == "unknown" for antenna in answer.antennas)
    if ill:
        screen.say("rfid_ill", "yellow", ill=len(ill), count=count, unknown=unknown)
    else:
        screen.say("rfid_all_well", "green", count=count, unknown=unknown)


def _show_readers(screen: Screen, answer: AntennasAnswer) -> None:
    readers = answer.readers
    columns = ("column_reader", "column_host", "column_state", "column_since")
    rows = [
        (
            reader.reader,
            reader.host,
            screen.texts.label({True: "device_ok", False: "device_is_lost", None: "device_is_unheard"}[reader.is_ok]),
            screen.local(reader.since),
            _percent(reader.searching_share),
            _number(reader.clock_offset_s, "{:+.1f} s"),
            _number(reader.temperature_degc, "{:.0f} °C"),
        )
        for reader in readers
    ]
    screen.line("")
    screen.table((*columns, "column_searching", "column_clock", "column_temperature"), rows)
    for reader in readers:
        for code in reader.troubles:
            screen.line(f"{reader.reader}:", "bold")
            screen.code(code, {"reader": reader.reader, "host": reader.host}, "yellow")
        waiting = [antenna.segment for antenna in answer.waiting if antenna.reader == reader.reader]
        if waiting:
            screen.say("rfid_waiting", count=len(waiting), segments=", ".join(waiting))


def _show_verdict(screen: Screen, antenna: AntennaAnswer) -> None:
    style = "green" if antenna.verdict == "ok" else "yellow"
    screen.code(f"antenna_{antenna.verdict}", {"segment": antenna.segment, "other": antenna.other or "-"}, style)
    if antenna.silent_since is not None:
        screen.say("rfid_silent_since", at=screen.local(antenna.silent_since))
    elif antenna.is_sudden and antenna.verdict not in _WELL:
        screen.say("rfid_sudden")


def _show_coverage(screen: Screen, answer: CoverageAnswer) -> None:
    watched, never_read = _percent(answer.watched), _percent(answer.never_read)
    unread = round((answer.never_read or 0.0) * answer.volumes)
    screen.say("rfid_watched", watched=watched, volumes=answer.volumes, unread=unread, never_read=never_read)
    spots = answer.blind_spots
    if not spots:
        screen.say("rfid_no_blind_spot", "green", segments=answer.segments)
        return
    screen.say("rfid_blind", "yellow", count=len(spots), segments=answer.segments, volumes=answer.blind_volumes)
    gravest = sorted(spots, key=lambda spot: -spot.volumes)[:_MOST_SPOTS]
    screen.table(
        ("column_segment", "column_zone", "column_reason", "column_standing", "next_step"),
        [
            (
                spot.segment,
                spot.zone,
                screen.texts.title(f"blind_{spot.reason}"),
                str(spot.volumes),
                screen.texts.code(f"blind_{spot.reason}", {"segment": spot.segment}).next_step,
            )
            for spot in gravest
        ],
        spare=("column_zone", "column_standing"),
    )
    if len(spots) > _MOST_SPOTS:
        screen.say("and_more", count=len(spots) - _MOST_SPOTS)


def _show_antenna(screen: Screen, answer: AntennaFigures) -> None:
    antenna = answer.antenna
    screen.say(
        "rfid_antenna",
        "bold",
        segment=antenna.segment,
        reader=antenna.reader,
        port=antenna.port,
        rounds=antenna.rounds,
        standing=antenna.standing,
    )
    _show_verdict(screen, antenna)
    rows = [
        (
            _number(line.offset, "{:+d}"),
            line.segment or screen.texts.label("rfid_far"),
            _percent(line.rate),
            _number(line.level_dbm, "{:.1f} dBm"),
            str(line.tag_rounds),
        )
        for line in answer.by_offset
    ]
    screen.table(("column_offset", "column_segment", "column_rate", "column_level", "column_tag_rounds"), rows)


def _show_tag(screen: Screen, answer: TagAnswer) -> None:
    label = screen.texts.label
    screen.line(f"{answer.volume}: {label(f'volume_{answer.status}')}, {answer.epc}", "bold")
    if answer.holder is not None:
        screen.say("tag_holder", holder=answer.holder, percent=f"{answer.with_holder * 100:.1f}")
    for candidate in answer.candidates:
        screen.say("find_candidate", segment=candidate.segment, percent=f"{candidate.confidence * 100:.1f}")
    if answer.read_rate is None:
        screen.say("tag_no_rate")
    else:
        screen.say("tag_rate", percent=f"{answer.read_rate * 100:.0f}", rounds=answer.rounds)
    screen.say("tag_loudness", db=answer.loudness_db)
    screen.say("tag_tid", tid=answer.tid or label("unknown_value"))
    show_clone(screen, answer.clone)
    screen.say(f"tag_silence_{answer.silence}", rounds=answer.silent_rounds)
    if answer.awaited_s is not None:
        screen.say("find_awaited", "yellow", age=seconds(answer.awaited_s))
        if answer.asked_s is None:
            screen.say("tag_not_asked")
        else:
            screen.say("tag_asked", age=seconds(answer.asked_s))
    if answer.age_s is None:
        screen.say("find_never")
    else:
        screen.say("tag_age", age=seconds(answer.age_s))
    rows = [(heard.segment, str(heard.reads), _number(heard.level_dbm, "{:.1f} dBm")) for heard in answer.heard_by]
    screen.table(("column_segment", "column_reads", "column_level"), rows)


def _percent(share: float | None) -> str:
    """To a tenth; a share that is not none and not all is never shown as such."""
    if share is None:
        return "-"
    shown = f"{share * 100:.1f} %"
    if share > 0.0 and shown == "0.0 %":
        return "< 0.1 %"
    return "> 99.9 %" if share < 1.0 and shown == "100.0 %" else shown


def _number(value: float | None, shape: str) -> str:
    return "-" if value is None else shape.format(value)
