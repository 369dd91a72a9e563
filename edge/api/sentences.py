"""What a fact says, in words of one language: for the log, the watch and the trace."""

from collections.abc import Mapping
from typing import Any, get_args

from config.messages import Texts
from drivers.command import Result


def number(value: float | None) -> str:
    """A measured value; '-' for unknown."""
    return "-" if value is None else f"{value:g}"


def fact_sentence(texts: Texts, fact: Mapping[str, Any]) -> str:
    """What a fact says, in words; codes in it by their titles, what is unknown as such."""
    fields = {key: _in_words(texts, key, value) for key, value in fact.items() if key not in ("type", "at")}
    if fact["type"] == "measured":
        pairs = zip(fact["points"], fact["values"], strict=True)
        fields["readings"] = ", ".join(f"{point} {number(value)}" for point, value in pairs)
    return texts.label(_label(fact, texts, fields), **fields).rstrip()


def _label(fact: Mapping[str, Any], texts: Texts, fields: dict[str, object]) -> str:
    """The text that fits the case; what it needs beyond the fact goes into `fields`."""
    match fact["type"]:
        case "volume_catalogued":
            fields["thickness"] = _thickness(texts, fact["thickness_mm"])
            if fact.get("before"):
                fields["changes"] = ", ".join(_change(texts, name, fact) for name in fact["before"])
                return "fact_volume_recatalogued"
        case "order_learnt":
            fields["count"], fields["by"] = len(fact["volumes"]), texts.label(f"order_by_{fact['by']}")
            fields["misfiled"] = ", ".join(fact["misfiled"]) or "-"
        case "volume_found" if fact["segment"] == fact["book"]:
            return "fact_volume_found_in_place"
    return f"fact_{fact['type']}"


def _change(texts: Texts, name: str, fact: Mapping[str, Any]) -> str:
    before, after = fact["before"][name], fact[name]
    if name == "thickness_mm":
        before, after = _thickness(texts, before), _thickness(texts, after)
    return texts.label(f"change_{name}", before=before, after=after)


def _thickness(texts: Texts, thickness_mm: int) -> str:
    return f"{thickness_mm} mm" if thickness_mm else texts.label("unknown_value")


def _in_words(texts: Texts, key: str, value: object) -> object:
    if value is True or value is False:
        return texts.label("is_yes" if value else "is_no")
    if value is None:
        return texts.label("unknown_value")
    if value == "":
        return "" if key == "zone" else "-"
    match key:
        case "side" | "quantity":
            return texts.label(f"{key}_{value}")
        case "state" | "wanted":
            return texts.label(f"state_{value}")
        case "holder_kind":
            return texts.label(f"holder_{value}")
        case "open_aisles":
            return ", ".join(map(str, value)) if isinstance(value, list | tuple) and value else texts.label("no_aisle")
        case "result" if f"{value}" in get_args(Result):
            return texts.label(f"result_{value}")
        case "reason" | "code" | "result":
            return texts.title(str(value))
        case "segments" | "others" if isinstance(value, list | tuple):
            return ", ".join(f"{name}" or "-" for name in value)
    return value
