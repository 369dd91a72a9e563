"""What stops a command of `lantai-sim`, in words."""

from config.messages import PhrasedError, Texts, Unusable
from config.phrase import Said, phrase
from simulator.control import ControlError
from simulator.daemon_client import ApiRefused


class BadFile(Unusable):
    """A recording or a catalogue is not as it must be; it says where."""


def why(error: Exception, texts: Texts) -> Said:
    """Why a run ended before its time: what a process said, or that one is gone."""
    if isinstance(error, PhrasedError):
        return error.said
    if isinstance(error, ApiRefused):
        return phrase("sim_daemon_refused", reason=error.told(texts))
    if isinstance(error, ControlError):
        return phrase("sim_site_refused", detail=str(error))
    return phrase("sim_line_closed")
