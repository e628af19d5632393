"""What counts as refused: what no intent covered, by the model's word or a person's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from features import refusals

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
KNOWN = frozenset({"card_lost"})
UNLIKE = "too unlike what was learned: confidence .4"


def asked(name: str, text: str, *, minute: int = 0, contact: str | None = None, **answer: Any) -> dict[str, Any]:
    """A served answer: refused as unlike what was learned, unless told otherwise."""
    source = answer.pop("source", "model")
    told = {"intent": None, "abstained": True, "reason": UNLIKE} | answer
    return {
        "prediction_id": name, "contact_id": contact, "capability": "intent", "answer_source": source,
        "answer": json.dumps(told), "features": json.dumps({"text": text, "language": "en"}),
        "happened_at": NOON + timedelta(minutes=minute),
    }  # fmt: skip


def verdict(prediction: str, kind: str, instead: str | None = None, **others: Any) -> dict[str, Any]:
    row = {"prediction_id": prediction, "contact_id": None, "capability": "intent", "verdict": kind}
    return row | {"instead": instead, "asked": None, "known_at": NOON} | others


def found(predictions: list[dict[str, Any]], verdicts: list[dict[str, Any]] | None = None) -> list[str]:
    until = NOON + timedelta(hours=1)
    heap = refusals.refused(predictions, verdicts or [], known=KNOWN, since=NOON, until=until)
    return [one.text for one in heap.wordings]


def test_what_the_model_refused_is_found_and_what_it_answered_is_not() -> None:
    assert found([asked("p1", "my coins"), asked("p2", "my card", intent="card_lost", abstained=False)]) == ["my coins"]


def test_what_was_refused_out_of_care_is_known_as_that() -> None:
    careful = [asked("p1", "my coins", reason="may be critical: .3 above .1"), asked("p2", "my stamps")]
    heap = refusals.refused(careful, [], known=KNOWN, since=NOON, until=NOON + timedelta(hours=1))

    assert [(one.text, one.careful) for one in heap.wordings] == [("my coins", True), ("my stamps", False)]


def test_a_baseline_that_always_asks_a_person_refuses_nothing() -> None:
    assert found([asked("p1", "my coins", source="baseline")]) == []


def test_the_window_is_half_open() -> None:
    told = [asked("p0", "before", minute=-1), asked("p1", "first"), asked("p2", "end", minute=60)]

    assert found(told) == ["first"]


def test_a_contact_counts_by_its_last_answer() -> None:
    clear = asked("p2", "hm my card", contact="c-1", minute=2, intent="card_lost", abstained=False)

    assert found([asked("p1", "hm", contact="c-1"), clear]) == []


def test_one_wording_of_a_thousand_contacts_is_one_wording() -> None:
    told = [asked(f"p{n}", "TEST  " if n % 2 else "test", contact=f"c-{n}") for n in range(1000)]
    heap = refusals.refused(told, [], known=KNOWN, since=NOON, until=NOON + timedelta(hours=1))

    assert (heap.refused_count, len(heap.wordings), len(heap.wordings[0].predictions)) == (1000, 1, 1000)


def test_a_person_who_named_a_known_intent_settles_it() -> None:
    assert found([asked("p1", "my coins")], [verdict("p1", "wrong", "card_lost")]) == []


def test_a_person_who_named_an_unknown_intent_does_not() -> None:
    assert found([asked("p1", "my coins")], [verdict("p1", "wrong", "crypto")]) == ["my coins"]


def test_an_answer_that_a_person_called_wrong_without_another_is_refused_after_all() -> None:
    answered = asked("p1", "my coins", intent="card_lost", abstained=False)

    assert found([answered]) == []
    assert found([answered], [verdict("p1", "wrong")]) == ["my coins"]


def test_an_accepted_cluster_is_nobodys_word() -> None:
    assert found([asked("p1", "my coins")], [verdict("p1", "labelled", "card_lost", asked="cluster")]) == ["my coins"]


def test_silence_is_no_wording() -> None:
    assert found([asked("p1", " \n "), asked("p2", "🙂")]) == []
