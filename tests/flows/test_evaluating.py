from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts.errors import InputError, MissingColumn, NotFound, NotText
from flows import evaluating


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "texts.csv"
    path.write_bytes(content)
    return path


def test_rows_without_a_text_or_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    path = _file(tmp_path, "text,label\nhello,greet\n  ,greet\nbye,\n再见,bye\none,two,three\n".encode())

    assert evaluating.texts_of(path, labelled=True) == (["hello", "再见"], ["greet", "bye"], 3)


def test_texts_outside_every_intent_need_no_label(tmp_path: Path) -> None:
    path = _file(tmp_path, b"text,label\nhello,\nbye,\n")

    assert evaluating.texts_of(path, labelled=False) == (["hello", "bye"], ["", ""], 0)


@pytest.mark.parametrize(
    ("content", "error", "word"),
    [
        (b"text,intent\nhello,greet\n", MissingColumn, "label"),
        (b"text,label\nhello\xff,greet\n", NotText, "UTF-8"),
        (b"", InputError, "empty"),
        (b"text,label\n,\n", InputError, "no row can be used"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_is_wrong(
    tmp_path: Path, content: bytes, error: type[Exception], word: str
) -> None:
    with pytest.raises(error, match=word):
        evaluating.texts_of(_file(tmp_path, content), labelled=True)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        evaluating.texts_of(tmp_path / "none.csv", labelled=True)
