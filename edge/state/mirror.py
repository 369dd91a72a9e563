"""What the platform can fold from the facts: no age, no confidence. Body of a snapshot on the wire."""

import msgspec

from edge.state.snapshot import Folded
from edge.state.volumes import STATUSES


def mirror(folded: Folded, segment_ids: tuple[str, ...]) -> bytes:
    """JSON with sorted keys: volumes (status, segment or null, holder or null), devices, alarms (code, active or
    cleared, acknowledged), actuators."""
    names = (*segment_ids, None)
    holders = {volume: custody.holder for volume, custody in folded.custody.items() if custody.is_held}
    body = {
        "volumes": {
            line.volume: (STATUSES[status], names[place], holders.get(line.volume))
            for line, status, place in zip(folded.lines, folded.status.tolist(), folded.place.tolist(), strict=True)
        },
        "devices": {device: "ok" if standing.is_ok else "lost" for device, standing in folded.devices.items()},
        "alarms": {
            key: (alarm.code, "active" if alarm.is_active else "cleared", bool(alarm.acknowledged_by))
            for key, alarm in folded.alarms.items()
        },
        "actuators": {actuator: standing.state for actuator, standing in folded.actuators.items()},
    }
    return msgspec.json.encode(body, order="deterministic")
