"""What customers asked that no intent covered: answers that the intent model refused, or a person undid."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.wording import normalise

Row = Mapping[str, Any]
# An abstention that says this was made out of care, before it was asked whether the text is unlike what was learned:
# of a new intent's texts it may be most, of a known intent's some. In the simulated centre 61 of 81 texts of an intent
# that nobody taught were so refused.
CAREFUL = "may be critical"


@dataclass(frozen=True)
class Wording:
    """One way of putting it: the text as first asked, its language, and the predictions that asked it, in order."""

    text: str
    language: str
    predictions: tuple[str, ...]
    contacts: tuple[str, ...]
    # Whether it was only refused out of care for critical intents.
    careful: bool = False


@dataclass(frozen=True)
class Refused:
    """What was asked in a window: how many contacts, how many of them were refused, and their wordings in order.

    `answered` are the texts that were not refused: what customers say anyway, against which a name stands out.
    """

    asked_count: int
    refused_count: int
    wordings: tuple[Wording, ...]
    answered: tuple[str, ...]


def refused(
    predictions: Iterable[Row], verdicts: Iterable[Row], *, known: frozenset[str], since: datetime, until: datetime
) -> Refused:
    """The refused of a half-open window, each contact by a model's last answer: later turns may make it clear.

    predictions, verdicts: rows of these datasets. known: the taxonomy. Refused is what the model would not answer
    though there was a text, and what a person called wrong without naming another; what a person gave a known intent is
    not, whatever the model said of it.
    """
    said = _spoken(verdicts, known)
    asked = _last_of_contacts(_by_model(predictions, since=since, until=until))
    found: dict[str, list[Row]] = {}
    answered: list[str] = []
    for row in asked:
        features = json.loads(row["features"])
        text = str(features.get("text") or "")
        if not normalise(text):
            continue
        if _is_refused(row, said):
            found.setdefault(normalise(text), []).append({**row, "text": text, "language": features.get("language")})
        else:
            answered.append(text)
    wordings = tuple(_wording(rows) for rows in found.values())
    return Refused(len(asked), sum(len(one.predictions) for one in wordings), wordings, tuple(answered))


def _by_model(predictions: Iterable[Row], *, since: datetime, until: datetime) -> list[Row]:
    told = [
        row for row in predictions
        if row["capability"] == "intent" and row["answer_source"] == "model" and since <= row["happened_at"] < until
    ]  # fmt: skip
    return sorted(told, key=lambda row: (row["happened_at"], row["prediction_id"]))


def _last_of_contacts(asked: Iterable[Row]) -> list[Row]:
    last = {row.get("contact_id") or f"prediction:{row['prediction_id']}": row for row in asked}
    return sorted(last.values(), key=lambda row: (row["happened_at"], row["prediction_id"]))


def _spoken(verdicts: Iterable[Row], known: frozenset[str]) -> dict[str, bool]:
    """By prediction and by contact: whether a person's last word names a known intent, or (False) undoes the answer.

    A name that the taxonomy does not know leaves the matter open; an accepted cluster is nobody's word on one text.
    """
    said: dict[str, bool] = {}
    for row in sorted(verdicts, key=lambda row: row["known_at"]):
        if row["capability"] != "intent" or row.get("asked") == "cluster":
            continue
        settled = row["instead"] in known
        undone = row["verdict"] == "wrong" and not settled
        if settled or undone:
            said |= {str(row[name]): settled for name in ("prediction_id", "contact_id") if row.get(name)}
    return said


def _is_refused(row: Row, said: Mapping[str, bool]) -> bool:
    settled = said.get(row["prediction_id"], said.get(row.get("contact_id") or ""))
    if settled is not None:
        return not settled
    return bool(json.loads(row["answer"]).get("abstained"))


def _wording(rows: list[Row]) -> Wording:
    return Wording(
        str(rows[0]["text"]), str(rows[0]["language"] or "other"), tuple(str(row["prediction_id"]) for row in rows),
        tuple(str(row["contact_id"]) for row in rows if row.get("contact_id")),
        all(str(json.loads(row["answer"]).get("reason", "")).startswith(CAREFUL) for row in rows),
    )  # fmt: skip
