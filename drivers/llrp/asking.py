"""What one reader is asked to tell of each tag: all that its own word says it can, until it refuses.

Impinj: phase, fine RSSI and the serialized TID with every read (FastID), for no air time worth naming. Zebra: phase.
Others tell no TID by themselves: an AccessSpec reads it, of each tag that is singulated, which takes time on the air
and is therefore only added to a search for which it is demanded (decision 0017).
"""

from typing import Any, Literal

from config.devices import Reader
from drivers.driver import DeviceError
from drivers.llrp import requests
from drivers.llrp.codec import encode_request, with_report_content
from drivers.llrp.condition import enable_extensions
from drivers.llrp.phases import REQUEST
from drivers.llrp.run import Run
from drivers.llrp.tag_columns import IMPINJ, ZEBRA

Vendor = Literal["", "impinj", "zebra"]
_VENDORS: dict[int, Vendor] = {IMPINJ: "impinj", ZEBRA: "zebra"}


class Asking:
    """Of one connection. What was refused is not asked for again before the next."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._capabilities: dict[str, Any] = {}
        self._vendor: Vendor = ""
        self._is_full = True
        self._can_access = False
        self.is_extended = False
        self.is_proven = False
        """A search with this content has begun: what is refused from now on is refused for another reason."""

    def learn(self, capabilities: dict[str, Any], antennas: tuple[int, ...]) -> None:
        """What the reader says of itself. Raises DeviceError where it has not the ports or AISpecs for `antennas`."""
        self._capabilities = capabilities
        general, limits = capabilities["GeneralDeviceCapabilities"], capabilities["LLRPCapabilities"]
        self._vendor = _VENDORS.get(general["DeviceManufacturer"], "") if general else ""
        self._can_access = bool(limits and limits["MaxAccessSpecs"] and limits["MaxOpSpecsPerAccessSpec"])
        ports = general["MaxSupportedAntennas"] if general else max(antennas)
        searches = limits["MaxSpecsPerROSpec"] if limits else len(antennas)
        if max(antennas) > ports or len(antennas) > searches:
            detail = f"{ports} ports, {searches} AISpecs in a ROSpec; configured are ports {antennas}"
            raise DeviceError("llrp_too_many_antennas", detail)

    @property
    def may_fall_back(self) -> bool:
        """Whether it is asked for more than every reader can tell, and never yet searched so."""
        return self._is_full and not self.is_proven

    @property
    def may_tell_tids(self) -> bool:
        """Whether a search may bring TIDs, by FastID or by an AccessSpec."""
        return self._tells_tids or self._can_access

    @property
    def _tells_tids(self) -> bool:
        return self._is_full and self._vendor == "impinj"

    def fall_back(self) -> None:
        """It will not tell so much: from now on only what every reader can."""
        self._is_full = False

    def no_access(self) -> None:
        """It does not do AccessSpecs, whatever it said."""
        self._can_access = False

    def needs(self, phase: str, run: Run) -> bool:
        """Whether this reader, for this search, goes through a phase that is not for all."""
        match phase:
            case "extending":
                return self._tells_tids and not self.is_extended
            case "disarming":
                return self._can_access
            case "arming":
                return run.scan is not None and run.scan.with_tids and self._can_access and not self._tells_tids
        return True

    def request(self, phase: str, message_id: int, run: Run) -> bytes:
        """The message that is sent on entering a phase."""
        if phase == "extending":
            return enable_extensions(message_id)
        asked = encode_request(REQUEST[phase], message_id, self._fields(phase, run))
        is_zebra = phase == "adding" and self._is_full and self._vendor == "zebra"
        return with_report_content(asked, requests.ZEBRA_PHASE) if is_zebra else asked

    def _fields(self, phase: str, run: Run) -> dict[str, Any]:
        match phase:
            case "capabilities" | "surveying":
                return {"RequestedData": requests.ALL}
            case "clearing":
                return {"ROSpecID": requests.ALL}
            case "configuring":
                return requests.configuration(self._reader)
            case "disarming":
                return {"AccessSpecID": requests.ALL}
            case "arming":
                return requests.read_tids(run.spec_id)
            case "readying" | "relieving":
                return {"AccessSpecID": requests.TIDS}
            case "adding":
                asked = requests.search(
                    self._reader, self._capabilities, run.spec_id, run.antennas, is_rescan=run.scan is not None
                )
                if self._is_full:
                    requests.ask_for_more(asked, is_impinj=self._vendor == "impinj", has_phase=bool(self._vendor))
                return asked
            case _:
                return {"ROSpecID": run.spec_id}
