"""What of a queue's forecast is staffed for at once: calls whole, chats by how many stand side by side, no mail."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from centre.staffing import rules
from centre.staffing.rules import Rules
from data_contracts.errors import InputError, UnknownParameter
from flows import staffing_channels
from tests.flows.test_staffing import forecast
from training.parts import Mix

PARTS = {
    "voice": (0.5, 1.0),
    "chat": (0.3, 1.5),
    "email": (0.2, 0.25),
}  # share, handle time over the queue's


def rows() -> list[dict[str, Any]]:
    return [row | {"offered_mean": row["offered_q500"]} for row in forecast(1, size=40.0) if row["queue"] == "billing"]


def mix() -> Mix:
    told = [
        {"queue": "billing", "channel": channel, "language": "en", "hour": hour, "share": share, "handle_ratio": ratio,
         "excess": 1.0, "day_excess": 1.0}
        for channel, (share, ratio) in PARTS.items() for hour in range(168)
    ]  # fmt: skip
    return Mix(pa.Table.from_pylist(told), time_zone="UTC")


def worked(asked: Rules, of: Mix | None) -> dict[str, Any]:
    return staffing_channels.worked(rows(), of, asked)[0]


def test_mail_waits_and_the_rest_is_staffed_for_at_once() -> None:
    told = worked(rules.from_mapping({"channels": {"email": {"waits": True}}}), mix())
    assert told["offered_mean"] == pytest.approx(40.0 * 0.8)
    # of 240 s: (.5 x 1 + .3 x 1.5) / .8 = 1.1875
    assert told["handle_q500"] == pytest.approx(240.0 * 1.1875)
    assert told["waiting_erlangs"] == pytest.approx(40.0 * 0.2 * 0.25 * 240.0 / 1800.0)
    assert told["offered_q100"] < told["offered_q500"] < told["offered_q900"]


def test_of_chats_side_by_side_each_takes_its_part_of_an_agent() -> None:
    asked = rules.from_mapping({"channels": {"chat": {"at_once": 3}, "email": {"waits": True}}})
    told = worked(asked, mix())
    assert told["offered_mean"] == pytest.approx(40.0 * 0.8)
    assert told["handle_q500"] == pytest.approx(240.0 * (0.5 + 0.3 * 1.5 / 3) / 0.8)


@pytest.mark.parametrize(("channels", "of"), [({"email": {"waits": True}}, None), ({}, mix())])
def test_without_parts_and_without_rules_of_channels_all_are_calls(channels: dict[str, Any], of: Mix | None) -> None:
    told = worked(rules.from_mapping({"channels": channels}), of)
    assert {name: value for name, value in told.items() if name != "waiting_erlangs"} == rows()[0]
    assert told["waiting_erlangs"] == 0.0


def test_a_queue_of_mail_alone_has_nobody_who_calls() -> None:
    told = worked(rules.from_mapping({"channels": {name: {"waits": True} for name in PARTS}}), mix())
    assert told["offered_mean"] == told["offered_q975"] == 0.0
    assert told["waiting_erlangs"] == pytest.approx(40.0 * 240.0 / 1800.0)


def test_rules_of_channels_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="1 to 10"):
        rules.from_mapping({"channels": {"chat": {"at_once": 0}}})
    with pytest.raises(UnknownParameter, match="at_once, waits"):
        rules.from_mapping({"channels": {"chat": {"concurrency": 3}}})
