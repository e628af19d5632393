"""What an approval signs changes with every letter, and a scope covers what it names."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from data_contracts.errors import InputError
from tests.training.reports import passed_report
from training.subject import ALL, Scope, Subject, scope_for

SUBJECT = Subject(
    family="intent", version="3", requester="erin", artefact="a" * 64, report="b" * 64, champion="none",
    policy="c" * 64, scope=Scope(), dvc_lock="d" * 64, contracts="e" * 64, feature_service="intent_v1",
    commit="f" * 40, expires_at="2026-05-15T00:00:00+00:00",
)  # fmt: skip


@pytest.mark.parametrize("name", [one.name for one in fields(Subject)])
def test_every_field_is_part_of_what_is_signed(name: str) -> None:
    others: dict[str, Any] = {"scope": Scope(share=0.5), "conditions": ("read twenty answers a day",)}
    changed = others[name] if name in others else getattr(SUBJECT, name) + "0"

    assert replace(SUBJECT, **{name: changed}).digest() != SUBJECT.digest()


def test_what_was_signed_before_there_were_conditions_still_holds() -> None:
    raw = {name: value for name, value in asdict(SUBJECT).items() if name != "conditions"}

    assert Subject.read(raw) == SUBJECT
    assert SUBJECT.digest() == "f11ea894ebe9e1d5b8ed667e54b8c6b3cc8eb823496aff120ebb54f0e4a9fd54"


def test_conditions_are_signed_word_by_word_and_in_their_order() -> None:
    both = replace(SUBJECT, conditions=("a", "b"))

    assert Subject.read(json.loads(json.dumps(asdict(both)))) == both
    for other in (("b", "a"), ("a",), ("a b",)):
        assert replace(SUBJECT, conditions=other).digest() != both.digest()


@pytest.mark.parametrize("conditions", [("",), ("  ",), ("fine", "two\nlines"), (1,), ("\x1b[2Jgone",)])
def test_a_condition_is_one_line_of_words(conditions: Any) -> None:
    with pytest.raises(InputError, match="in words"):
        replace(SUBJECT, conditions=conditions)
    with pytest.raises(InputError, match="a list"):
        Subject.read({**asdict(SUBJECT), "conditions": "fine"})
    assert replace(SUBJECT, conditions=("每天抽查二十条回答",)).conditions


@pytest.mark.parametrize(
    "change", [{"units": ("north",)}, {"queues": ("cards",)}, {"channels": ("chat",)}, {"languages": ("en",)},
               {"share": 0.99}, {"until": "2026-08-01T00:00:00+00:00"}],
)  # fmt: skip
def test_every_part_of_the_scope_is_signed_too(change: dict[str, Any]) -> None:
    assert replace(SUBJECT, scope=Scope(**change)).digest() != SUBJECT.digest()


def test_a_subject_comes_back_from_json_and_a_missing_field_is_refused() -> None:
    raw = {**vars(SUBJECT), "scope": {**vars(SUBJECT.scope), "units": ["*"]}}

    assert Subject.read(raw) == SUBJECT
    with pytest.raises(InputError):
        Subject.read({name: value for name, value in raw.items() if name != "policy"})
    with pytest.raises(InputError, match="share"):
        Subject.read({**raw, "scope": {"shares": 1}})


def test_a_request_expires_at_its_moment_and_not_before() -> None:
    assert not SUBJECT.expired(datetime(2026, 5, 14, 23, 59, 59, tzinfo=UTC))
    assert SUBJECT.expired(datetime(2026, 5, 15, tzinfo=UTC))


def test_a_scope_covers_what_it_names_and_nothing_unknown() -> None:
    scope = Scope(queues=("cards", "loans"), languages=("en",))

    assert scope.covers(queue="cards", language="en", channel="chat")
    assert not scope.covers(queue="cards", language="zh")
    assert not scope.covers(queue="cards", language=None)
    assert Scope().covers()


@pytest.mark.parametrize(
    "told", [{"share": 1.01}, {"share": -0.1}, {"queues": ()}, {"languages": ("",)}, {"until": "2026-08-01T00:00:00"},
             {"until": "soon"}],
)  # fmt: skip
def test_a_scope_that_makes_no_sense_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Scope(**told)


def test_a_promotion_past_the_reviewers_date_is_overdue() -> None:
    scope = Scope(until="2026-08-01T00:00:00+00:00")

    assert not scope.overdue(datetime(2026, 7, 31, tzinfo=UTC))
    assert scope.overdue(datetime(2026, 8, 1, tzinfo=UTC))
    assert not Scope().overdue(datetime(2099, 1, 1, tzinfo=UTC))


def test_the_widest_scope_is_that_of_the_languages_that_passed() -> None:
    assert scope_for(passed_report(answers_in=("en",), abstains_in=("zh",))).languages == ("en",)
    assert scope_for(passed_report(answers_in=(), abstains_in=())).languages == ALL
    assert scope_for(passed_report(allowed_use="pilot")).share == 0.0
