"""The source checkout, read and never written: which commit runs, whether it is dirty, and a clean clone of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from data_contracts.errors import NotFound, UnavailableError

# Commits in a run's clone are the platform's, not a person's, and the same on every machine.
_IDENTITY = {
    "GIT_AUTHOR_NAME": "Parley",
    "GIT_AUTHOR_EMAIL": "parley@localhost",
    "GIT_COMMITTER_NAME": "Parley",
    "GIT_COMMITTER_EMAIL": "parley@localhost",
}


@dataclass(frozen=True)
class Checkout:
    """The repository that holds the running code, its commit, and the files that differ from it."""

    folder: Path
    commit: str
    changed: tuple[str, ...]

    @property
    def is_dirty(self) -> bool:
        """Whether any file differs from the commit (ignored files do not count)."""
        return bool(self.changed)


def source_folder() -> Path:
    """The folder that holds the running packages."""
    return Path(__file__).resolve().parents[1]


def checkout_of(package_file: str = __file__) -> Checkout:
    """The checkout that holds a source file. Raises UnavailableError where the code does not lie in a repository."""
    try:
        folder = Path(_git(Path(package_file).resolve().parent, "rev-parse", "--show-toplevel").strip())
        commit = _git(folder, "rev-parse", "HEAD").strip()
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        raise UnavailableError(
            "a run needs the repository that holds the running code",
            expected="a git checkout with a commit",
            came=str(getattr(error, "stderr", "") or error).strip(),
            where=str(Path(package_file).resolve().parent),
            remedy="install Parley from a clone (make setup), not from a wheel",
        ) from error
    return Checkout(folder, commit, _changed_files(folder))


def clone(source: Checkout, to: Path, *, commit: str | None = None) -> str:
    """Clone one commit into `to` and return its id; a dirty tree's changes come along as one marked commit more.

    With `commit` that very commit is cloned and nothing else. Only reads the source.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    chosen = commit or source.commit
    _git(to.parent, "clone", "--quiet", "--local", "--no-checkout", str(source.folder), str(to))
    try:
        _git(to, "checkout", "--quiet", "--detach", chosen)
    except subprocess.CalledProcessError as error:
        shutil.rmtree(to)
        raise NotFound(
            "that commit is not in this checkout",
            expected="a commit of the running code's repository",
            came=chosen,
            where=str(source.folder),
            remedy="fetch it first",
        ) from error
    if commit is None and source.is_dirty:
        _copy_changes(source, to)
        commit_all(to, subject="Snapshot of a dirty tree: not promotable")
    return _git(to, "rev-parse", "HEAD").strip()


def commit_all(folder: Path, *, subject: str) -> str:
    """Commit everything in a run's clone and return the commit; with nothing to commit, the present one."""
    _git(folder, "add", "--all")
    if _git(folder, "status", "--porcelain").strip():
        _git(folder, "commit", "--quiet", "--no-verify", "--no-gpg-sign", "-m", subject)
    return _git(folder, "rev-parse", "HEAD").strip()


def _changed_files(folder: Path) -> tuple[str, ...]:
    """Files that differ from HEAD or are new, without touching the checkout's index."""
    listed = _git(folder, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
    return tuple(sorted(entry[3:] for entry in listed.split("\0") if entry))


def _copy_changes(source: Checkout, to: Path) -> None:
    for name in source.changed:
        there, here = source.folder / name, to / name
        if there.is_file():
            here.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(there, here)
        elif here.is_file():
            here.unlink()


def _git(folder: Path, *arguments: str) -> str:
    """Run git in a folder; GIT_OPTIONAL_LOCKS=0 keeps `status` from writing the index of a checkout we only read."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        **_IDENTITY,
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout
