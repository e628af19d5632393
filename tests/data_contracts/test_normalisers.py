"""What is done to a text before it is judged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.contracts import contract, datasets
from data_contracts.errors import ContractError
from data_contracts.normalisers import NORMALISERS, chain

CHAINS = sorted({c.normalisers for d in datasets() for c in contract(d).columns if c.normalisers})


@pytest.mark.parametrize(
    ("names", "came", "expected"),
    [
        (("trim",), "\u3000你好 \n", "你好"),
        (("nfc",), "e\u0301", "é"),
        (("lower",), "ÄB", "äb"),
        (("language_tag",), "zh_Hans-CN", "zh-hans-cn"),
        (("trim", "empty_to_null"), " \t", None),
        (("empty_to_null", "trim"), "a ", "a"),
    ],
)
def test_a_text_is_normalised_in_the_order_of_the_contract(
    names: tuple[str, ...], came: str, expected: str | None
) -> None:
    normalise = chain(names)
    assert normalise is not None
    assert normalise(came) == expected


@given(text=st.text(), names=st.sampled_from(CHAINS))
def test_a_row_that_is_checked_twice_is_the_same_row(text: str, names: tuple[str, ...]) -> None:
    normalise = chain(names)
    assert normalise is not None
    once = normalise(text)
    assert once is None or normalise(once) == once


def test_no_names_do_nothing() -> None:
    assert chain(()) is None


def test_an_unknown_normaliser_names_the_known() -> None:
    with pytest.raises(ContractError, match="trim, nfc"):
        chain(("shout",))


def test_every_normaliser_is_used_or_known_to_be_free() -> None:
    assert set(NORMALISERS) - {name for names in CHAINS for name in names} == {"lower"}
