"""What became of labels in doubt that people were asked to settle, and what each label was before."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from features import wrap_ups
from features.labels import intent_labels
from features.records import Tables, known

if TYPE_CHECKING:
    from features.params import LabelParams

SETTLE = "settle"
# kept: who was asked agrees with the label. changed: it fell. waits: one said another, and it takes two (or weight 2).
# cannot_tell: who was asked named no intent.
OUTCOMES = ("kept", "changed", "waits", "cannot_tell")


def told(tables: Tables, *, labels: LabelParams, coded: wrap_ups.Coded, as_of: datetime) -> dict[str, Any]:
    """{"settled": [{contact_id, outcome, label, weight, before, weight_before}, …]} by contact, for the report.

    before: the label as it would be had nobody been asked; contacts that had none are left out. Empty lists where
    nothing was asked.
    """
    verdicts = known(tables, "verdicts", as_of=as_of)
    answers = _answers(verdicts)
    if not answers:
        return {"settled": []}
    others = verdicts.filter(pc.fill_null(pc.not_equal(verdicts["asked"], SETTLE), True))
    now, before = (_labels(tables, said, labels=labels, coded=coded, as_of=as_of) for said in (verdicts, others))
    return {
        "settled": [
            {"contact_id": contact, "outcome": _outcome(said, now=now.get(contact, was)["label"], before=was["label"]),
             "before": was["label"], "weight_before": was["weight"],
             "label": now.get(contact, was)["label"], "weight": now.get(contact, was)["weight"]}
            for contact, said in sorted(answers.items())
            if (was := before.get(contact)) is not None
        ]
    }  # fmt: skip


def _answers(verdicts: pa.Table) -> dict[str, set[str | None]]:
    """The intents that those who were asked named of each contact; None for one who named none."""
    found: dict[str, set[str | None]] = {}
    for one in verdicts.select(["contact_id", "capability", "asked", "instead"]).to_pylist():
        if one["capability"] == "intent" and one["asked"] == SETTLE and one["contact_id"]:
            found.setdefault(one["contact_id"], set()).add(one["instead"])
    return found


def _labels(
    tables: Tables, verdicts: pa.Table, *, labels: LabelParams, coded: wrap_ups.Coded, as_of: datetime
) -> dict[str, dict[str, Any]]:
    said = [known(tables, name, as_of=as_of) for name in ("segments", "predictions", "intents")]
    found = intent_labels(verdicts, *said[:2], params=labels, as_of=as_of, intents=said[2], coded=coded)
    kept = found.filter(pc.and_(found["matured"], pc.is_valid(found["contact_id"])))
    return {one["contact_id"]: one for one in kept.select(["contact_id", "label", "weight"]).to_pylist()}


def _outcome(said: set[str | None], *, now: str, before: str) -> str:
    if now != before:
        return "changed"
    if said == {None}:
        return "cannot_tell"
    return "kept" if before in said else "waits"
