"""Signed commands: what is believed, and what garbage comes to."""

import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from edge.platform.commands import verifiers, verify

AT_NS = 1_800_000_000_000_000_000

# RFC 8037 appendix A: private key, public key, and the JWS over "Example of Ed25519 signing"
RFC8037_PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC8037_PRIVATE = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
RFC8037_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

CLAIMS = {
    "id": "c-1",
    "vault": "c1/v1/edge-1",
    "action": "snapshot.request",
    "args": {"a": [1, "二"]},
    "issuer": "platform",
    "not_before": 1_799_999_940,
    "expires": 1_800_000_300,
    "counter": 7,
}


class Issuer:
    def __init__(self, kid: str = "platform") -> None:
        self.kid = kid
        self.key = OKPKey.generate_key("Ed25519")
        public = self.key.as_dict(private=False)["x"]
        assert isinstance(public, str)
        self.public = public

    def sign(self, payload: bytes, **header: object) -> bytes:
        protected = {"alg": "Ed25519", "kid": self.kid, **header}
        return jws.serialize_compact(protected, payload, self.key, algorithms=["Ed25519"]).encode()

    def command(self, **changes: object) -> bytes:
        return self.sign(msgspec.json.encode({**CLAIMS, **changes}))


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def test_a_signed_command_becomes_a_platform_command(issuer: Issuer) -> None:
    command = verify(issuer.command(), verifiers({"platform": issuer.public}), AT_NS)
    assert command.refusal == ""
    assert (command.id, command.vault, command.action, command.issuer) == (
        "c-1",
        "c1/v1/edge-1",
        "snapshot.request",
        "platform",
    )
    assert command.args == {"a": [1, "二"]}
    assert (command.not_before_ns, command.expires_ns) == (
        1_799_999_940_000_000_000,
        1_800_000_300_000_000_000,
    )
    assert (command.counter, command.at_ns) == (7, AT_NS)


def test_the_signature_of_rfc_8037_verifies_under_its_key_and_its_payload_is_no_command() -> None:
    header = b64(b'{"alg":"EdDSA"}')
    assert header == b"eyJhbGciOiJFZERTQSJ9"
    payload = b64(b"Example of Ed25519 signing")
    key = verifiers({"rfc": RFC8037_PUBLIC})["rfc"]
    key.verify(base64.urlsafe_b64decode(RFC8037_SIGNATURE + "=="), header + b"." + payload)  # raises where it does not
    whole = header + b"." + payload + b"." + RFC8037_SIGNATURE.encode()
    assert verify(whole, {"rfc": key}, AT_NS).refusal == "malformed"  # it names no key


def test_the_older_name_of_the_algorithm_is_taken_too() -> None:
    private = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(RFC8037_PRIVATE + "="))
    signed = b64(b'{"alg":"EdDSA","kid":"platform"}') + b"." + b64(msgspec.json.encode(CLAIMS))
    whole = signed + b"." + b64(private.sign(signed))
    assert verify(whole, verifiers({"platform": RFC8037_PUBLIC}), AT_NS).refusal == ""


def test_an_unknown_key_is_an_unknown_issuer(issuer: Issuer) -> None:
    command = verify(issuer.command(), verifiers({"other": issuer.public}), AT_NS)
    assert command.refusal == "unknown_issuer"


def test_a_key_cannot_speak_for_another_issuer(issuer: Issuer) -> None:
    command = verify(issuer.command(issuer="ministry"), verifiers({"platform": issuer.public}), AT_NS)
    assert command.refusal == "unknown_issuer"
    assert command.issuer == ""


def test_another_key_under_the_same_name_is_a_bad_signature(issuer: Issuer) -> None:
    command = verify(Issuer().command(), verifiers({"platform": issuer.public}), AT_NS)
    assert command.refusal == "bad_signature"


@given(data=st.data())
def test_a_flipped_bit_anywhere_is_refused(issuer: Issuer, data: st.DataObject) -> None:
    payload = bytearray(issuer.command())
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    payload[bit // 8] ^= 1 << (bit % 8)
    assert verify(bytes(payload), verifiers({"platform": issuer.public}), AT_NS).refusal in {
        "bad_signature",
        "malformed",
        "unknown_issuer",
    }


@given(payload=st.binary(max_size=300) | st.text(alphabet="abcXYZ019-_.=", max_size=200).map(str.encode))
def test_garbage_never_raises_and_never_passes(payload: bytes) -> None:
    command = verify(payload, verifiers({"platform": RFC8037_PUBLIC}), AT_NS)
    assert command.refusal == "malformed"
    assert command.id.startswith("unverified-")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"counter": 0},
        {"counter": 2**60},
        {"expires": -1},
        {"expires": 2**40},
        {"args": []},
        {"vault": None},
        {"action": 5},
    ],
)
def test_signed_claims_of_the_wrong_shape_are_malformed(issuer: Issuer, changes: dict[str, object]) -> None:
    assert verify(issuer.command(**changes), verifiers({"platform": issuer.public}), AT_NS).refusal == "malformed"


def test_deeply_nested_claims_are_malformed(issuer: Issuer) -> None:
    nested = b'{"id":"x","args":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    assert verify(issuer.sign(nested), verifiers({"platform": issuer.public}), AT_NS).refusal == "malformed"


def test_no_algorithm_and_unknown_critical_headers_are_malformed(issuer: Issuer) -> None:
    keys = verifiers({"platform": issuer.public})
    _header, body, signature = issuer.command().split(b".")
    none = b64(b'{"alg":"none","kid":"platform"}')
    assert verify(none + b"." + body + b".", keys, AT_NS).refusal == "malformed"
    critical = b64(b'{"alg":"Ed25519","kid":"platform","crit":["exp"]}')
    assert verify(critical + b"." + body + b"." + signature, keys, AT_NS).refusal == "malformed"


def test_a_command_has_one_text_only(issuer: Issuer) -> None:
    keys = verifiers({"platform": issuer.public})
    good = issuer.command()
    assert verify(good + b"==", keys, AT_NS).refusal == "malformed"
    assert verify(good.replace(b".", b".!", 1), keys, AT_NS).refusal == "malformed"
    last = b"AQgw"[b"AQgw".index(good[-1:])] if good[-1:] in b"AQgw" else None
    assert last is not None  # 64 bytes leave four bits unused in the last of 86 characters
    other = bytes([last + 1])
    assert verify(good[:-1] + other, keys, AT_NS).refusal == "malformed"


def test_a_key_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"platform\.issuers: key of 'p'"):
        verifiers({"p": "AAAA"})
    with pytest.raises(ValueError, match=r"platform\.issuers: key of 'p'"):
        verifiers({"p": "not base64 at all!"})
