"""Online features brought up to date: from the centre's records to the mirror that serving reads."""

from __future__ import annotations

import shutil
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from features import lookup, mirror
from features.records import Tables

if TYPE_CHECKING:
    from features.params import LabelParams, RoutingDataParams

ONLINE_STORE = "online.db"


def refresh(
    tables: Tables,
    *,
    params: RoutingDataParams,
    labels: LabelParams,
    as_of: datetime,
    repo: Path,
    to: Path,
    threads: int = 2,
) -> str:
    """Materialise what was known at `as_of` into the Feast repository `repo` and the mirror folder `to`.

    Returns the mirror's version. The same `params` as the champion's build give the figures that it learned from.
    Raises NotEnoughData where no agent took a contact.
    """
    sources = build_sources(tables, params=params, labels=labels, as_of=as_of, repo=repo)
    return write_online(sources, as_of=as_of, repo=repo, to=to, threads=threads)


def build_sources(
    tables: Tables, *, params: RoutingDataParams, labels: LabelParams, as_of: datetime, repo: Path
) -> Path:
    """The views' Parquet files of the repository as known at `as_of`, whole or not at all; returns their folder."""
    from features.offers import offers, write_sources

    told = offers(tables, params=params, labels=labels, as_of=as_of)
    sources = repo / "sources"
    fresh = repo / "sources.tmp"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    write_sources(told, tables, params=params, as_of=as_of, to=fresh)
    shutil.rmtree(sources, ignore_errors=True)
    fresh.replace(sources)
    return sources


def write_online(sources: Path, *, as_of: datetime, repo: Path, to: Path, threads: int = 2) -> str:
    """Online store and mirror from the sources; returns the mirror's version.

    The online store is made anew: a customer who was erased is not left behind in it.
    """
    for left in repo.glob(f"{ONLINE_STORE}*"):
        left.unlink()
    with warnings.catch_warnings():
        lookup.prepare(repo, sources=sources)
        warnings.simplefilter("ignore")  # Feast's import, the first thing that happened, sets filters of its own.
        lookup.materialize(repo, as_of=as_of, threads=threads)
        return mirror.write(to, repo=repo, sources=sources, as_of=as_of)
