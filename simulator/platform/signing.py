"""The platform's signature: compact JWS, Ed25519, over the exact bytes of the claims."""

import base64
import os
import time
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jws
from joserfc.jwk import OKPKey

from edge.platform.contract import CommandClaims

VALID_S = 300  # a command that has not arrived by then is not wanted any more
EARLY_S = 60  # clocks of edge and platform may differ


def make_key(path: Path) -> str:
    """Write a new private key (PEM, 0600); returns the public key as the configuration wants it: base64url."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Signer:
    """Signs as one issuer, its `kid`."""

    def __init__(self, issuer: str, key_file: Path) -> None:
        self.issuer = issuer
        self._key = OKPKey.import_key(key_file.read_bytes())

    def command(
        self, command_id: str, node_path: str, action: str, args: dict[str, Any], *, counter: int, now_s: float
    ) -> bytes:
        """A command valid from a minute ago for five minutes."""
        claims = CommandClaims(
            id=command_id,
            vault=node_path,
            action=action,
            args=args,
            issuer=self.issuer,
            not_before=int(now_s) - EARLY_S,
            expires=int(now_s) + VALID_S,
            counter=counter,
        )
        return self.sign(msgspec.json.encode(claims))

    def sign(self, payload: bytes) -> bytes:
        """The compact JWS of any bytes."""
        header = {"alg": "Ed25519", "kid": self.issuer}
        return jws.serialize_compact(header, payload, self._key, algorithms=["Ed25519"]).encode()


def next_counter(held: int) -> int:
    """One that grows even when the platform's database was restored from an old copy: milliseconds of wall time."""
    return max(held + 1, time.time_ns() // 1_000_000)
