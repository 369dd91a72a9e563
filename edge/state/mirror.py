"""What the platform can fold from the facts: no age, no confidence. Body of a snapshot on the wire."""

import msgspec

from edge.state.snapshot import Folded
from edge.state.volumes import STATUSES

_AT_ONCE = 1000  # volumes


def mirror(folded: Folded, segment_ids: tuple[str, ...]) -> bytes:
    """JSON with sorted keys: volumes (status, segment or null, holder or null), devices, alarms (code, active or
    cleared, acknowledged), actuators. Portion by portion: a thread that makes it lets the others run between them."""
    names = (*segment_ids, None)
    holders = {volume: custody.holder for volume, custody in folded.custody.items() if custody.is_held}
    body = {
        "devices": {device: "ok" if standing.is_ok else "lost" for device, standing in folded.devices.items()},
        "alarms": {
            key: (alarm.code, "active" if alarm.is_active else "cleared", bool(alarm.acknowledged_by))
            for key, alarm in folded.alarms.items()
        },
        "actuators": {actuator: standing.state for actuator, standing in folded.actuators.items()},
        "volumes": {},  # the last key, and so the last in the text
    }
    order = sorted(range(len(folded.lines)), key=[line.volume for line in folded.lines].__getitem__)
    status, place = folded.status.tolist(), folded.place.tolist()
    portions = [
        msgspec.json.encode(
            {
                (volume := folded.lines[row].volume): (STATUSES[status[row]], names[place[row]], holders.get(volume))
                for row in order[first : first + _AT_ONCE]
            }
        )
        for first in range(0, len(order), _AT_ONCE)
    ]
    rest = msgspec.json.encode(body, order="deterministic").removesuffix(b"}}")
    return rest + b",".join(portion[1:-1] for portion in portions) + b"}}"
