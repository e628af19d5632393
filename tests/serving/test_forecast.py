"""The issued forecast is what is answered, while who issued it still may."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from centre.clock import FixedClock
from serving.slots import Slot
from tests.serving.house import Client, House, promoted
from training.subject import Scope

START = datetime(2026, 5, 1, tzinfo=UTC)
QUESTION = "/v1/forecast?queue=billing&from=2026-05-01T09:00:00Z&to=2026-05-01T10:00:00Z"


def issue(folder: Path, *, id_: str = "i-1", level: float = 20.0, **about: Any) -> None:
    """A table of two queues and one day of half-hours, as the flow leaves it."""
    rows = [
        {"queue": queue, "interval_start": START + timedelta(minutes=30 * n), "interval_s": 1800,
         "offered_q500": level + n, "handle_q500": None if queue == "sales" else 300.0}
        for queue in ("billing", "sales") for n in range(48)
    ]  # fmt: skip
    (folder / id_).mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / id_ / "intervals.parquet")
    usual = [{**row, "offered_q500": 7.0} for row in rows]
    pq.write_table(pa.Table.from_pylist(usual), folder / id_ / "baseline.parquet")
    told = {"issue_id": id_, "table": f"{id_}/intervals.parquet", "issued_at": "2026-05-01T00:00:00Z",
            "source": "baseline", "version": None, "approval": None, "artefact": None}  # fmt: skip
    (folder / "current.json").write_text(json.dumps({**told, **about}))


def of_model(artefact: str = "a" * 64) -> dict[str, Any]:
    return {"source": "model", "version": "2", "approval": "b" * 64, "artefact": artefact,
            "baseline_table": "i-1/baseline.parquet"}  # fmt: skip


@pytest.fixture
def issued(house: House) -> Path:
    return house.doors.issued_dir


def test_before_the_first_issue_there_is_nothing_to_find(client: Client) -> None:
    assert client.get(QUESTION).status_code == 404


def test_the_intervals_that_begin_in_the_half_open_period_are_answered(issued: Path, client: Client) -> None:
    issue(issued)

    told = client.get(QUESTION).json()

    starts = [row["interval_start"] for row in told["answer"]["intervals"]]
    assert starts == ["2026-05-01T09:00:00Z", "2026-05-01T09:30:00Z"]
    assert told["answer"]["intervals"][0]["offered_q500"] == 38.0
    assert (told["source"], told["version"]) == ("baseline", None)
    assert [one["reason"] for one in told["degraded"]] == ["no_approved_model"]


@pytest.mark.parametrize("by", ["accept", "format"])
def test_the_same_rows_come_as_csv_and_as_parquet(issued: Path, client: Client, by: str) -> None:
    issue(issued)
    kinds = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}

    told = {
        form: client.get(QUESTION, headers={"accept": kind}) if by == "accept"
        else client.get(f"{QUESTION}&format={form}")
        for form, kind in kinds.items()
    }  # fmt: skip

    rows = list(csv.DictReader(io.StringIO(told["csv"].text)))
    table = pq.read_table(io.BytesIO(told["parquet"].content)).to_pylist()
    assert [(row["queue"], row["interval_start"], row["offered_q500"]) for row in rows] == [
        ("billing", "2026-05-01T09:00:00Z", "38.0"), ("billing", "2026-05-01T09:30:00Z", "39.0"),
    ]  # fmt: skip
    assert [row["interval_start"] for row in table] == [START + timedelta(hours=9), START + timedelta(hours=9.5)]
    assert told["csv"].headers["content-type"].startswith("text/csv")
    assert told["parquet"].headers["content-type"] == kinds["parquet"]


def test_rows_that_were_taken_along_are_written_down_as_answers(house: House, issued: Path) -> None:
    issue(issued)

    with house.open() as client:
        client.get(f"{QUESTION}&format=csv")

    assert [one.data["capability"] for one in house.events("prediction.served")] == ["forecast"]


def test_while_it_is_switched_off_there_are_no_rows(house: House, issued: Path, client: Client) -> None:
    house.shelf.put(Slot("forecast", off={"reason": "test"}))
    issue(issued)

    answer = client.get(f"{QUESTION}&format=csv")

    assert (answer.status_code, answer.text.strip()) == (200, "")


def test_an_issue_that_cannot_be_read_says_so_without_naming_a_place(issued: Path, client: Client) -> None:
    issue(issued, table="i-1/gone.parquet")

    answer = client.get(QUESTION)

    assert answer.status_code == 503
    assert str(issued) not in answer.text
    assert "FileNotFoundError" in answer.text


def test_what_is_unknown_is_null(issued: Path, client: Client) -> None:
    issue(issued)

    told = client.get(QUESTION.replace("billing", "sales")).json()

    assert told["answer"]["intervals"][0]["handle_q500"] is None


def test_a_model_s_table_is_answered_under_its_version(house: House, issued: Path, client: Client) -> None:
    house.shelf.put(Slot("forecast", promotion=promoted("forecast", version="2"), approved={"a" * 64: Scope()}))
    issue(issued, **of_model())

    told = client.get(QUESTION).json()

    assert (told["source"], told["version"], told["approval"]) == ("model", "forecast/2", "b" * 64)
    assert told["degraded"] == []


@pytest.mark.parametrize(("until", "told"), [("2026-05-01T00:00:00+00:00", ["approval_overdue"]),
                                             ("2026-05-01T00:00:01+00:00", [])])  # fmt: skip
def test_past_the_reviewer_s_date_a_table_is_answered_and_says_so(
    house: House, issued: Path, client: Client, until: str, told: list[str]
) -> None:
    champion = promoted("forecast", version="2", scope=Scope(until=until))
    house.shelf.put(Slot("forecast", promotion=champion, approved={"a" * 64: champion.scope}))
    issue(issued, **of_model())

    answer = client.get(QUESTION).json()

    assert answer["source"] == "model"
    assert [one["reason"] for one in answer["degraded"]] == told


OUTSIDE = [Scope(queues=("sales",)), Scope(share=0.0), Scope(units=("retail",)), Scope(channels=("voice",))]
WITHIN = [Scope(), Scope(queues=("sales", "billing")), Scope(share=1.0)]


@pytest.mark.parametrize("scope", OUTSIDE, ids=str)
def test_outside_the_approved_scope_the_baseline_answers_and_says_so(
    house: House, issued: Path, client: Client, scope: Scope
) -> None:
    champion = promoted("forecast", version="2", scope=scope)
    house.shelf.put(Slot("forecast", promotion=champion, approved={"a" * 64: scope}))
    issue(issued, **of_model())

    told = client.get(QUESTION).json()

    assert (told["source"], told["version"], told["approval"]) == ("baseline", None, None)
    assert [row["offered_q500"] for row in told["answer"]["intervals"]] == [7.0, 7.0]
    assert [one["reason"] for one in told["degraded"]] == ["outside_approved_scope"]


@pytest.mark.parametrize("scope", WITHIN, ids=str)
def test_within_the_approved_scope_the_model_answers(house: House, issued: Path, client: Client, scope: Scope) -> None:
    champion = promoted("forecast", version="2", scope=scope)
    house.shelf.put(Slot("forecast", promotion=champion, approved={"a" * 64: scope}))
    issue(issued, **of_model())

    told = client.get(QUESTION).json()

    assert (told["source"], told["degraded"]) == ("model", [])


@pytest.mark.parametrize(("queue", "source"), [("sales", "model"), ("billing", "baseline")])
def test_a_former_champion_answers_within_its_own_scope_and_not_within_its_successors(
    house: House, issued: Path, client: Client, queue: str, source: str
) -> None:
    now = promoted("forecast", version="3", artefact="e" * 64, scope=Scope(queues=("billing",)))
    approved = {"a" * 64: Scope(queues=("sales",)), "e" * 64: now.scope}
    house.shelf.put(Slot("forecast", promotion=now, approved=approved))
    issue(issued, **of_model())

    assert client.get(QUESTION.replace("billing", queue)).json()["source"] == source


def test_a_table_that_was_issued_without_the_baselines_is_not_answered_outside_the_scope(
    house: House, issued: Path, client: Client
) -> None:
    champion = promoted("forecast", version="2", scope=Scope(queues=("sales",)))
    house.shelf.put(Slot("forecast", promotion=champion, approved={"a" * 64: champion.scope}))
    issue(issued, **{**of_model(), "baseline_table": None})

    outside, within = client.get(QUESTION), client.get(QUESTION.replace("billing", "sales"))

    assert (outside.status_code, within.status_code) == (503, 200)
    assert outside.json()["remedy"] == "Issue the forecast again."


def test_a_former_champion_s_table_is_answered_and_says_so(house: House, issued: Path, client: Client) -> None:
    now = promoted("forecast", version="3", artefact="e" * 64)
    house.shelf.put(Slot("forecast", promotion=now, approved={"a" * 64: Scope(), "e" * 64: Scope()}))
    issue(issued, **of_model())

    told = client.get(QUESTION).json()

    assert [one["reason"] for one in told["degraded"]] == ["issued_by_former_champion"]


@pytest.mark.parametrize("revoked", [True, False], ids=["revoked", "rolled back to the baseline"])
def test_a_disowned_model_s_table_is_not_answered(house: House, issued: Path, client: Client, revoked: bool) -> None:
    other = promoted("forecast", version="3", artefact="e" * 64) if revoked else None
    house.shelf.put(Slot("forecast", promotion=other, approved={("e" if revoked else "a") * 64: Scope()}))
    issue(issued, **of_model())

    answer = client.get(QUESTION)

    assert answer.status_code == 503
    assert answer.json()["remedy"] == "Issue the forecast again."


def test_a_new_issue_is_seen_at_once(issued: Path, client: Client) -> None:
    issue(issued)
    client.get(QUESTION)
    issue(issued, id_="i-2", level=100.0)

    told = client.get(QUESTION).json()["answer"]

    assert (told["issue_id"], told["intervals"][0]["offered_q500"]) == ("i-2", 118.0)


def test_an_old_table_says_that_it_is_late(issued: Path, client: Client, clock: FixedClock) -> None:
    issue(issued)
    clock.advance(timedelta(hours=37))

    assert "forecast_late" in [one["reason"] for one in client.get(QUESTION).json()["degraded"]]


def test_switched_off_forecasts_nothing(house: House, issued: Path, client: Client) -> None:
    issue(issued)
    house.shelf.put(replace(Slot("forecast"), off={"capability": "forecast"}))

    told = client.get(QUESTION).json()

    assert (told["answer"], told["source"]) == (None, "off")


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (QUESTION.replace("billing", "nobody"), 404),
        ("/v1/forecast?queue=billing&from=2026-05-01T10:00:00Z&to=2026-05-01T10:00:00Z", 400),
        ("/v1/forecast?queue=billing&from=2026-05-01T10:00:00&to=2026-05-01T11:00:00Z", 422),
        ("/v1/forecast?queue=billing&from=yesterday&to=today", 422),
        ("/v1/forecast", 422),
    ],
)
def test_a_question_without_an_answer_is_refused(issued: Path, client: Client, question: str, status: int) -> None:
    issue(issued)

    assert client.get(question).status_code == status


def test_a_table_outside_the_folder_is_not_read(issued: Path, client: Client) -> None:
    issue(issued, table="../../etc/passwd")

    assert client.get(QUESTION).status_code == 503


def test_an_unreadable_table_is_told(issued: Path, client: Client) -> None:
    issue(issued)
    (issued / "i-1" / "intervals.parquet").write_bytes(b"not a table")

    assert client.get(QUESTION).status_code == 503


def test_days_the_site_and_earlier_issues_are_answered(issued: Path, client: Client) -> None:
    issue(issued, id_="i-1", level=20.0)
    (issued / "i-1" / "issue.json").write_text((issued / "current.json").read_text())
    issue(issued, id_="i-2", level=100.0)
    day = {"queue": "*", "interval_start": START, "interval_s": 86400, "offered_mean": 99.5, "offered_q500": 99.0}
    pq.write_table(pa.Table.from_pylist([day]), issued / "i-2" / "days.parquet")
    about = json.loads((issued / "current.json").read_text())
    (issued / "current.json").write_text(json.dumps({**about, "days_table": "i-2/days.parquet"}))

    then = client.get(f"{QUESTION}&issue=i-1").json()["answer"]
    days = client.get("/v1/forecast?queue=*&grain=day&from=2026-05-01T00:00:00Z&to=2026-05-02T00:00:00Z").json()
    unknown = client.get(f"{QUESTION}&issue=i-9")
    without = client.get(f"{QUESTION}&issue=i-1&grain=day")

    assert (then["issue_id"], then["intervals"][0]["offered_q500"]) == ("i-1", 38.0)
    assert days["answer"]["intervals"][0]["offered_mean"] == 99.5
    assert (unknown.status_code, without.status_code) == (404, 404)


def test_the_site_is_the_models_only_where_all_its_queues_are(house: House, issued: Path, client: Client) -> None:
    champion = promoted("forecast", version="2", scope=Scope(queues=("sales",)))
    house.shelf.put(Slot("forecast", promotion=champion, approved={"a" * 64: champion.scope}))
    issue(issued, **of_model())
    for name in ("intervals", "baseline"):
        path = issued / "i-1" / f"{name}.parquet"
        rows = pq.read_table(path).to_pylist()
        pq.write_table(pa.Table.from_pylist(rows + [{**row, "queue": "*"} for row in rows[:48]]), path)

    asked = client.get(QUESTION.replace("billing", "*")).json()

    assert (asked["source"], asked["answer"]["intervals"][0]["offered_q500"]) == ("baseline", 7.0)


def test_an_answer_says_that_planners_changed_it_and_the_baselines_beside_it_was_not_changed(
    house: House, issued: Path, client: Client
) -> None:
    champion = promoted("forecast", version="2", scope=Scope(queues=("billing",)))
    house.shelf.put(Slot("forecast", promotion=champion, approved={"a" * 64: champion.scope}))
    issue(issued, **of_model(), adjustments=["adjustment-1"])

    told, outside = (client.get(QUESTION.replace("billing", queue)).json() for queue in ("billing", "sales"))

    assert told["answer"]["adjustments"] == ["adjustment-1"]
    assert "adjusted" in [one["reason"] for one in told["degraded"]]
    assert outside["answer"]["adjustments"] == []
    assert "adjusted" not in [one["reason"] for one in outside["degraded"]]
