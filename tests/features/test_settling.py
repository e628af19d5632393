"""Labels in doubt that people settled: what became of each, and what it was before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from data_contracts.arrow import table
from features import settling, wrap_ups
from features.params import LabelParams
from tests.features.test_labels import LATER, T0, leg, verdict

SOON = T0 + timedelta(days=1)


def settled(verdicts: list[dict[str, Any]], *, legs: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    tables = {"verdicts": table("verdicts", verdicts), "segments": table("segments", legs or [])}
    coded = wrap_ups.of_tables(tables, codes=None, as_of=LATER)
    told = settling.told(tables, labels=LabelParams(), coded=coded, as_of=LATER)
    return list(told["settled"])


def asked(name: str, instead: str | None, *, agent: str) -> dict[str, Any]:
    said = "ignored" if instead is None else "labelled"
    return verdict(name, verdict=said, instead=instead, agent_id=agent, asked="settle", at=SOON)


FIRST = verdict("v0", instead="card")


@pytest.mark.parametrize(
    ("answers", "outcome", "label"),
    [
        ([("bob", "card")], "kept", "card"),
        ([("bob", "loan")], "waits", "card"),
        ([("bob", "loan"), ("cai", "loan")], "changed", "loan"),
        ([("bob", None)], "cannot_tell", "card"),
        ([("bob", None), ("cai", "card")], "kept", "card"),
    ],
)
def test_what_became_of_a_doubt(answers: list[tuple[str, str | None]], outcome: str, label: str) -> None:
    said = [asked(f"v{n}", intent, agent=agent) for n, (agent, intent) in enumerate(answers, start=1)]

    (found,) = settled([FIRST, *said])

    assert (found["outcome"], found["label"], found["before"]) == (outcome, label, "card")


def test_one_word_settles_what_only_a_code_had_said_and_the_weight_before_is_the_codes() -> None:
    (found,) = settled([asked("v1", "loan", agent="bob")], legs=[leg(disposition_code="card")])

    assert (found["outcome"], found["before"], found["weight_before"]) == ("changed", "card", 0.5)
    assert (found["label"], found["weight"]) == ("loan", 1.0)


def test_where_nobody_was_asked_nothing_is_told() -> None:
    assert settled([FIRST]) == []
    assert settled([]) == []


def test_a_contact_that_had_no_label_was_not_in_doubt() -> None:
    assert settled([asked("v1", "loan", agent="bob")]) == []
