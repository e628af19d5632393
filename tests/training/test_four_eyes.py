"""Two people are two people, whatever they call themselves."""

from __future__ import annotations

import pytest

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
