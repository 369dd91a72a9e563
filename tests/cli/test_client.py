"""The tool's end of the local API against a daemon that hangs up."""

import json
import socket
import struct
from pathlib import Path

import pytest

from edge.cli import client
from edge.cli.client import Daemon
from edge.cli.trouble import NO_DAEMON, Trouble


@pytest.mark.parametrize(("last_words", "code"), [(True, "no_person"), (False, "daemon_gone")])
def test_a_refusal_said_before_hanging_up_is_what_the_person_is_told(
    tmp_path: Path, last_words: bool, code: str
) -> None:
    """The daemon answers a stranger on connecting and hangs up; the tool may only then come to ask."""
    refusal = json.dumps({"v": 1, "id": 0, "ok": False, "error": {"code": "no_person", "args": {"uid": 7}}}).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(tmp_path / "lantai.sock"))
        listening.listen()
        with Daemon(tmp_path) as daemon:
            accepted, _ = listening.accept()
            if last_words:
                accepted.sendall(struct.pack(">I", len(refusal)) + refusal)
            accepted.close()
            with pytest.raises(Trouble) as trouble:
                daemon.ask_raw("status")
    assert trouble.value.code == code


def test_a_daemon_that_hangs_is_given_up_sooner_by_a_look_than_by_an_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (client.ANSWER_S, client.ACT_S) == (8.0, 60.0)
    monkeypatch.setattr(client, "ANSWER_S", 0.05)
    monkeypatch.setattr(client, "ACT_S", 0.1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(tmp_path / "lantai.sock"))
        listening.listen()
        for op, seconds in (("status", "0.05"), ("act", "0.1"), ("import", "0.1")):
            with Daemon(tmp_path) as daemon, pytest.raises(Trouble) as trouble:
                daemon.ask_raw(op)
            assert (trouble.value.code, trouble.value.exit_code) == ("daemon_silent", NO_DAEMON)
            assert trouble.value.fields["seconds"] == seconds
