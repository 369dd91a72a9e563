"""What a technician does next about a wrong value, by the place it stands in."""

import difflib
from collections.abc import Iterable
from itertools import islice

from config.phrase import Phrase, phrase

_MOST_COMPARED = 500  # difflib takes 10 us a word; a vault may have thousands of segments

_NEXT_STEP = {
    "Vault.schema": phrase("do_write_schema"),
    "Vault.timezone": phrase("do_write_timezone"),
    "Vault.centre": phrase("do_ask_for_ids"),
    "Vault.vault": phrase("do_ask_for_ids"),
    "Vault.node": phrase("do_ask_for_ids"),
    "Broker.password": phrase("do_write_secret"),
    "Broker.host": phrase("do_give_broker_address"),
    "Broker.port": phrase("do_see_broker_port"),
    "Rack.zone": phrase("do_give_zone"),
    "Reader.host": phrase("do_see_reader_address"),
    "Reader.port": phrase("do_see_reader_port"),
    "Reader.segments": phrase("do_list_ports"),
    "Reader.power_dbm": phrase("do_see_permit"),
    "Bus.baud": phrase("do_see_baud"),
    "Bus.transport": phrase("do_choose_transport"),
    "Bus.port": phrase("do_see_gateway_port"),
    "Sensor.unit": phrase("do_see_switches"),
    "Board.unit": phrase("do_see_switches"),
    "Sensor.profile": phrase("do_see_profiles"),
    "Board.profile": phrase("do_see_profiles"),
    "Actuator.energised": phrase("do_state_energised"),
    "Actuator.zones": phrase("do_list_zones"),
    "Limit.low": phrase("do_see_jgj25"),
    "Limit.high": phrase("do_see_jgj25"),
    "Person.uid": phrase("do_run_id"),
    "Person.roles": phrase("do_see_record", record="Person"),
    "Point.address": phrase("do_see_manual_addresses"),
    "Output.address": phrase("do_see_manual_addresses"),
}


def next_step(place: str) -> Phrase:
    """Advice for `Struct.field`; the reference where there is nothing better to say."""
    known = _NEXT_STEP.get(place)
    if known is not None:
        return known
    struct = place.partition(".")[0]
    return phrase("do_see_record", record=struct) if struct else phrase("do_see_reference")


def did_you_mean(near: str) -> Phrase:
    """The name that was probably meant."""
    return phrase("do_did_you_mean", near=near)


def nearest(word: str, words: Iterable[str]) -> str:
    """The one of `words` that was probably meant, '' when none is near."""
    near = difflib.get_close_matches(word[:64], list(islice(words, _MOST_COMPARED)), n=1, cutoff=0.6)
    return near[0] if near else ""
