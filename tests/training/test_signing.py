"""Keys: made once, readable by their owner alone, and checked wherever they come from."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from data_contracts.errors import InputError, IntegrityError, NotFound
from training.signing import PRIVATE, PUBLIC, Signer, Verifier


def test_a_signature_holds_over_its_bytes_and_no_others(tmp_path: Path) -> None:
    signer = Signer.open(tmp_path)
    signature = signer.sign(b"this")

    assert signer.verifier.holds(signature, over=b"this")
    assert not signer.verifier.holds(signature, over=b"that")
    assert not Signer.fresh().verifier.holds(signature, over=b"this")
    assert not signer.verifier.holds("not base64 !", over=b"this")


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    first = Signer.open(tmp_path / "keys")

    assert Signer.open(tmp_path / "keys").verifier.public_key == first.verifier.public_key
    assert stat.S_IMODE((tmp_path / "keys" / PRIVATE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_two_first_users_get_one_key(tmp_path: Path) -> None:
    keys: list[str] = []
    users = [threading.Thread(target=lambda: keys.append(Signer.open(tmp_path).verifier.public_key)) for _ in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join()

    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [PRIVATE, PUBLIC]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    Signer.open(tmp_path)
    (tmp_path / PRIVATE).chmod(0o640)

    with pytest.raises(IntegrityError, match="chmod 600"):
        Signer.open(tmp_path)


def test_a_swapped_public_key_is_noticed(tmp_path: Path) -> None:
    Signer.open(tmp_path / "a")
    Signer.open(tmp_path / "b")
    (tmp_path / "a" / PUBLIC).write_bytes((tmp_path / "b" / PUBLIC).read_bytes())

    with pytest.raises(IntegrityError, match="swapped"):
        Signer.open(tmp_path / "a")


def test_a_verifier_takes_pem_or_base64_and_a_pinned_key_wins(tmp_path: Path) -> None:
    ours, other = Signer.open(tmp_path), Signer.fresh().verifier.public_key

    assert Verifier((tmp_path / PUBLIC).read_bytes()).public_key == ours.verifier.public_key
    assert Verifier.open(tmp_path).public_key == ours.verifier.public_key
    assert Verifier.open(tmp_path, pinned=other).public_key == other


@pytest.mark.parametrize("told", ["", "abc", "é" * 32, "-----BEGIN PUBLIC KEY-----\nxx\n-----END PUBLIC KEY-----"])
def test_what_is_no_key_is_refused(told: str) -> None:
    with pytest.raises(InputError, match="public key"):
        Verifier(told)


def test_without_any_key_it_is_said_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=str(tmp_path)):
        Verifier.open(tmp_path)
