"""The search for pickles finds each kind, and is not taken in by what only looks like one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.journeys.pickles import pickles_in


def pickled(protocol: int) -> bytes:
    """An empty list as that protocol writes it: its number, EMPTY_LIST, STOP. No module that loads one is needed."""
    return bytes([0x80, protocol]) + b"]."


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_found_by_its_bytes_whatever_it_is_called(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "ab12").write_bytes(pickled(protocol))

    assert pickles_in(tmp_path) == ["cache/ab12"]


@pytest.mark.parametrize("name", ["model.pkl", "model.PICKLE", "model.joblib", "model.pt", "model.dill"])
def test_a_pickle_is_found_by_its_name_whatever_is_in_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")

    assert pickles_in(tmp_path) == [name]


@pytest.mark.parametrize(("member", "content"), [("archive/data.pkl", b""), ("archive/data", pickled(4))])
def test_a_pickle_within_a_zip_is_found(tmp_path: Path, member: str, content: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "checkpoint.bin", "w") as archive:
        archive.writestr("archive/version", b"3")
        archive.writestr(member, content)

    assert pickles_in(tmp_path) == [f"checkpoint.bin!{member}"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80",
        b"\x80\x02",
        b"\x80\x01}.",
        b"\x80\x06}.",
        b"\x80\x04\xffno opcode",
        pickled(4)[:-1],
        b"{}",
    ],
)
def test_what_only_begins_like_a_pickle_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "weights.bin").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("array.npy", content)

    assert pickles_in(tmp_path) == []
