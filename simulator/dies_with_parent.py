"""Children end when their parent does, however it ends: a kill -9 of the demo leaves nothing behind."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def dies_with_parent() -> Callable[[], None] | None:
    """For `preexec_fn`: the kernel sends the child SIGTERM when its parent is gone. None where there is no prctl.

    prctl(2): the parent is the thread that forks, so it must live as long as the child is wanted; exec keeps the
    setting.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # bound here: between fork and exec no library is loaded
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it ended before we asked, and no signal will come
            os._exit(1)

    return ask
