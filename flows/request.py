"""`data/request.yaml`: all that a run reads besides code and params, declared so that DVC can tell it changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_contracts.errors import InputError, UnknownParameter

FAMILIES = ("intent", "routing", "forecast")
NO_CHAMPION = "none"
PATH = Path("data/request.yaml")


@dataclass(frozen=True)
class Request:
    """What one run was asked for.

    as_of: only what was known by then is used (ISO 8601, UTC, quoted in the file: bare YAML dates break DVC).
    until: rows that happened before then.
    archive_batch, archive_digest: the snapshot of the archive; the digest is verified by `collect`.
    champion: per family the payload digest that the candidate is compared with, or "none".
    threads: of every numeric library; results may differ between thread counts, so it is part of what was asked.
    """

    as_of: str
    until: str
    seed: int
    archive_batch: int
    archive_digest: str
    champion: Mapping[str, str]
    threads: int = 2

    def as_of_time(self) -> datetime:
        """`as_of` as an aware time."""
        return moment(self.as_of, where="as_of")

    def until_time(self) -> datetime:
        """`until` as an aware time."""
        return moment(self.until, where="until")

    def to_json(self) -> dict[str, Any]:
        """The request as plain data, for a version's card."""
        return {**asdict(self), "champion": dict(self.champion)}


def load(folder: Path) -> Request:
    """The request of a run folder. Raises InputError on a missing or unknown key."""
    import yaml

    path = folder / PATH
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError("a run's request cannot be read", expected="YAML", came=str(error), where=str(path)) from error
    return from_json(read, where=str(path))


def from_json(read: Any, *, where: str = "") -> Request:
    """A request from plain data; unknown keys name the known ones."""
    known = set(Request.__dataclass_fields__)
    if not isinstance(read, Mapping) or not set(read) <= known:
        came = ", ".join(sorted(set(read) - known)) if isinstance(read, Mapping) else repr(read)
        raise UnknownParameter(
            "a run's request has an unknown key", expected=", ".join(sorted(known)), came=came, where=where
        )
    missing = known - {"threads"} - set(read)
    if missing:
        raise InputError(
            "a run's request lacks a key",
            expected=", ".join(sorted(known)),
            came="no " + ", ".join(sorted(missing)),
            where=where,
        )
    return Request(**read)


def write(request: Request, *, folder: Path) -> Path:
    """Write the request with its strings quoted, the same bytes for the same request."""
    lines = [f"{key}: {json.dumps(value, sort_keys=True)}" for key, value in sorted(request.to_json().items())]
    path = folder / PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "# Written by `parley retrain`; what it means: flows/request.py.\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )
    return path


def moment(text: str, *, where: str) -> datetime:
    """An aware UTC time from ISO 8601; a day alone is its beginning, a naive time is refused."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            "not a time", expected="ISO 8601, such as 2026-05-01T00:00:00Z", came=text, where=where
        ) from error
    if read.tzinfo is None and len(text) == len("2026-05-01"):
        read = read.replace(tzinfo=UTC)
    if read.tzinfo is None:
        raise InputError(
            "a time without a zone has no meaning here",
            expected="an offset or Z",
            came=text,
            where=where,
            remedy=f"write {text}Z if it is UTC",
        )
    try:
        return read.astimezone(UTC)
    except OverflowError as error:
        raise InputError("not a time", expected="a year from 1 to 9999 in UTC", came=text, where=where) from error
