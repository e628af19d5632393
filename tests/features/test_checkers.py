from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from features import checkers
from features.checkers import Statement

T0 = datetime(2026, 4, 1, tzinfo=UTC)


def _stands(*said: tuple[str, str, int]) -> str:
    """What stands after statements of (label, agent, day), each of weight 1."""
    return checkers.standing([Statement(label, agent, T0 + timedelta(days=day), 1.0) for label, agent, day in said])


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ([("card", "ann", 0)], "card"),
        ([("card", "ann", 0), ("loan", "bob", 1)], "card"),
        ([("card", "ann", 0), ("loan", "bob", 1), ("loan", "cai", 2)], "loan"),
        ([("card", "ann", 0), ("loan", "bob", 1), ("login", "cai", 2)], "card"),
        ([("card", "ann", 0), ("loan", "bob", 1), ("loan", "cai", 95)], "card"),
        ([("card", "ann", 0), ("loan", "bob", 1), ("card", "eve", 2), ("loan", "cai", 3)], "loan"),
        ([("card", "", 0), ("loan", "", 1), ("loan", "", 2)], "loan"),
    ],
)
def test_the_first_word_stands_until_two_agents_or_weight_two_within_ninety_days_say_otherwise(
    said: list[tuple[str, str, int]], stands: str
) -> None:
    assert _stands(*said) == stands


def test_words_of_little_weight_do_not_overturn_by_their_number() -> None:
    said = [Statement("card", "ann", T0, 1.0), *(Statement("loan", "", T0 + timedelta(days=n), 0.5) for n in (1, 2, 3))]

    assert checkers.standing(said) == "card"


def _said(right: int, wrong: int) -> pd.DataFrame:
    """Ann, beside what files give, this often right and wrong; and a statement of hers that nobody can check."""
    rows = [(f"c{n}", "card", "") for n in range(right + wrong)]
    rows += [(f"c{n}", "card" if n < right else "loan", "ann") for n in range(right + wrong)]
    return pd.DataFrame([*rows, ("alone", "card", "ann")], columns=["subject", "label", "agent"])


@pytest.mark.parametrize(("right", "wrong", "trusted"), [(20, 0, 24.5 / 25), (5, 15, 9.5 / 25), (2, 2, 1.0)])
def test_an_agent_is_believed_by_their_accuracy_on_known_answers(right: int, wrong: int, trusted: float) -> None:
    said = _said(right, wrong)

    found = checkers.trust(said)

    assert found[said["agent"] == "ann"].unique() == pytest.approx([trusted])
    assert (found[said["agent"] == ""] == 1.0).all()


def test_what_two_others_agree_on_is_known_and_what_they_differ_on_is_not() -> None:
    agreed = [(f"c{n}", "card", agent) for n in range(10) for agent in ("bob", "cai")]
    differed = [(f"d{n}", label, agent) for n in range(10) for label, agent in (("card", "bob"), ("loan", "cai"))]
    ann = [(f"{kind}{n}", "loan", "ann") for kind in "cd" for n in range(10)]

    found = checkers.trust(pd.DataFrame([*agreed, *differed, *ann], columns=["subject", "label", "agent"]))

    assert found.iloc[-1] == pytest.approx(4.5 / 15)
