"""Why a store takes nothing: no space, a disk that is read-only, or a login that may not write."""

import errno
import os
from pathlib import Path

from config.phrase import phrase
from edge.store.disk import probe
from edge.store.errors import StoreError, StoreFull


def refusal(database: Path, fault: str) -> StoreError:
    """What to raise where a write to the database failed with `fault`, by what the disk says to a probe."""
    path = str(database)
    match _errno(database):
        case errno.EROFS:
            return StoreFull("store_read_only", phrase("store_on_read_only_disk", path=path, fault=fault))
        case errno.EACCES | errno.EPERM:
            return StoreFull("store_no_permission", phrase("store_not_ours_to_write", path=path, fault=fault))
    return StoreFull("store_full", phrase("store_unwritten", path=path, fault=fault))


def may_not_write(database: Path) -> bool:
    """Whether this login, and not the disk, is why nothing can be written."""
    return _errno(database) in {errno.EACCES, errno.EPERM}


def _errno(database: Path) -> int:
    """How the system refuses to write there, 0 where it does not."""
    try:
        probe(database.parent)
    except OSError as error:
        return error.errno or 0
    return errno.EACCES if database.exists() and not os.access(database, os.W_OK) else 0
