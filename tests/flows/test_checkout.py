"""The checkout is read and never written; a run gets a clean clone of what runs."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from data_contracts.errors import NotFound, UnavailableError
from flows import checkout


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=T", "-c", "user.email=t@localhost"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository with one commit of two files, one of them in a folder, and one ignored file."""
    folder = tmp_path / "source"
    (folder / "pack").mkdir(parents=True)
    git(tmp_path, "init", "--quiet", str(folder))
    (folder / "pack" / "code.py").write_text("one = 1\n")
    (folder / "kept.txt").write_text("kept\n")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "first")
    (folder / "ignored").write_text("noise")
    return folder


def fingerprint(folder: Path) -> str:
    """Every byte and name below a folder, `.git` too."""
    summed = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        summed.update(str(path.relative_to(folder)).encode())
        summed.update(path.read_bytes() if path.is_file() else b"")
    return summed.hexdigest()


def test_a_clean_checkout_is_cloned_at_its_commit(source: Path, tmp_path: Path) -> None:
    found = checkout.checkout_of(str(source / "pack" / "code.py"))

    commit = checkout.clone(found, tmp_path / "clone")

    assert not found.is_dirty
    assert commit == found.commit == git(source, "rev-parse", "HEAD")
    assert (tmp_path / "clone" / "pack" / "code.py").read_text() == "one = 1\n"
    assert not (tmp_path / "clone" / "ignored").exists()


def test_changed_new_and_deleted_files_come_along_as_one_commit_more(source: Path, tmp_path: Path) -> None:
    (source / "pack" / "code.py").write_text("one = 2\n")
    (source / "pack" / "new é.py").write_text("new = True\n")
    (source / "kept.txt").unlink()
    found = checkout.checkout_of(str(source / "pack" / "code.py"))

    commit = checkout.clone(found, tmp_path / "clone")

    assert found.is_dirty
    assert commit != found.commit
    assert (tmp_path / "clone" / "pack" / "code.py").read_text() == "one = 2\n"
    assert (tmp_path / "clone" / "pack" / "new é.py").exists()
    assert not (tmp_path / "clone" / "kept.txt").exists()
    assert git(tmp_path / "clone", "status", "--porcelain") == ""


def test_looking_and_cloning_leave_every_byte_of_the_checkout_as_it_was(source: Path, tmp_path: Path) -> None:
    (source / "pack" / "code.py").write_text("one = 2\n")
    before = fingerprint(source)

    checkout.clone(checkout.checkout_of(str(source / "pack" / "code.py")), tmp_path / "clone")

    assert fingerprint(source) == before


def test_an_earlier_commit_is_cloned_without_the_changes_of_today(source: Path, tmp_path: Path) -> None:
    first = git(source, "rev-parse", "HEAD")
    (source / "pack" / "code.py").write_text("one = 2\n")
    git(source, "commit", "--quiet", "-am", "second")
    (source / "kept.txt").write_text("dirty\n")

    commit = checkout.clone(checkout.checkout_of(str(source / "kept.txt")), tmp_path / "clone", commit=first)

    assert commit == first
    assert (tmp_path / "clone" / "pack" / "code.py").read_text() == "one = 1\n"
    assert (tmp_path / "clone" / "kept.txt").read_text() == "kept\n"


def test_a_commit_that_nobody_has_leaves_no_half_clone(source: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="0000000"):
        checkout.clone(checkout.checkout_of(str(source / "kept.txt")), tmp_path / "clone", commit="0" * 40)

    assert not (tmp_path / "clone").exists()


def test_code_outside_a_repository_says_that_a_run_needs_one(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="make setup"):
        checkout.checkout_of(str(tmp_path / "code.py"))
