"""Labels: whose word counts, when it counts, and what nobody could know."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from data_contracts.arrow import table
from features.labels import intent_labels, resolution_labels
from features.params import LabelParams
from tests.features.centre import common

T0 = datetime(2026, 4, 1, 12, tzinfo=UTC)
LATER = T0 + timedelta(days=30)
PARAMS = LabelParams()


def verdict(name: str, *, at: datetime = T0, **others: Any) -> dict[str, Any]:
    told = {"verdict_id": name, "contact_id": "c1", "capability": "intent", "agent_id": "ann", "verdict": "wrong"}
    return {**told, "prompted": False, **common(at), **others}


def leg(contact: str = "c1", *, at: datetime = T0, **others: Any) -> dict[str, Any]:
    told = {"segment_id": f"{contact}.s", "contact_id": contact, "sequence": 0, "kind": "agent", "queue": "q"}
    return {**told, "agent_id": "ann", "ended_at": at, "outcome": "answered", **common(at), **others}


def contact(name: str, *, at: datetime = T0, **others: Any) -> dict[str, Any]:
    told = {"contact_id": name, "revision": 0, "channel": "voice", "direction": "inbound", "queue": "q", "priority": 0}
    told |= {"customer_id": "p1", "topic": "card", "started_at": at, "ended_at": at + timedelta(minutes=5)}
    told |= {"outcome": "answered", "reopened": False}
    return {**told, **common(at, at + timedelta(minutes=5)), **others}


def intent(name: str, **others: Any) -> dict[str, Any]:
    told = {"intent_id": name, "revision": 0, "name_en": name, "critical": False, "automatable": False}
    return {**told, **common(T0), **others}


def labelled(
    verdicts: list[dict[str, Any]], *, legs: list[dict[str, Any]] | None = None, as_of: datetime = LATER, **others: Any
) -> list[dict[str, Any]]:
    predictions = table("predictions", others.pop("predictions", []))
    told = intent_labels(
        table("verdicts", verdicts), table("segments", legs or []), predictions, params=PARAMS, as_of=as_of, **others
    )
    return list(told.to_pylist())


def test_an_agents_correction_outranks_the_wrap_up_code() -> None:
    (found,) = labelled([verdict("v1", instead="loan")], legs=[leg(disposition_code="login")])
    told = (found["label"], found["label_source"], found["weight"], found["agents_count"])
    assert told == ("loan", "corrected", 1.0, 1)


def _differing(*agents: str) -> dict[str, Any]:
    """What a file calls card, and these agents, an hour apart, a loan."""
    spoken = [verdict("v0", agent_id=None, verdict="labelled", instead="card")]
    spoken += [
        verdict(f"v{n}", agent_id=agent, instead="loan", at=T0 + timedelta(hours=n))
        for n, agent in enumerate(agents, start=1)
    ]
    (found,) = labelled(spoken)
    return found


def test_a_persons_label_stands_against_one_agent_and_falls_to_two() -> None:
    assert (_differing("ann")["label"], _differing("ann")["weight"]) == ("card", 0.5)
    assert (_differing("ann", "bob")["label"], _differing("ann", "bob")["agents_count"]) == ("loan", 2)


def test_a_label_that_was_asked_for_says_so() -> None:
    (found,) = labelled([verdict("v1", instead="loan", verdict="labelled", asked="teach")])

    assert (found["asked"], found["bias"]) == ("teach", "asked for because the model was unsure")


CLUSTERED = verdict("v0", verdict="labelled", agent_id=None, instead="crypto", asked="cluster")


def test_an_accepted_cluster_outranks_the_wrap_up_code_and_counts_for_less_than_a_persons_word() -> None:
    (found,) = labelled([CLUSTERED], legs=[leg(disposition_code="login")])

    assert (found["label"], found["label_source"], found["agents_count"]) == ("crypto", "clustered", 0)
    assert PARAMS.weight_wrap_up < found["weight"] == PARAMS.weight_clustered < PARAMS.weight_confirmed
    assert "nobody read each text" in found["bias"]


def test_a_persons_word_stands_against_an_accepted_cluster_whichever_came_first() -> None:
    for at in (T0 - timedelta(days=1), T0 + timedelta(days=1)):
        (found,) = labelled([CLUSTERED, verdict("v1", instead="loan", at=at)])
        assert (found["label"], found["weight"]) == ("loan", 1.0)


def test_without_a_correction_the_wrap_up_code_counts_for_less() -> None:
    (found,) = labelled([], legs=[leg(disposition_code="login")])
    assert (found["label"], found["label_source"], found["weight"]) == ("login", "wrap_up_code", PARAMS.weight_wrap_up)
    assert "haste" in found["bias"]


def test_of_two_agents_who_disagree_the_first_holds_with_half_the_weight() -> None:
    spoken = [verdict("v1", instead="loan"), verdict("v2", agent_id="bob", instead="card", at=T0 + timedelta(hours=1))]
    (found,) = labelled(spoken)
    assert (found["label"], found["weight"], found["agents_count"]) == ("loan", 0.5, 1)
    assert "disagree" in found["bias"]


def test_two_agents_against_a_later_third_hold() -> None:
    spoken = [verdict("v1", instead="loan"), verdict("v2", agent_id="bob", instead="loan")]
    spoken.append(verdict("v3", agent_id="cai", instead="card", at=T0 + timedelta(hours=1)))
    (found,) = labelled(spoken)
    assert (found["label"], found["agents_count"]) == ("loan", 2)
    assert found["weight"] == pytest.approx(2 / 3)


def test_an_agent_who_thinks_again_has_one_voice() -> None:
    spoken = [verdict("v1", instead="loan"), verdict("v2", instead="card", at=T0 + timedelta(hours=1))]
    (found,) = labelled(spoken)
    assert (found["label"], found["weight"], found["agents_count"]) == ("card", 1.0, 1)


def test_a_confirmation_takes_the_label_from_the_answer_and_an_abstention_has_none() -> None:
    answers = {"p1": {"intent": "card", "abstained": False}, "p2": {"intent": "card", "abstained": True}}
    predictions = [
        {"prediction_id": name, "contact_id": f"c-{name}", "capability": "intent", "answer_source": "model",
         "answer": json.dumps(answer), "verdict_asked": False, "verdict_probability": 0.01, **common(T0)}
        for name, answer in answers.items()
    ]  # fmt: skip
    spoken = [verdict(f"v-{n}", contact_id=None, prediction_id=n, verdict="right") for n in answers]
    (found,) = labelled(spoken, predictions=predictions)
    assert (found["contact_id"], found["label"], found["label_source"]) == ("c-p1", "card", "confirmed")


def test_a_wrong_without_a_better_one_is_no_label() -> None:
    assert labelled([verdict("v1", instead=None)]) == []


def test_what_is_not_yet_known_is_not_heard() -> None:
    assert labelled([verdict("v1", instead="loan")], as_of=T0 - timedelta(seconds=1)) == []


def test_a_fresh_wrap_up_code_has_not_matured() -> None:
    settle = timedelta(hours=PARAMS.wrap_up_settle_h)
    legs = [leg(disposition_code="login")]
    assert [
        labelled([], legs=legs, as_of=T0 + settle - d)[0]["matured"] for d in (timedelta(seconds=1), timedelta())
    ] == [
        False,
        True,
    ]


def test_codes_outside_the_taxonomy_are_no_labels_and_deprecated_intents_have_successors() -> None:
    taxonomy = table("intents", [intent("loan", deprecated_by="credit"), intent("credit")])
    legs = [leg(disposition_code="CB-17"), leg("c2", disposition_code="loan")]
    found = labelled([], legs=legs, intents=taxonomy)
    assert [(f["contact_id"], f["label"]) for f in found] == [("c2", "credit")]


@pytest.mark.parametrize("verdict_said", ["wrong", "edited", "labelled"])
@pytest.mark.parametrize(("instead", "label"), [("loan", "loan"), ("no_such_intent", None)])
def test_a_correction_to_what_no_taxonomy_knows_is_no_label(verdict_said: str, instead: str, label: str | None) -> None:
    spoken = [verdict("v1", verdict=verdict_said, instead=instead)]

    found = labelled(spoken, intents=table("intents", [intent("loan")]))

    assert [told["label"] for told in found] == ([label] if label else [])


def test_a_new_intents_corrections_are_labels_once_it_is_defined() -> None:
    spoken, defined = [verdict("v1", instead="crypto")], [intent("loan"), intent("crypto")]

    before, after = (labelled(spoken, intents=table("intents", defined[:count])) for count in (1, 2))

    assert (before, [told["label"] for told in after]) == ([], ["crypto"])


def test_where_there_is_no_taxonomy_every_correction_is_a_label() -> None:
    (found,) = labelled([verdict("v1", instead="no_such_intent")], intents=table("intents", []))
    assert found["label"] == "no_such_intent"


@pytest.mark.parametrize(
    ("given", "bank", "others"),
    [
        ({}, 3.0, 7.0),
        ({"repeat_window_days": 14.0}, 14.0, 14.0),
        ({"repeat_window_days": 7.0}, 7.0, 7.0),
        ({"repeat_window_days_by_source": {"anonymous-bank": 5.0}}, 5.0, 7.0),
        ({"repeat_window_days_by_source": {"crm": 5.0}}, 3.0, 7.0),
        ({"repeat_window_days": 14.0, "repeat_window_days_by_source": {"anonymous-bank": 5.0}}, 5.0, 14.0),
    ],
)
def test_a_window_that_is_given_governs_and_a_source_s_own_stands_only_without_one(
    given: dict[str, Any], bank: float, others: float
) -> None:
    params = LabelParams(**given)

    assert params.windows_days.get("anonymous-bank", params.usual_window_days) == bank
    assert params.windows_days.get("zendesk", params.usual_window_days) == others


@pytest.mark.parametrize(("given", "resolved"), [({}, 1.0), ({"repeat_window_days": 14.0}, 0.0)])
def test_a_repeat_after_five_days_at_the_bank_counts_only_in_a_longer_window_that_was_asked_for(
    given: dict[str, Any], resolved: float
) -> None:
    params = LabelParams(**given)
    calls = [contact("c1", source="anonymous-bank"), contact("c2", source="anonymous-bank", at=T0 + timedelta(days=5))]

    told = outcomes(calls, window=params.windows_days or params.usual_window_days)

    assert told["c1"][0] == resolved


def outcomes(
    contacts: list[dict[str, Any]], *, legs: list[dict[str, Any]] | None = None, as_of: datetime = LATER,
    verdicts: list[dict[str, Any]] | None = None, same_topic: bool = True, window: Any = 7.0,
) -> dict[str, tuple[float | None, str]]:  # fmt: skip
    taken = [leg(name) for name in sorted({str(c["contact_id"]) for c in contacts})] if legs is None else legs
    told: pa.Table = resolution_labels(
        table("contacts", contacts), table("segments", taken), table("verdicts", verdicts or []),
        window_days=window, as_of=as_of, same_topic=same_topic,
    )  # fmt: skip
    return {row["contact_id"]: (row["resolved"], row["resolution_source"]) for row in told.to_pylist()}


def test_a_repeat_within_the_window_is_unresolved_and_one_after_it_is_not() -> None:
    within = outcomes([contact("c1"), contact("c2", at=T0 + timedelta(days=6, hours=23))])
    after = outcomes([contact("c1"), contact("c2", at=T0 + timedelta(days=7, hours=1))])
    assert within["c1"] == (0.0, "repeat_contact")
    assert after["c1"] == (1.0, "no_repeat_contact")


def test_another_customer_or_another_topic_is_no_repeat() -> None:
    soon = T0 + timedelta(days=1)
    assert outcomes([contact("c1"), contact("c2", at=soon, customer_id="p2")])["c1"][0] == 1.0
    assert outcomes([contact("c1"), contact("c2", at=soon, topic="loan")])["c1"][0] == 1.0
    assert outcomes([contact("c1"), contact("c2", at=soon, topic="loan")], same_topic=False)["c1"][0] == 0.0
    assert outcomes([contact("c1"), contact("c2", at=soon, topic=None)])["c1"][0] == 0.0


def test_an_open_window_is_censored_whether_a_repeat_was_seen_or_not() -> None:
    told = [
        contact("c1"),
        contact("c2", at=T0 + timedelta(days=1), customer_id="p2"),
        contact("c3", at=T0 + timedelta(1)),
    ]
    assert all(value is None for value, _ in outcomes(told, as_of=T0 + timedelta(days=5)).values())


def test_nobody_can_see_whether_an_unknown_customer_came_back() -> None:
    assert outcomes([contact("c1", customer_id=None)])["c1"][0] is None


def test_a_window_of_the_source_is_used_for_its_contacts() -> None:
    told = [contact("c1"), contact("c2", at=T0 + timedelta(days=5))]
    assert outcomes(told, window={"tiny": 3.0})["c1"][0] == 1.0
    assert outcomes(told, window={"another": 3.0})["c1"][0] == 0.0


def test_a_reopened_contact_was_not_resolved() -> None:
    again = contact("c1", revision=1, reopened=True) | common(T0 + timedelta(days=2))
    assert outcomes([contact("c1"), again])["c1"] == (0.0, "reopened")


def test_an_agents_word_outranks_the_proxy_at_once() -> None:
    said = verdict("v1", capability="route", verdict="labelled", instead="unresolved", at=T0 + timedelta(hours=1))
    assert outcomes([contact("c1")], verdicts=[said])["c1"] == (0.0, "verdict")
    assert outcomes([contact("c1")], verdicts=[said], as_of=T0 + timedelta(days=1))["c1"] == (0.0, "verdict")


def test_contacts_that_no_agent_took_have_no_outcome() -> None:
    assert outcomes([contact("c1", outcome="abandoned")], legs=[]) == {}


def test_a_repeat_that_became_known_too_late_does_not_rewrite_a_settled_label() -> None:
    late = contact("c2", at=T0 + timedelta(days=1)) | {"known_at": T0 + timedelta(days=20)}
    assert outcomes([contact("c1"), late])["c1"] == (1.0, "no_repeat_contact")


def test_no_records_make_no_labels() -> None:
    assert outcomes([]) == {}
    assert labelled([]) == []
