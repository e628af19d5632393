"""Who should take the contact: decided once for contact and attempt, with its exact chance, written down first."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from centre.clock import FixedClock
from data_contracts.checking import row_faults
from data_contracts.events import dataset_row
from serving import choosing, mirrored
from tests.serving import house as houses
from tests.serving.house import Client, House, RoutingModel, slot
from training.subject import Scope


def agent(id_: str, **told: Any) -> dict[str, Any]:
    return {"agent_id": id_, "state": "available", "idle_s": 10.0, **told}


def asked(**told: Any) -> dict[str, Any]:
    agents = [agent("a-1", idle_s=5.0), agent("a-2", idle_s=50.0), agent("a-3", idle_s=20.0)]
    return {"contact_id": "c-1", "attempt": 0, "queue": "billing", "channel": "chat", "agents": agents, **told}


@pytest.fixture
def with_model(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(mirrored.Mirrored, "current", lambda self: houses.Mirror())
    house.shelf.put(slot("routing", RoutingModel()))
    return house


def test_before_the_first_approval_the_longest_idle_takes_it(client: Client) -> None:
    told = client.post("/v1/route", asked()).json()

    assert told["source"] == "baseline"
    assert told["answer"]["agent_id"] == "a-2"
    assert told["answer"]["propensity"] == 1.0
    assert told["answer"]["policy"] == "longest-idle"


def test_equally_idle_agents_draw_lots_and_the_propensity_says_so(client: Client) -> None:
    agents = [agent("a-1", idle_s=9.0), agent("a-2", idle_s=9.0), agent("a-3", idle_s=1.0)]

    chosen = [client.post("/v1/route", asked(contact_id=f"c-{n}", agents=agents)).json()["answer"] for n in range(40)]

    assert {one["propensity"] for one in chosen} == {0.5}
    counts = Counter(one["agent_id"] for one in chosen)
    assert set(counts) == {"a-1", "a-2"}
    assert min(counts.values()) > 8


def test_the_model_decides_with_exploration_and_exact_chances(with_model: House, client: Client) -> None:
    answers = [client.post("/v1/route", asked(contact_id=f"c-{n}")).json() for n in range(150)]

    assert {one["source"] for one in answers} == {"model"}
    chosen = [one["answer"] for one in answers]
    assert {one["propensity"] for one in chosen if one["agent_id"] == "a-3"} == {0.95 + 0.05 / 3}
    assert {one["propensity"] for one in chosen if one["agent_id"] != "a-3"} == {0.05 / 3}
    others = sum(one["agent_id"] != "a-3" for one in chosen)
    assert 1 <= others <= 15  # 5 expected of 150
    assert all(one["explored"] == (one["agent_id"] != "a-3") for one in chosen)


def test_a_model_with_a_policy_of_its_own_is_drawn_from_by_it(with_model: House, client: Client) -> None:
    class Softmax(RoutingModel):
        def propensities(self, score: np.ndarray) -> np.ndarray:
            raised = np.exp(score)
            return raised / raised.sum()

    with_model.shelf.put(slot("routing", Softmax()))

    chosen = [client.post("/v1/route", asked(contact_id=f"c-{n}")).json()["answer"] for n in range(100)]

    expected = np.exp([0.0, 1.0, 2.0]) / np.exp([0.0, 1.0, 2.0]).sum()
    for place, name in enumerate(("a-1", "a-2", "a-3")):
        told = [one["propensity"] for one in chosen if one["agent_id"] == name]
        assert told == pytest.approx([expected[place]] * len(told))
        assert sum(one["agent_id"] == name for one in chosen) / 100 == pytest.approx(expected[place], abs=0.15)


def test_asking_again_gives_the_same_answer_and_draws_nothing(with_model: House, client: Client) -> None:
    first = client.post("/v1/route", asked()).json()
    with_model.shelf.put(houses.Slot("routing"))

    again = client.post("/v1/route", asked()).json()

    assert again == first
    assert len(with_model.events("decision.made")) == 1


def test_asking_again_after_a_restart_gives_the_same_answer(with_model: House) -> None:
    with with_model.open() as client:
        first = client.post("/v1/route", asked()).json()
    with with_model.open() as client:
        again = client.post("/v1/route", asked()).json()

    assert again == first


def test_the_same_attempt_with_another_body_is_refused(client: Client) -> None:
    client.post("/v1/route", asked())

    answer = client.post("/v1/route", asked(queue="sales"))

    assert answer.status_code == 409
    assert "attempt" in answer.json()["remedy"]


def test_another_attempt_is_another_decision(house: House, client: Client) -> None:
    for attempt in (0, 1):
        assert client.post("/v1/route", asked(attempt=attempt)).status_code == 200

    assert [event.data["attempt"] for event in house.events("decision.made")] == [0, 1]


def test_many_at_once_for_one_attempt_get_one_decision(with_model: House, client: Client) -> None:
    answers: list[Any] = []

    def ask() -> None:
        answers.append(client.post("/v1/route", asked()).json())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({json.dumps(answer, sort_keys=True) for answer in answers}) == 1
    assert len(with_model.events("decision.made")) == 1


def test_the_decision_is_in_the_log_before_the_answer_and_keeps_its_contract(with_model: House, client: Client) -> None:
    told = client.post("/v1/route", asked()).json()

    [event] = with_model.events("decision.made")
    row = dataset_row(event)
    assert row_faults("decisions", row, as_of=datetime(2026, 5, 1, tzinfo=UTC)) == []
    assert row["chosen_agent_id"] == told["answer"]["agent_id"]
    assert row["propensity"] == told["answer"]["propensity"]
    assert json.loads(row["eligible"]) == ["a-1", "a-2", "a-3"]
    assert json.loads(row["scores"]) == {"a-1": 0.0, "a-2": 1.0, "a-3": 2.0}
    assert json.loads(row["idle_s"]) == {"a-1": 5.0, "a-2": 50.0, "a-3": 20.0}
    [prediction] = with_model.events("prediction.served")
    assert row_faults("predictions", dataset_row(prediction), as_of=datetime(2026, 5, 1, tzinfo=UTC)) == []
    assert json.loads(prediction.data["features"])["mirror"] == "mirror-1"
    assert set(json.loads(prediction.data["features"])["rows"]) == {"a-1", "a-2", "a-3"}


def test_no_answer_without_the_decision_on_disk(with_model: House) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(with_model.doors.log, name)

        def append(self, events: Any, *, received_at: Any) -> Any:
            raise OSError("no space left on device")

    with with_model.open(log=Full()) as client:
        assert client.post("/v1/route", asked()).status_code == 503


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"state": "busy"}, "state busy"),
        ({"languages": ["en"]}, "does not speak zh-CN"),
        ({"skills": ["sales"]}, "no skill"),
    ],
)
def test_who_may_not_take_it_is_left_out_and_told(client: Client, told: dict[str, Any], why: str) -> None:
    body = asked(language="zh-CN", agents=[agent("a-1", **told), agent("a-2", languages=["zh"], skills=["billing"])])

    answer = client.post("/v1/route", body).json()["answer"]

    assert answer["eligible"] == ["a-2"]
    assert answer["excluded"]["a-1"].startswith(why)


def test_nobody_eligible_is_an_answer_too(house: House, client: Client) -> None:
    told = client.post("/v1/route", asked(agents=[agent("a-1", state="offline")])).json()

    assert told["answer"]["agent_id"] is None
    assert told["answer"]["reason"] == "no eligible agent"
    [event] = house.events("decision.made")
    assert row_faults("decisions", dataset_row(event), as_of=datetime(2026, 5, 1, tzinfo=UTC)) == []


def test_an_agent_who_comes_twice_is_refused(client: Client) -> None:
    answer = client.post("/v1/route", asked(agents=[agent("a-1"), agent("a-1", state="busy")]))

    assert answer.status_code == 400
    assert answer.json()["came"] == "a-1"


def test_without_online_features_the_baseline_answers_and_says_so(house: House, client: Client) -> None:
    house.shelf.put(slot("routing", RoutingModel()))

    told = client.post("/v1/route", asked()).json()

    assert told["source"] == "baseline"
    assert told["degraded"][-1]["reason"] == "no_features"


def test_features_of_days_ago_are_used_and_told(with_model: House, client: Client, clock: FixedClock) -> None:
    clock.advance(timedelta(hours=25))

    told = client.post("/v1/route", asked()).json()

    assert (told["source"], told["degraded"][0]["reason"]) == ("model", "features_stale")


@pytest.mark.parametrize(("unknown", "count"), [({"a-1"}, 1), ({"a-1", "a-2", "a-3"}, 3)])
def test_agents_of_whom_the_features_know_nothing_are_counted(
    with_model: House, client: Client, monkeypatch: pytest.MonkeyPatch, unknown: set[str], count: int
) -> None:
    monkeypatch.setattr(houses.Mirror, "unknown", frozenset(unknown))

    told = client.post("/v1/route", asked()).json()["degraded"]

    assert [(one["reason"], one["count"]) for one in told] == [("agents_unknown", count)]


def test_agents_who_are_known_or_not_eligible_are_no_matter(
    with_model: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(houses.Mirror, "unknown", frozenset({"a-9"}))

    told = client.post("/v1/route", asked(agents=[agent("a-1"), agent("a-9", state="busy")])).json()

    assert told["degraded"] == []


def test_a_model_without_finite_scores_is_not_believed(with_model: House, client: Client) -> None:
    class Broken:
        def score(self, matrix: np.ndarray) -> dict[str, np.ndarray]:
            return {"score": np.full(len(matrix), np.nan)}

    with_model.shelf.put(slot("routing", Broken()))

    told = client.post("/v1/route", asked()).json()

    assert (told["source"], told["degraded"][-1]["reason"]) == ("baseline", "model_failed")


def test_outside_the_approved_queues_the_baseline_answers(with_model: House, client: Client) -> None:
    with_model.shelf.put(slot("routing", RoutingModel(), scope=Scope(queues=("sales",))))

    assert client.post("/v1/route", asked()).json()["source"] == "baseline"


@pytest.mark.parametrize(
    ("languages", "said", "source"),
    [
        (("en", "unknown"), None, "model"),
        (("en", "unknown"), "en-GB", "model"),
        (("en",), None, "baseline"),
        (("unknown",), "en", "baseline"),
    ],
)
def test_a_contact_whose_language_nobody_said_is_one_of_unknown_language(
    with_model: House, client: Client, languages: tuple[str, ...], said: str | None, source: str
) -> None:
    with_model.shelf.put(slot("routing", RoutingModel(), scope=Scope(languages=languages)))

    assert client.post("/v1/route", asked(language=said)).json()["source"] == source


def test_switched_off_routes_nobody(with_model: House, client: Client) -> None:
    with_model.shelf.put(replace(slot("routing", RoutingModel()), off={"capability": "route"}))

    told = client.post("/v1/route", asked()).json()

    assert (told["answer"], told["source"]) == (None, "off")


def test_greedy_chances_sum_to_one_and_share_ties() -> None:
    chances = choosing.greedy_propensities({"a": 2.0, "b": 2.0, "c": 1.0}, exploration=0.3)

    assert chances == {"a": pytest.approx(0.45), "b": pytest.approx(0.45), "c": pytest.approx(0.1)}
    assert sum(chances.values()) == pytest.approx(1.0)


def test_the_same_contact_and_attempt_always_draw_the_same() -> None:
    scores = {f"a-{n}": 0.0 for n in range(50)}
    draws = [
        choosing.by_score(scores, exploration=1.0, draw=choosing.generator("c-1", attempt, seed=seed)).agent_id
        for attempt, seed in ((0, 0), (0, 0), (1, 0), (0, 1))
    ]

    assert draws[0] == draws[1]
    assert len(set(draws)) > 1
