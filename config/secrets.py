"""Secrets by name: from systemd's credentials, else from a file only its owner can read."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

PREFIX = "secret:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OTHERS = 0o177  # any right of group or others, or execution
_MAX_BYTES = 64 * 1024


class SecretError(Exception):
    """A secret cannot be read; the message says where it was looked for and what to do."""


def read_secret(name: str, *, environ: Mapping[str, str], state_dir: Path) -> str:
    """The secret `NAME` or `secret:NAME`, without its last newline.

    Looked for in $CREDENTIALS_DIRECTORY, which systemd guards, then in `state_dir`/secrets, where a file that anybody
    but its owner may touch is refused. Raises SecretError.
    """
    bare = name.removeprefix(PREFIX)
    if not _NAME.fullmatch(bare):
        raise SecretError("a secret's name has letters, digits, . _ - only; correct it in the configuration")
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and (Path(credentials) / bare).is_file():
        return _text(_read(Path(credentials) / bare, is_guarded=True), bare)
    file = state_dir / "secrets" / bare
    return _text(_read(file, is_guarded=False), bare)


def _read(file: Path, *, is_guarded: bool) -> bytes:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        reason = str(error.strerror).lower()
        raise SecretError(
            f"secret '{file.name}': {file}: {reason}; "
            "write it there with mode 0600, or give it to the unit with LoadCredential="
        ) from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise SecretError(f"secret '{file.name}': {file} is not a regular file; write the secret into one")
        if not is_guarded:
            _refuse_if_open_to_others(file, status)
        return os.read(handle, _MAX_BYTES)
    finally:
        os.close(handle)


def _refuse_if_open_to_others(file: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        raise SecretError(
            f"secret '{file.name}': {file} has mode {mode:04o}, expected 0600; "
            f"run `chmod 600 {file}`, and change the secret if others may have read it"
        )
    if status.st_uid not in (os.geteuid(), 0):
        raise SecretError(
            f"secret '{file.name}': {file} belongs to uid {status.st_uid}, expected {os.geteuid()}; "
            f"run `chown {os.geteuid()} {file}`"
        )


def _text(raw: bytes, name: str) -> str:
    try:
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretError(f"secret '{name}' is not UTF-8 text; write it again") from None
    if not text:
        raise SecretError(f"secret '{name}' is empty; write it again")
    return text
