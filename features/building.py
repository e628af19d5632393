"""The build stage: all features of a run from its checked tables, as of one moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from data_contracts.errors import UnknownParameter
from features import forecast, intent, provenance, routing
from features.code_map import CodeMap
from features.params import FeatureParams
from features.writing import write_json

FAMILIES = ("intent", "routing", "forecast")


def build(
    tables: Mapping[str, pa.Table],
    *,
    params: FeatureParams | Any,
    families: Sequence[str],
    as_of: datetime,
    to: Path,
    repo: Path,
    threads: int = 2,
    codes: CodeMap | None = None,
) -> dict[str, Any]:
    """Write the features of these families below `to` (a run's data/features) and `to`/manifest.json; returns that.

    params: has `labels`, `intent`, `routing`, `forecast` (`FeatureParams`, or the training params). repo: where the
    Feast repository is made. codes: which intent each wrap-up code stands for. Only rows known at `as_of` are read. The
    same tables, params and moment give the same bytes. Raises UnknownParameter for another family, NotEnoughData where
    a family has nothing to learn from.
    """
    unknown = sorted(set(families) - set(FAMILIES))
    if unknown:
        raise UnknownParameter("no such family", expected=", ".join(FAMILIES), came=", ".join(unknown))
    builders: dict[str, Callable[[], dict[str, Any]]] = {
        "intent": lambda: intent.build(
            tables, params=params.intent, labels=params.labels, as_of=as_of, to=to, codes=codes
        ),
        "routing": lambda: routing.build(
            tables, params=params.routing, labels=params.labels, as_of=as_of, to=to, repo=repo, threads=threads
        ),
        "forecast": lambda: forecast.build(tables, params=params.forecast, as_of=as_of, to=to),
    }
    built = {
        family: builders[family]() | provenance.of(family, tables, to=to, as_of=as_of)
        for family in FAMILIES
        if family in families
    }
    manifest = {"as_of": as_of.isoformat(), "families": built, "format": 1}
    write_json(manifest, to / "manifest.json")
    return manifest
