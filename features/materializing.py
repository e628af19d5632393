"""Online features brought up to date: from the centre's records to the mirror that serving reads."""

from __future__ import annotations

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
    The online store is made anew: a customer who was erased is not left behind in it.
    """
    from features.offers import offers, write_sources

    told = offers(tables, params=params, labels=labels, as_of=as_of)
    sources = repo / "sources"
    write_sources(told, tables, params=params, as_of=as_of, to=sources)
    (repo / ONLINE_STORE).unlink(missing_ok=True)
    lookup.prepare(repo, sources=sources)
    lookup.materialize(repo, as_of=as_of, threads=threads)
    return mirror.write(to, repo=repo, sources=sources, as_of=as_of)
