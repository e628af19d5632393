"""The anchored head moves forward only, and only by the key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_contracts.errors import IntegrityError, TamperedHistory
from training.anchor import Anchor
from training.chain import Head
from training.signing import Signer


def test_it_reads_what_was_anchored_and_nothing_before(tmp_path: Path) -> None:
    signer, anchor = Signer.fresh(), Anchor(tmp_path)

    assert anchor.read(verifier=signer.verifier) is None
    anchor.advance(Head(3, "a" * 64), signer=signer)
    assert anchor.read(verifier=signer.verifier) == Head(3, "a" * 64)


def test_it_never_goes_back(tmp_path: Path) -> None:
    signer, anchor = Signer.fresh(), Anchor(tmp_path)
    anchor.advance(Head(3, "a" * 64), signer=signer)

    with pytest.raises(IntegrityError, match="never goes back"):
        anchor.advance(Head(2, "b" * 64), signer=signer)


@pytest.mark.parametrize("change", [{"sequence": 2}, {"digest": "b" * 64}, {"signature": "AAAA"}])
def test_a_changed_anchor_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    signer, anchor = Signer.fresh(), Anchor(tmp_path)
    anchor.advance(Head(3, "a" * 64), signer=signer)
    anchor.path.write_text(json.dumps({**json.loads(anchor.path.read_text()), **change}))

    with pytest.raises(TamperedHistory, match="anchored head"):
        anchor.read(verifier=signer.verifier)


def test_an_anchor_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    Anchor(tmp_path).path.write_text("{}")

    with pytest.raises(TamperedHistory):
        Anchor(tmp_path).read(verifier=Signer.fresh().verifier)
