"""Secrets: systemd's credential first, else a file that only its owner can read."""

from pathlib import Path

import pytest

from config.secrets import SecretError, read_secret


def kept(state_dir: Path, mode: int = 0o600, raw: bytes = b"hunter2\n") -> None:
    (state_dir / "secrets").mkdir()
    file = state_dir / "secrets" / "mqtt"
    file.write_bytes(raw)
    file.chmod(mode)


def test_the_credential_of_the_unit_comes_first(tmp_path: Path) -> None:
    kept(tmp_path)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "mqtt").write_bytes(b"from systemd")
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert read_secret("secret:mqtt", environ=environ, state_dir=tmp_path) == "from systemd"


def test_a_file_of_mode_0600_is_read_without_its_last_newline(tmp_path: Path) -> None:
    kept(tmp_path)
    assert read_secret("mqtt", environ={}, state_dir=tmp_path) == "hunter2"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o700])
def test_a_file_that_others_may_touch_is_refused_with_what_to_run(tmp_path: Path, mode: int) -> None:
    kept(tmp_path, mode)
    with pytest.raises(SecretError, match=f"mode {mode:04o}, expected 0600; run `chmod 600 ") as caught:
        read_secret("mqtt", environ={}, state_dir=tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["../mqtt", "secret:../mqtt", "", "secret:", "a/b", "/etc/passwd"])
def test_a_name_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "mqtt").write_text("x")
    with pytest.raises(SecretError, match="letters, digits"):
        read_secret(name, environ={}, state_dir=tmp_path)


@pytest.mark.parametrize(("raw", "says"), [(b"", "empty"), (b"\n", "empty"), (b"\xff\xfe", "not UTF-8")])
def test_what_is_no_text_is_refused(tmp_path: Path, raw: bytes, says: str) -> None:
    kept(tmp_path, raw=raw)
    with pytest.raises(SecretError, match=says):
        read_secret("mqtt", environ={}, state_dir=tmp_path)


def test_a_secret_that_is_nowhere_is_answered_with_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"no such file or directory; write it there with mode 0600"):
        read_secret("mqtt", environ={}, state_dir=tmp_path)


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "secrets" / "mqtt").mkdir(parents=True)
    with pytest.raises(SecretError, match="not a regular file"):
        read_secret("mqtt", environ={}, state_dir=tmp_path)
