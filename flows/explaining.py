"""Why an intent was answered: by the very payload that answered, with the texts that it was taught."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.errors import ParleyError
from features.dialogue import dialogue
from flows.compose import Workspace

if TYPE_CHECKING:
    from training.report import Report


def why(place: Workspace, record: Mapping[str, Any], *, version: str) -> dict[str, Any]:
    """The nearest training examples of an answer's text, with their texts, and the words that carried it.

    record: a row of `predictions` of the capability intent. Where the payload cannot be had, `problem` says why.
    """
    features = json.loads(record.get("features") or "{}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            model = _model(place, version, Path(folder) / "payload")
            if not hasattr(model, "explain"):
                return {"problem": "this version's payload cannot explain its answers: it is of an earlier format"}
            told = dict(model.explain(str(features.get("text", "")), language=str(features.get("language", ""))))
    except ParleyError as error:
        return {"problem": str(error)}
    texts = texts_of(place, [one["example_id"] for one in told["nearest"]])
    told["nearest"] = [{**one, "text": texts.get(one["example_id"])} for one in told["nearest"]]
    return told


def confused(place: Workspace, report: Report) -> list[dict[str, Any]]:
    """The examples of a report's most confused pairs with their texts, as far as the archive still holds them."""
    from training import intent_explained

    examples = intent_explained.examples_of(report)
    texts = texts_of(place, [one["example"] for one in examples])
    return [{**one, "text": texts.get(one["example"])} for one in examples]


def texts_of(place: Workspace, contacts: Sequence[str]) -> dict[str, str]:
    """What the customers of these contacts said, as far as the archive still holds it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    spoken = place.archive.read("utterances")
    kept = spoken.filter(pc.is_in(spoken["contact_id"], value_set=pa.array(list(contacts), pa.string())))
    turns: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(kept.to_pylist(), key=lambda row: (row["contact_id"], row["turn"])):
        turns.setdefault(row["contact_id"], []).append(row)
    return {contact: dialogue(said, max_chars=place.settings.max_text_chars) for contact, said in turns.items()}


def _model(place: Workspace, version: str, to: Path) -> Any:
    from training import loaders

    place.registry.fetch("intent", version, to)
    return loaders.open_payload(to, threads=1)
