"""Parts of an issued forecast add up to it and keep what they promise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from data_contracts.errors import NotFound
from training import parts
from training.aggregates import LEVELS

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
SHARES = {("voice", "en"): 0.5, ("voice", "zh"): 0.3, ("chat", "en"): 0.2}
RATIOS = {("voice", "en"): 1.0, ("voice", "zh"): 1.5, ("chat", "en"): 0.5}


def mix() -> parts.Mix:
    rows = [
        {"queue": queue, "channel": part[0], "language": part[1], "hour": hour, "share": share,
         "handle_ratio": RATIOS[part], "excess": 1.0, "day_excess": 2.0}
        for queue, made_of in (("billing", SHARES), ("sales", {("voice", "en"): 0.6, ("voice", "zh"): 0.4}))
        for part, share in made_of.items() for hour in range(168)
    ]  # fmt: skip
    return parts.Mix(pa.Table.from_pylist(rows), time_zone="UTC")


def issued(*, days: int = 2) -> tuple[pa.Table, pa.Table]:
    """Half hours of two queues and the site, and their days: 20 contacts each, give or take."""
    form = {
        f"offered_q{round(1000 * level):03d}": off for level, off in zip(LEVELS, (-9, -6, -3, 0, 3, 6, 10), strict=True)
    }
    handle = {f"handle_q{round(1000 * level):03d}": 300.0 for level in LEVELS}

    def row(queue: str, at: datetime, length: int, mean: float) -> dict[str, Any]:
        told = {"queue": queue, "interval_start": at, "interval_s": length, "offered_mean": mean}
        return told | {name: mean + off for name, off in form.items()}

    halves = [START + timedelta(minutes=30 * n) for n in range(48 * days)]
    intervals = [row(queue, at, 1800, 20.0) | handle for queue in ("billing", "sales") for at in halves]
    intervals += [row("*", at, 1800, 40.0) for at in halves]
    each = [START + timedelta(days=n) for n in range(days)]
    of_days = [row(queue, at, 86_400, 960.0) for queue in ("billing", "sales") for at in each]
    of_days += [row("*", at, 86_400, 1920.0) for at in each]
    return pa.Table.from_pylist(intervals), pa.Table.from_pylist(of_days)


def part(queue: str, channel: str | None = None, language: str | None = None) -> tuple[pa.Table, pa.Table]:
    return parts.split(*issued(), mix(), queue=queue, channel=channel, language=language, time_zone="UTC")


@pytest.mark.parametrize("queue", ["billing", "sales", "*"])
def test_means_of_the_parts_add_up_to_the_whole_by_interval_and_by_day(queue: str) -> None:
    whole = [one.filter(pa.compute.equal(one["queue"], queue)) for one in issued()]
    told = [part(queue, *key) for key in SHARES if queue != "sales" or key != ("chat", "en")]
    for grain in (0, 1):
        added = np.sum([one[grain]["offered_mean"].to_numpy() for one in told], axis=0)
        assert added == pytest.approx(whole[grain]["offered_mean"].to_numpy())


def test_the_site_s_part_is_its_queues_parts() -> None:
    site, billing, sales = (
        part(queue, "voice", "zh")[0]["offered_mean"].to_numpy() for queue in ("*", "billing", "sales")
    )
    assert site == pytest.approx(billing + sales)
    assert part("*", "voice", "zh")[1]["offered_mean"].to_numpy() == pytest.approx([48 * (6.0 + 8.0)] * 2)


def test_all_of_a_queue_is_the_queue_and_a_channel_is_its_languages() -> None:
    assert part("billing")[0].equals(issued()[0].filter(pa.compute.equal(issued()[0]["queue"], "billing")))
    voice = part("billing", "voice")[0]
    assert voice["offered_mean"].to_numpy() == pytest.approx(16.0)
    # 300 s x (.5 x 1 + .3 x 1.5) / .8 over the queue's own .5 x 1 + .3 x 1.5 + .2 x .5
    assert voice["handle_q500"].to_numpy() == pytest.approx(300.0 * (0.95 / 0.8) / 1.05)


def test_loads_of_the_parts_add_up_to_the_load_of_the_queue() -> None:
    loads = [part("billing", *key)[0] for key in SHARES]
    load = sum(one["offered_mean"].to_numpy() * one["handle_q500"].to_numpy() for one in loads)
    assert load == pytest.approx(20.0 * 300.0)


@pytest.mark.parametrize(("share", "mean"), [(0.1, 40.0), (0.4, 40.0), (0.9, 300.0), (0.3, 1000.0)])
def test_quantiles_of_a_part_hold_what_they_say_where_the_whole_and_the_split_are_random(
    share: float, mean: float
) -> None:
    rng = np.random.default_rng(7)
    whole = rng.poisson(rng.gamma(25.0, mean / 25.0, 40_000))
    came = rng.binomial(whole, share)
    said = parts.part_quantiles(np.asarray([mean]), np.quantile(whole, LEVELS)[None], np.asarray([share]), excess=1.0)[
        0
    ]
    assert list(said) == sorted(said)
    for level, quantile in zip(LEVELS, said, strict=True):
        below, with_it = (came < quantile - 0.5).mean(), (came <= quantile + 0.5).mean()
        assert below - 0.02 <= level <= with_it + 0.02, (level, quantile)


def test_what_strays_more_than_by_chance_is_told_wider() -> None:
    asked = np.asarray([100.0]), np.full((1, 7), 100.0), np.asarray([0.4])
    narrow, wide = (parts.part_quantiles(*asked, excess=excess)[0] for excess in (1.0, 4.0))
    assert wide[5] - wide[1] == pytest.approx(2.0 * (narrow[5] - narrow[1]), rel=0.03)
    assert narrow[5] - narrow[1] == pytest.approx(2.0 * 1.2816 * np.sqrt(100 * 0.4 * 0.6), rel=0.05)


def test_a_part_that_a_queue_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(NotFound, match=r"no such part") as refused:
        part("sales", "chat")
    assert "voice/en, voice/zh" in str(refused.value)
