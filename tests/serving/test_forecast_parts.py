"""What of a queue's forecast comes by a channel and in a language, as `GET /v1/forecast` answers it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.slots import Slot
from tests.serving.house import Client, House, promoted
from tests.serving.test_forecast import QUESTION, START, issue, of_model
from training.subject import Scope


@pytest.fixture
def issued(house: House) -> Path:
    return house.doors.issued_dir


def in_parts(issued: Path, **about: Any) -> None:
    """Issue i-1 with means, days and a mix: three quarters of billing come by voice, a quarter by chat."""
    issue(issued, **about)
    path = issued / "i-1" / "intervals.parquet"
    levels = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")
    spread = {f"offered_{level}": 20.0 + 3.0 * (place - 3) for place, level in enumerate(levels)}
    handle = {f"handle_{level}": 300.0 for level in levels}
    rows = [{**row, **spread, **handle, "offered_mean": 20.0} for row in pq.read_table(path).to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows), path)
    days = [
        {"queue": queue, "interval_start": START, "interval_s": 86400, "offered_mean": 960.0, **spread}
        for queue in ("billing", "sales")
    ]
    pq.write_table(pa.Table.from_pylist(days), issued / "i-1" / "days.parquet")
    mix = [
        {"queue": "billing", "channel": channel, "language": "zh", "hour": hour, "share": share, "handle_ratio": ratio,
         "excess": 1.0, "day_excess": 1.0}
        for channel, share, ratio in (("voice", 0.75, 1.0), ("chat", 0.25, 2.0)) for hour in range(168)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(mix), issued / "i-1" / "mix.parquet")
    told = json.loads((issued / "current.json").read_text())
    more = {"days_table": "i-1/days.parquet", "mix_table": "i-1/mix.parquet", "time_zone": "UTC"}
    (issued / "current.json").write_text(json.dumps({**told, **more}))


def test_what_comes_by_a_channel_and_in_a_language_is_a_part_of_the_queue(issued: Path, client: Client) -> None:
    in_parts(issued)

    voice, chat, whole = (
        client.get(QUESTION + more).json()["answer"] for more in ("&channel=voice", "&channel=chat", "")
    )

    assert (voice["channel"], voice["language"], whole["channel"]) == ("voice", None, None)
    means = [one["intervals"][0]["offered_mean"] for one in (voice, chat, whole)]
    assert means == pytest.approx([15.0, 5.0, 20.0])
    assert chat["intervals"][0]["handle_q500"] == pytest.approx(480.0)  # twice as long as voice: 240 and 480
    day = client.get("/v1/forecast?queue=billing&grain=day&language=zh&channel=chat"
                     "&from=2026-05-01T00:00:00Z&to=2026-05-02T00:00:00Z").json()  # fmt: skip
    assert day["answer"]["intervals"][0]["offered_mean"] == pytest.approx(240.0)


@pytest.mark.parametrize(("more", "told"), [
    ("&channel=fax", "chat/zh, voice/zh"), ("&language=de", "chat/zh, voice/zh"),
    ("&channel=voice&language=en", "voice/zh"),
])  # fmt: skip
def test_a_part_that_the_queue_lacks_is_refused_with_those_it_has(
    issued: Path, client: Client, more: str, told: str
) -> None:
    in_parts(issued)

    answer = client.get(QUESTION + more)

    assert answer.status_code == 404
    assert told in answer.json()["expected"]


def test_a_queue_whose_contacts_were_not_told_apart_and_an_older_issue_have_no_parts(
    issued: Path, client: Client
) -> None:
    in_parts(issued)
    assert client.get(QUESTION.replace("billing", "sales") + "&channel=voice").status_code == 404

    issue(issued, id_="i-2")
    refused = client.get(QUESTION + "&channel=voice")
    assert (refused.status_code, refused.json()["remedy"]) == (404, "Issue the forecast again.")


def test_a_channel_is_the_models_where_it_is_approved_for_it(house: House, issued: Path, client: Client) -> None:
    champion = promoted("forecast", version="2", scope=Scope(channels=("voice",)))
    house.shelf.put(Slot("forecast", promotion=champion, approved={"a" * 64: champion.scope}))
    in_parts(
        issued, **{**of_model(), "baseline_table": "i-1/intervals.parquet", "baseline_days_table": "i-1/days.parquet"}
    )

    told = {more: client.get(QUESTION + more).json()["source"] for more in ("&channel=voice", "&channel=chat", "")}

    assert told == {"&channel=voice": "model", "&channel=chat": "baseline", "": "baseline"}
