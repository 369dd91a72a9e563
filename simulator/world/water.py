"""Water: a pipe that may burst in a zone, the valve before it, and the floor under the leak rope."""

DRIES_AFTER_S = 5.0  # a thin film on a warm floor; short, so that the loop shows in a minute


class Water:
    """The pipes of the zones. A burst pipe wets the floor while its valve is open; without flow the floor
    dries.

    A zone without a valve has one that is always open.
    """

    def __init__(self, zones: tuple[str, ...]) -> None:
        self.zones = zones
        self._is_burst = dict.fromkeys(zones, False)
        self._is_open = dict.fromkeys(zones, True)
        self._wet_s: dict[str, float] = dict.fromkeys(zones, 0.0)

    def burst(self, zone: str) -> None:
        """The pipe of a zone gives way. It stays broken until `repair`."""
        self._known(zone)
        self._is_burst[zone] = True
        self._soak(zone)

    def repair(self, zone: str) -> None:
        """The pipe is whole again; the floor dries by itself."""
        self._known(zone)
        self._is_burst[zone] = False

    def valve(self, zone: str, is_open: bool) -> None:
        """What the plumbing feels of the actuator."""
        self._known(zone)
        self._is_open[zone] = is_open
        self._soak(zone)

    def advance(self, seconds: float) -> None:
        """The floor dries, or is wetted again."""
        for zone, wet_s in self._wet_s.items():
            self._wet_s[zone] = max(0.0, wet_s - seconds)
            self._soak(zone)

    def flows(self, zone: str) -> bool:
        """Water leaves the pipe into the room."""
        return self._is_burst[zone] and self._is_open[zone]

    def is_wet(self, zone: str) -> bool:
        """What a leak rope on this floor feels."""
        return self._wet_s[zone] > 0

    def _soak(self, zone: str) -> None:
        if self.flows(zone):
            self._wet_s[zone] = DRIES_AFTER_S

    def _known(self, zone: str) -> None:
        if zone not in self._is_burst:
            raise KeyError(f"no zone '{zone}'; zones are {', '.join(self._is_burst)}")
