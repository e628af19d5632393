"""Two people are two people, whatever they call themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from centre.admissions import Admission
from data_contracts.errors import FourEyes, NotAllowed
from training import four_eyes


@pytest.mark.parametrize("other", ["erin", "Erin", " ERIN ", "ｅｒｉｎ"])
def test_another_spelling_is_the_same_person(other: str) -> None:
    assert four_eyes.same_person("erin", other)


@pytest.mark.parametrize("other", ["erina", "e rin", "rita", ""])
def test_another_name_is_another_person(other: str) -> None:
    assert not four_eyes.same_person("erin", other)


def test_spaces_between_names_count_once() -> None:
    assert four_eyes.same_person("Li  Wei", "li wei")


@pytest.mark.parametrize("roles", [[], ["engineer"], ["reviewer", "service"], ["Reviewer"]])
def test_who_is_no_reviewer_or_no_person_may_not_decide(roles: list[str]) -> None:
    with pytest.raises(NotAllowed):
        four_eyes.require_reviewer("x", roles=roles)


def test_the_one_who_asked_or_trained_or_their_credential_may_not_approve() -> None:
    asked = {"asked_by": ("erin", "tom"), "asked_with": "token-1"}

    four_eyes.require_another("rita", credential="token-2", **asked)  # type: ignore[arg-type]
    for name, credential in (("Erin", "token-2"), ("tom", "token-2"), ("rita", "token-1")):
        with pytest.raises(FourEyes):
            four_eyes.require_another(name, credential=credential, **asked)  # type: ignore[arg-type]


def test_requests_without_a_credential_do_not_forbid_an_empty_one() -> None:
    four_eyes.require_another("rita", credential="", asked_by=("erin",), asked_with="")


TRAINED = datetime(2026, 5, 1, tzinfo=UTC)
BEFORE, AFTER = TRAINED - timedelta(microseconds=1), TRAINED + timedelta(hours=1)


def strangers(*admissions: Admission, since: datetime | None = TRAINED) -> bool:
    return four_eyes.are_strangers("rita", asked_by=("erin", "tom"), since=since, admissions=admissions)


@pytest.mark.parametrize("by", ["erin", " Erin", "tom"])
def test_who_was_let_in_by_the_one_that_asked_or_trained_since_the_training_is_no_other(by: str) -> None:
    assert not strangers(Admission("rita", by, AFTER))
    assert not strangers(Admission("Rita", by, TRAINED))


def test_who_was_let_in_before_the_training_or_by_another_is_another() -> None:
    assert strangers()
    assert strangers(Admission("rita", "erin", BEFORE))
    assert strangers(Admission("rita", "ann", AFTER))
    assert strangers(Admission("robin", "erin", AFTER))


def test_letting_in_goes_through_people_made_for_it_but_not_through_those_who_were_there() -> None:
    through = (Admission("rita", "bo", AFTER), Admission("bo", "erin", AFTER))

    assert not strangers(*through)
    assert strangers(through[0], Admission("bo", "erin", BEFORE))


def test_nor_may_the_one_that_asks_be_made_by_the_one_that_approves() -> None:
    assert not strangers(Admission("erin", "rita", AFTER))
    assert strangers(Admission("erin", "rita", BEFORE))


def test_an_earlier_admission_does_not_cover_a_later_one() -> None:
    assert not strangers(Admission("rita", "ann", BEFORE), Admission("rita", "erin", AFTER))


def test_people_who_let_each_other_in_end_the_search() -> None:
    assert strangers(Admission("rita", "bo", AFTER), Admission("bo", "rita", AFTER))


def test_of_a_version_that_does_not_say_when_it_was_trained_every_admission_counts() -> None:
    assert not strangers(Admission("rita", "erin", BEFORE), since=None)
    with pytest.raises(FourEyes, match="by somebody else"):
        four_eyes.require_strangers(
            "rita", asked_by=("erin",), since=None, admissions=[Admission("rita", "erin", BEFORE)]
        )
