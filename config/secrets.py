"""Secrets by name: from systemd's credentials, else from a file only its owner can read."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from config.messages import PhrasedError
from config.phrase import os_reason, phrase

PREFIX = "secret:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OTHERS = 0o177  # any right of group or others, or execution
_MAX_BYTES = 64 * 1024


class SecretError(PhrasedError):
    """A secret cannot be read; it says where it was looked for and what to do."""


def read_secret(name: str, *, environ: Mapping[str, str], state_dir: Path) -> str:
    """The secret `NAME` or `secret:NAME`, without its last newline.

    Looked for in $CREDENTIALS_DIRECTORY, which systemd guards, then in `state_dir`/secrets, where a file that anybody
    but its owner may touch is refused. Raises SecretError.
    """
    bare = name.removeprefix(PREFIX)
    if not _NAME.fullmatch(bare):
        raise SecretError(phrase("secret_name"))
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and (Path(credentials) / bare).is_file():
        return _text(_read(Path(credentials) / bare, is_guarded=True), bare)
    file = state_dir / "secrets" / bare
    return _text(_read(file, is_guarded=False), bare)


def _read(file: Path, *, is_guarded: bool) -> bytes:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        reason = os_reason(error)
        raise SecretError(phrase("secret_not_read", name=file.name, file=str(file), reason=reason)) from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise SecretError(phrase("secret_no_file", name=file.name, file=str(file)))
        if not is_guarded:
            _refuse_if_open_to_others(file, status)
        return os.read(handle, _MAX_BYTES)
    finally:
        os.close(handle)


def _refuse_if_open_to_others(file: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        raise SecretError(phrase("secret_mode", name=file.name, file=str(file), mode=f"{mode:04o}"))
    if status.st_uid not in (os.geteuid(), 0):
        owner, us = status.st_uid, os.geteuid()
        raise SecretError(phrase("secret_owner", name=file.name, file=str(file), owner=owner, us=us))


def _text(raw: bytes, name: str) -> str:
    try:
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretError(phrase("secret_no_text", name=name)) from None
    if not text:
        raise SecretError(phrase("secret_empty", name=name))
    return text
