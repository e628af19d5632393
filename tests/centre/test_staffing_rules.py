"""Rules are read with their bounds; what cannot be meant is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from centre.staffing import rules, shifts
from centre.staffing.shifts import Day
from data_contracts.errors import InputError, UnknownParameter

EXAMPLE = Path(rules.__file__).with_name("example.yaml")


def test_the_example_beside_the_code_is_the_defaults() -> None:
    assert rules.load(EXAMPLE) == rules.Rules(queues={"vip": {"target": 0.9, "min_agents": 2}})


def test_a_queue_may_have_a_goal_of_its_own() -> None:
    of = rules.from_mapping({"service": {"target": 0.7}, "queues": {"vip": {"target": 0.95, "within_s": 10}}})

    assert (of.goal("vip").target, of.goal("vip").within_s) == (0.95, 10)
    assert (of.goal("other").target, of.goal("other").probability) == (0.7, 0.9)


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ({"service": {"target": 80}}, "0.01 to 0.999"),
        ({"service": {"target": float("nan")}}, "0.01 to 0.999"),
        ({"queues": {"vip": {"within_s": -1}}}, "queues.vip.within_s"),
        ({"service": {"min_agents": 1.5}}, "a whole number"),
        ({"service": {"on_average": 1}}, "true or false"),
        ({"service": 80}, "a mapping"),
        ({"shrinkage": True}, "a number"),
        ({"templates": {"name": "day"}}, "a list"),
        ({"templates": [{"first_start": "25:00"}]}, "HH:MM"),
        ({"templates": [{"first_start": "12:00", "last_start": "08:00"}]}, "no start fits"),
        ({"templates": [{"days": ["monday"]}]}, "no such day"),
        ({"templates": [{"hours": 8.3}]}, "off the grid"),
        ({"templates": [{"name": "a"}, {"name": "a"}]}, "two templates"),
        ({"templates": [{"breaks": [{"after_h": 3, "before_h": 2}]}]}, "a break that does not fit"),
        ({"templates": [{"breaks": [{"after_h": 1, "before_h": 3}, {"after_h": 3, "before_h": 4}]}]}, "does not fit"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(raw: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=r".*") as refused:
        rules.from_mapping(raw)

    assert word in str(refused.value)


@pytest.mark.parametrize("raw", [{"targets": 0.8}, {"service": {"goal": 0.8}}, {"templates": [{"length": 8}]}])
def test_an_unknown_rule_names_the_known_ones(raw: dict[str, Any]) -> None:
    with pytest.raises(UnknownParameter, match=r"service|target|hours"):
        rules.from_mapping(raw)


def test_a_channel_that_no_contact_has_is_no_rule() -> None:
    with pytest.raises(UnknownParameter, match="email"):
        rules.from_mapping({"channels": {"emails": {"waits": True}}})


@pytest.mark.parametrize("text", ["service: [", "\x00", "[" * 5_000])
def test_a_file_that_is_no_yaml_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.yaml").write_text(text)

    with pytest.raises(InputError, match="cannot be read"):
        rules.load(tmp_path / "r.yaml")


def test_shifts_start_in_their_window_on_their_days_and_where_somebody_is_wanted() -> None:
    of = rules.from_mapping({"rostering": {"slot_min": 60}, "templates": [
        {"name": "x", "hours": 4, "first_start": "08:00", "last_start": "16:00", "every_min": 240, "days": ["mon"],
         "breaks": [{"minutes": 60, "paid": False, "after_h": 1, "before_h": 2}]}]})  # fmt: skip
    wanted = np.zeros(48, dtype=bool)
    wanted[9] = wanted[33] = True

    found = shifts.possible(of, [Day(0, 0, 0), Day(24, 1, 0)], wanted=wanted)

    assert [(one.start, one.end, one.paid, one.pauses[0].places) for one in found] == [(8, 12, 3, (9, 10))]
