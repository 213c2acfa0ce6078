"""Keys of endpoints: shared ones and Ed25519, read strictly, never repeated; two sign while one is exchanged."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from notifiers.webhook.signing import SecretRefused, new_secret, public_key, signature, signatures, verified

SEED = bytes(range(32))
PRIVATE = "whsk_" + base64.b64encode(SEED).decode()
SHARED = "whsec_" + base64.b64encode(SEED).decode()
BODY = '{"name":"α-PVP"}'.encode()


def checked(signed: str, public: str, text: bytes) -> None:
    """As a receiver checks `v1a` with the public key it was given and nothing else of ours."""
    version, _, code = signed.partition(",")
    assert version == "v1a"
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    key.verify(base64.b64decode(code), text)


def test_a_receiver_checks_an_asymmetric_signature_with_the_public_key_alone() -> None:
    signed = signature(PRIVATE, message_id="delivery-1", timestamp=1764000000, body=BODY)
    checked(signed, public_key(PRIVATE), b"delivery-1.1764000000." + BODY)
    for text in (b"delivery-2.1764000000." + BODY, b"delivery-1.1764000001." + BODY, b"delivery-1.1764000000.{}"):
        with pytest.raises(InvalidSignature):
            checked(signed, public_key(PRIVATE), text)


def test_the_test_vector_of_rfc_8032_gives_its_public_key() -> None:
    """RFC 8032 7.1, test 1."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    for raw in (seed, seed + public):
        secret = "whsk_" + base64.b64encode(raw).decode()
        assert public_key(secret) == "whpk_" + base64.b64encode(public).decode()


def test_each_valid_secret_signs_the_newest_first() -> None:
    both = signatures((PRIVATE, SHARED), message_id="d", timestamp=1, body=BODY)
    assert [each.partition(",")[0] for each in both.split(" ")] == ["v1a", "v1"]
    assert both.split(" ")[1] == signature(SHARED, message_id="d", timestamp=1, body=BODY)


def test_a_receiver_with_either_secret_accepts_while_one_is_exchanged() -> None:
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    new, old = new_secret(SHARED), SHARED
    stamp = int(now.timestamp())
    headers = {
        "webhook-id": "d",
        "webhook-timestamp": str(stamp),
        "webhook-signature": signatures((new, old), message_id="d", timestamp=stamp, body=BODY),
    }
    for secret in (new, old):
        assert verified(secret, headers, BODY, now=now, tolerance=timedelta(minutes=5))
    assert not verified(new_secret(SHARED), headers, BODY, now=now, tolerance=timedelta(minutes=5))


def test_a_new_secret_is_of_the_same_kind_and_never_the_same() -> None:
    for like, kind in ((SHARED, "whsec_"), (PRIVATE, "whsk_")):
        made = {new_secret(like) for _ in range(10)}
        assert len(made) == 10
        assert all(each.startswith(kind) and signature(each, message_id="d", timestamp=1, body=b"") for each in made)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"x" * 31,
        b"x" * 33,
        b"x" * 63,
        SEED + b"y" * 32,
        SEED + Ed25519PrivateKey.from_private_bytes(b"z" * 32).public_key().public_bytes_raw(),
    ],
)
def test_a_private_key_that_is_none_is_refused_and_not_repeated(raw: bytes) -> None:
    secret = "whsk_" + base64.b64encode(raw).decode()
    with pytest.raises(SecretRefused) as refusal:
        public_key(secret)
    assert not raw or secret not in str(refusal.value)
    with pytest.raises(SecretRefused):
        signature(secret, message_id="d", timestamp=1, body=b"")
