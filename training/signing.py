"""Ed25519 signatures (RFC 8032): the one key that may write the history, and the public key by which all may check."""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from data_contracts.errors import InputError, IntegrityError, NotFound

PRIVATE = "private.pem"
PUBLIC = "public.pem"
RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw


class Verifier:
    """Checks signatures by a public key; holds no secret, so any process may have one."""

    def __init__(self, public_key: str | bytes) -> None:
        """From PEM, or from the 32 raw bytes in base64 as a setting pins them. InputError for anything else."""
        self._key = _public(public_key)

    @classmethod
    def open(cls, keys_dir: Path, *, pinned: str | None = None) -> Verifier:
        """The pinned key where there is one (no disk can swap it), else `public.pem`. NotFound without either."""
        if pinned:
            return cls(pinned)
        path = keys_dir / PUBLIC
        if not path.is_file():
            raise NotFound("no public key", expected=PUBLIC, where=str(keys_dir),
                           remedy="The first promotion request makes it; or pin one in the settings.")  # fmt: skip
        return cls(path.read_bytes())

    @property
    def public_key(self) -> str:
        """The 32 raw bytes in base64: what a setting pins."""
        return base64.b64encode(self._key.public_bytes(*RAW)).decode("ascii")

    def holds(self, signature: str, *, over: bytes) -> bool:
        """Whether `signature` (base64) was made over these bytes by the private half of this key."""
        try:
            self._key.verify(base64.b64decode(signature, validate=True), over)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


class Signer:
    """Holds the private key. Whoever has it can write history, so it never leaves the process that decides."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def fresh(cls) -> Signer:
        """A key that lives in memory only: for tests and `MemoryHistory`."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def open(cls, keys_dir: Path) -> Signer:
        """The key of this workspace, made on first use (file mode 0600, folder 0700).

        Raises IntegrityError when others may read the key, InputError when the file is no Ed25519 key.
        """
        path = keys_dir / PRIVATE
        if not path.exists():
            _make(keys_dir)
        if path.stat().st_mode & 0o077:
            raise IntegrityError("others may read the signing key", expected="mode 0600",
                                 came=oct(path.stat().st_mode & 0o777), where=str(path),
                                 remedy=f"chmod 600 {path}; if anybody may have read it, start a new key.")  # fmt: skip
        signer = cls(_private(path))
        _publish(keys_dir, signer.verifier)
        return signer

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(base64.b64encode(self._key.public_key().public_bytes(*RAW)))

    def sign(self, over: bytes) -> str:
        """The signature in base64; the same bytes always give the same one."""
        return base64.b64encode(self._key.sign(over)).decode("ascii")


def write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file whole or not at all, and leave one that is already there: the first of two writers wins."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.link(name, path)
    except FileExistsError:
        return
    finally:
        Path(name).unlink()


def _make(keys_dir: Path) -> None:
    keys_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_new(keys_dir / PRIVATE, pem, mode=0o600)


def _publish(keys_dir: Path, verifier: Verifier) -> None:
    path = keys_dir / PUBLIC
    if not path.exists():
        key = _public(verifier.public_key)
        pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        write_new(path, pem, mode=0o644)
    elif Verifier(path.read_bytes()).public_key != verifier.public_key:
        raise IntegrityError("the public key on disk is not the signing key's", expected=verifier.public_key,
                             where=str(path), remedy="Somebody swapped it: find out who, then restore it.")  # fmt: skip


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as refused:
        raise InputError("not a private key", expected="Ed25519, PKCS8, PEM", where=str(path)) from refused
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError("not an Ed25519 key", came=type(key).__name__, where=str(path))
    return key


def _public(told: str | bytes) -> Ed25519PublicKey:
    raw = told.encode("ascii", "replace") if isinstance(told, str) else told
    try:
        if b"-----BEGIN" not in raw:
            return Ed25519PublicKey.from_public_bytes(base64.b64decode(raw.strip(), validate=True))
        key = serialization.load_pem_public_key(raw)
    except (ValueError, binascii.Error) as refused:
        raise InputError("not a public key", expected="Ed25519 in PEM, or 32 bytes in base64") from refused
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("not an Ed25519 key", came=type(key).__name__)
    return key
