"""The plan that was made last is what is answered: as JSON, CSV or Parquet, to those who may see it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.slots import Slot
from tests.serving.house import Client, House, promoted
from tests.serving.test_forecast import issue
from training.subject import Scope

START = datetime(2026, 5, 1, 9, tzinfo=UTC)
QUESTION = "/v1/staffing"


def planned(folder: Path, *, id_: str = "p-1", **about: Any) -> None:
    """A plan of two queues over two hours, as the flow leaves it."""
    intervals = [
        {"queue": queue, "interval_start": START + timedelta(minutes=30 * n), "interval_s": 1800,
         "positions_required": 5, "agents_rostered": 4.5, "probability": 0.8 + n / 100}
        for queue in ("billing", "sales") for n in range(4)
    ]  # fmt: skip
    roster = [{"agent_id": f"a{n}", "starts_at": START + timedelta(hours=n), "ends_at": START + timedelta(hours=n + 4),
               "breaks": [{"starts_at": START + timedelta(hours=n + 2), "paid": True}]} for n in range(2)]  # fmt: skip
    (folder / id_).mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(intervals), folder / id_ / "intervals.parquet")
    pq.write_table(pa.Table.from_pylist(roster), folder / id_ / "roster.parquet")
    told = {"plan_id": id_, "planned_at": "2026-05-01T06:00:00Z", "issue_id": "i-1", "source": "baseline",
            "version": None, "approval": None, "artefact": None, "queues": ["billing", "sales"]}  # fmt: skip
    (folder / "current.json").write_text(json.dumps({**told, **about}))
    (folder / id_ / "plan.json").write_text(json.dumps({**told, **about}))


@pytest.fixture
def plans(house: House) -> Path:
    assert house.doors.staffing_dir is not None
    return house.doors.staffing_dir


def test_before_the_first_plan_there_is_nothing_to_find(client: Client) -> None:
    answer = client.get(QUESTION)

    assert (answer.status_code, answer.json()["remedy"]) == (404, "Run parley staff plan.")


def test_the_plan_is_answered_in_the_one_envelope(plans: Path, client: Client) -> None:
    planned(plans)

    told = client.get(QUESTION).json()

    assert set(told) == {"answer", "source", "version", "approval", "degraded", "prediction_id", "verdict_asked"}
    assert (told["source"], told["prediction_id"], told["degraded"]) == ("baseline", "p-1", [])
    assert len(told["answer"]["intervals"]) == 8
    assert told["answer"]["intervals"][0]["interval_start"] == "2026-05-01T09:00:00Z"


def test_a_queue_and_a_half_open_period_are_cut_out(plans: Path, client: Client) -> None:
    planned(plans)

    told = client.get(QUESTION + "?queue=sales&from=2026-05-01T09:30:00Z&to=2026-05-01T10:30:00Z").json()

    rows = told["answer"]["intervals"]
    assert [(row["queue"], row["interval_start"][11:16]) for row in rows] == [("sales", "09:30"), ("sales", "10:00")]


@pytest.mark.parametrize("by", ["accept", "format"])
def test_rows_come_as_csv_and_as_parquet(plans: Path, client: Client, by: str) -> None:
    planned(plans)
    kinds = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}

    told = {
        form: client.get(QUESTION, headers={"accept": kind})
        if by == "accept"
        else client.get(f"{QUESTION}?format={form}")
        for form, kind in kinds.items()
    }

    rows = list(csv.DictReader(io.StringIO(told["csv"].text)))
    assert (len(rows), rows[0]["queue"], rows[0]["interval_start"]) == (8, "billing", "2026-05-01T09:00:00Z")
    table = pq.read_table(io.BytesIO(told["parquet"].content))
    assert table.column("probability").to_pylist() == pytest.approx([float(row["probability"]) for row in rows])
    assert told["csv"].headers["content-type"].startswith("text/csv")


def test_who_works_when_is_not_for_viewers(plans: Path, client: Client) -> None:
    planned(plans)

    shown, refused = (client.get(f"{QUESTION}?view=roster", role=role) for role in ("service", "viewer"))

    assert [row["agent_id"] for row in shown.json()["answer"]["roster"]] == ["a0", "a1"]
    assert shown.json()["answer"]["roster"][0]["breaks"][0]["starts_at"] == "2026-05-01T11:00:00Z"
    assert refused.status_code == 403
    assert client.get(f"{QUESTION}?view=roster&format=csv", role="service").text.count("\n") == 3


@pytest.mark.parametrize("role", ["agent", ""])
def test_agents_and_strangers_see_no_plan(plans: Path, client: Client, role: str) -> None:
    planned(plans)

    assert client.get(QUESTION, role=role).status_code == (403 if role else 401)


def test_what_has_not_changed_is_not_sent_again(plans: Path, client: Client) -> None:
    planned(plans)
    etag = client.get(QUESTION).headers["etag"]

    same, other = (client.get(QUESTION + tail, headers={"if-none-match": etag}) for tail in ("", "?format=csv"))
    planned(plans, id_="p-2")
    fresh = client.get(QUESTION, headers={"if-none-match": etag})

    assert (same.status_code, same.content, other.status_code) == (304, b"", 200)
    assert (fresh.status_code, fresh.json()["answer"]["plan_id"]) == (200, "p-2")


def test_an_earlier_plan_is_answered_by_its_name(plans: Path, client: Client) -> None:
    planned(plans)
    planned(plans, id_="p-2")

    then, unknown = (client.get(f"{QUESTION}?plan={name}") for name in ("p-1", "../p-1"))

    assert then.json()["answer"]["plan_id"] == "p-1"
    assert (unknown.status_code, unknown.json()["expected"]) == (404, "one of the 2 that were kept")


def test_a_plan_for_a_forecast_that_was_issued_anew_says_so(house: House, plans: Path, client: Client) -> None:
    planned(plans)
    issue(house.doors.issued_dir, id_="i-2")

    assert [one["reason"] for one in client.get(QUESTION).json()["degraded"]] == ["planned_for_former_forecast"]


def test_a_plan_for_a_model_that_may_not_answer_any_more_says_so(house: House, plans: Path, client: Client) -> None:
    planned(plans, source="model", version="2", approval="b" * 64, artefact="a" * 64)
    lost = client.get(QUESTION).json()
    house.shelf.put(Slot("forecast", promotion=promoted("forecast", version="2"), approved={"a" * 64: Scope()}))
    stands = client.get(QUESTION).json()

    assert [one["reason"] for one in lost["degraded"]] == ["planned_for_disowned_forecast"]
    assert (stands["degraded"], stands["version"], stands["approval"]) == ([], "forecast/2", "b" * 64)


@pytest.mark.parametrize(
    ("tail", "status"),
    [
        ("?queue=nobody", 404),
        ("?from=2026-05-01T10:00:00Z&to=2026-05-01T10:00:00Z", 400),
        ("?from=2026-05-01T10:00:00", 422),
        ("?format=xlsx", 422),
        ("?view=wages", 422),
    ],
)
def test_a_question_without_an_answer_is_refused(plans: Path, client: Client, tail: str, status: int) -> None:
    planned(plans)

    assert client.get(QUESTION + tail).status_code == status


@pytest.mark.parametrize("id_", ["../../etc", "gone"])
def test_a_plan_that_lies_elsewhere_or_is_broken_is_told(plans: Path, client: Client, id_: str) -> None:
    planned(plans, plan_id=id_)

    answer = client.get(QUESTION)

    assert answer.status_code == 503
    assert str(plans) not in answer.text
