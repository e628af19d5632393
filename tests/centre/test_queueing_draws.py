"""Common random numbers: a customer's draws hang on who it is, on nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from centre.queueing import draws
from centre.queueing.draws import Draws


def test_the_sequence_is_the_published_one() -> None:
    # the first five of the state 1234567, as published with the generator
    assert [draws.splitmix64(1234567, place) for place in range(5)] == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ]  # fmt: skip


def test_many_at_once_are_what_each_is_alone() -> None:
    own = Draws(7)

    many = own.of(np.arange(1000), draws.PATIENCE)

    assert many.tolist() == [own.one(customer, draws.PATIENCE) for customer in range(1000)]


def test_the_order_of_asking_changes_nothing() -> None:
    asked, again = Draws(3), Draws(3)
    places = [(customer, purpose, life) for customer in range(20) for purpose in range(3) for life in range(3)]

    forth = {place: asked.one(place[0], place[1], life=place[2]) for place in places}
    back = {place: again.one(place[0], place[1], life=place[2]) for place in reversed(places)}

    assert forth == back
    assert len(set(forth.values())) == len(places)


@pytest.mark.parametrize("seed", [0, 1, 2026, -5, 2**70])
def test_draws_are_uniform_and_those_of_one_customer_are_unrelated(seed: int) -> None:
    own = Draws(seed)
    handle, patience = own.of(np.arange(40_000), draws.HANDLE), own.of(np.arange(40_000), draws.PATIENCE)

    assert handle.min() > 0
    assert handle.max() < 1
    # Kolmogorov-Smirnov: 1.95 / sqrt(n) is passed once in a thousand
    distance = np.abs(np.sort(handle) - (np.arange(40_000) + 0.5) / 40_000).max()
    assert distance < 1.95 / 200
    # 3.3 standard errors of a correlation of nothing
    assert abs(np.corrcoef(handle, patience)[0, 1]) < 3.3 / 200
    assert abs(np.corrcoef(handle[1:], handle[:-1])[0, 1]) < 3.3 / 200


def test_neighbouring_seeds_are_unrelated() -> None:
    one, other = Draws(10).of(np.arange(20_000), draws.HANDLE), Draws(11).of(np.arange(20_000), draws.HANDLE)

    assert abs(np.corrcoef(one, other)[0, 1]) < 3.3 / 141
    assert abs(np.corrcoef(one[1:], other[:-1])[0, 1]) < 3.3 / 141
