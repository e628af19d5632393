"""The digest of a payload changes with every byte and name that counts, and with nothing else."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from data_contracts.errors import InputError, TamperedArtefact
from tests.training.reports import payload_folder
from training import payload


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return payload_folder(tmp_path / "payload")


def test_the_digest_is_that_of_sorted_paths_and_sums(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.txt").write_bytes(b"one")
    (tmp_path / "a.txt").write_bytes(b"two")
    by_hand = {"a.txt": hashlib.sha256(b"two").hexdigest(), "b/x.txt": hashlib.sha256(b"one").hexdigest()}

    assert payload.manifest(tmp_path) == by_hand
    told = json.dumps(by_hand, sort_keys=True, separators=(",", ":"))
    assert payload.digest(tmp_path) == hashlib.sha256(told.encode()).hexdigest()


def test_what_others_write_beside_it_does_not_count(folder: Path) -> None:
    before = payload.digest(folder)
    for name in payload.BESIDE_THE_PAYLOAD:
        (folder / name).write_text("now and here")
    os.utime(folder / "loader.py", (0, 0))

    assert payload.digest(folder) == before


@pytest.mark.parametrize("name", ["weights/MLmodel", "__pycache__/loader.cpython-311.pyc", "mlmodel", "weights/extra"])
def test_near_misses_of_those_names_do_count(folder: Path, name: str) -> None:
    before = payload.digest(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("planted")

    assert payload.digest(folder) != before


def test_one_changed_byte_is_refused_and_both_digests_are_told(folder: Path) -> None:
    approved = payload.digest(folder)
    head = folder / "weights" / "head.txt"
    head.write_bytes(b"b" + head.read_bytes()[1:])

    with pytest.raises(TamperedArtefact, match=approved):
        payload.verify(folder, expected=approved)


def test_a_moved_file_is_another_payload(folder: Path) -> None:
    before = payload.digest(folder)
    (folder / "weights" / "head.txt").rename(folder / "head.txt")

    assert payload.digest(folder) != before


def test_a_link_is_refused_even_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    (folder / "weights" / "head.txt").rename(outside)
    (folder / "weights" / "head.txt").symlink_to(outside)

    with pytest.raises(TamperedArtefact, match="plain files"):
        payload.digest(folder)


def test_an_empty_or_missing_folder_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("alone")
    with pytest.raises(InputError, match="empty"):
        payload.digest(tmp_path)
    with pytest.raises(InputError, match="no payload"):
        payload.digest(tmp_path / "nowhere")
