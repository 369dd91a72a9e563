"""Signed commands of the platform: a compact JWS (EdDSA over Ed25519) to a PlatformCommand, whatever the bytes."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.platform.contract import CommandClaims
from edge.state.events import PlatformCommand

MAX_COMMAND_BYTES = 64 * 1024
KEY_BYTES = 32


class Verifier(Protocol):
    """The port for a signature scheme: Ed25519 first, SM2 later."""

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises cryptography's InvalidSignature."""


class _Header(msgspec.Struct, frozen=True):
    """The protected header. A `crit` list names rules we do not know: such a command is malformed (RFC 7515 4.1.11)."""

    alg: Literal["EdDSA", "Ed25519"]  # the same scheme by its old and its new name (RFC 8037, RFC 9864)
    kid: str
    crit: msgspec.UnsetType = msgspec.UNSET


_header_decoder = msgspec.json.Decoder(_Header)
_claims_decoder = msgspec.json.Decoder(CommandClaims)


def verifiers(issuers: Mapping[str, str]) -> dict[str, Verifier]:
    """Keys of the configuration, kid -> base64url of 32 bytes. Raises ValueError naming the kid whose key is none."""
    found: dict[str, Verifier] = {}
    for kid, text in issuers.items():
        try:
            found[kid] = Ed25519PublicKey.from_public_bytes(_unpadded(text.rstrip("=").encode()))
        except ValueError:
            raise ValueError(
                f"platform.issuers: key of '{kid}' is not an Ed25519 public key; "
                f"expected base64url of {KEY_BYTES} bytes"
            ) from None
    return found


def verify(payload: bytes, issuers: Mapping[str, Verifier], at_ns: int) -> PlatformCommand:
    """The command in `payload`. Never raises: where the signature cannot be trusted, nothing the payload claims is
    taken over, `id` names the payload by its hash and `refusal` is malformed, unknown_issuer or bad_signature."""
    parts = payload.split(b".")
    if len(payload) > MAX_COMMAND_BYTES or len(parts) != 3:
        return _refused(payload, at_ns, "malformed")
    try:
        header = _header_decoder.decode(_unpadded(parts[0]))
        body, signature = _unpadded(parts[1]), _unpadded(parts[2])
    except (ValueError, RecursionError):  # msgspec's and binascii's errors are ValueErrors
        return _refused(payload, at_ns, "malformed")
    key = issuers.get(header.kid)
    if key is None:
        return _refused(payload, at_ns, "unknown_issuer")
    try:
        key.verify(signature, parts[0] + b"." + parts[1])
    except InvalidSignature:
        return _refused(payload, at_ns, "bad_signature")
    try:
        claims = _claims_decoder.decode(body)
    except (ValueError, RecursionError):
        return _refused(payload, at_ns, "malformed")
    if claims.issuer != header.kid:
        return _refused(payload, at_ns, "unknown_issuer")  # a key speaks, and counts, for itself alone
    return PlatformCommand(
        id=claims.id,
        at_ns=at_ns,
        action=claims.action,
        issuer=claims.issuer,
        counter=claims.counter,
        not_before_ns=claims.not_before * 1_000_000_000,
        expires_ns=claims.expires * 1_000_000_000,
        vault=claims.vault,
        args=claims.args,
    )


def _refused(payload: bytes, at_ns: int, refusal: str) -> PlatformCommand:
    return PlatformCommand(
        id="unverified-" + hashlib.blake2b(payload, digest_size=16).hexdigest(),
        at_ns=at_ns,
        action="",
        issuer="",
        counter=0,
        not_before_ns=0,
        expires_ns=0,
        vault="",
        args={},
        refusal=refusal,
    )


def _unpadded(text: bytes) -> bytes:
    """Strict base64url without padding: Python's own decoder skips foreign characters, so one signature would have
    many texts. Raises ValueError."""
    raw = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != text:
        raise binascii.Error("not the one base64url text of these bytes")
    return raw
