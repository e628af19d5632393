"""The signed head of the history, kept beside the key and not beside the history: so a cut-off end is noticed."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from data_contracts.errors import IntegrityError, TamperedHistory
from training import canonical
from training.chain import START, Head
from training.signing import Signer, Verifier

FILE = "head.json"
PURPOSE = b"parley history head 1\n"


class Anchor:
    """The last acknowledged entry. It only ever moves forward; whoever lacks the key cannot move it at all."""

    def __init__(self, keys_dir: Path) -> None:
        self.path = keys_dir / FILE

    def read(self, *, verifier: Verifier) -> Head | None:
        """The anchored head, or None where nothing was ever anchored. TamperedHistory when the key did not sign it."""
        try:
            raw = json.loads(self.path.read_text("utf-8"))
            head, signature = Head(int(raw["sequence"]), str(raw["digest"])), str(raw["signature"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as refused:
            raise self._forged("it cannot be read") from refused
        if not verifier.holds(signature, over=_signed(head)):
            raise self._forged("its signature was not made by the key of this history")
        return head

    def advance(self, to: Head, *, signer: Signer) -> None:
        """Move to a later head, durably and whole. IntegrityError for an earlier one: acknowledged is acknowledged."""
        now = self.read(verifier=signer.verifier) or START
        if to.sequence < now.sequence:
            raise IntegrityError("the anchor never goes back", expected=f"{now.sequence} or later",
                                 came=str(to.sequence), where=str(self.path))  # fmt: skip
        content = canonical.text({**vars(to), "signature": signer.sign(_signed(to))})
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{FILE}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        Path(name).replace(self.path)
        sync_folder(self.path.parent)

    def _forged(self, why: str) -> TamperedHistory:
        return TamperedHistory(f"the anchored head was changed: {why}", where=str(self.path))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a rename survives power loss only after this."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _signed(head: Head) -> bytes:
    return PURPOSE + canonical.text(head).encode("utf-8")
