from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from centre.simulation import demand, parameters
from centre.simulation.clarifying import sheet
from centre.simulation.world import World, simulate
from data_contracts.arrow import tabulate
from data_contracts.checking import check
from data_contracts.contracts import contract
from data_contracts.errors import InputError, NotFound
from data_contracts.events import DATASET_OF, Event, dataset_row

START = date(2026, 3, 2)
PARENTS_FIRST = (
    *("customers", "agents", "intents", "contacts", "segments", "agent_states"),
    *("utterances", "decisions", "verdicts", "ratings", "roster"),
)


@pytest.fixture(scope="module")
def two_weeks() -> World:
    return World(weeks=2, seed=7, start=START)


@pytest.fixture(scope="module")
def events(two_weeks: World) -> list[Event]:
    return list(two_weeks.events())


@pytest.fixture(scope="module")
def rows(events: list[Event]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        found[DATASET_OF[event.type]].append(dataset_row(event))
    return found


def live(rows: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The first leg of each voice and chat contact."""
    ids = {row["contact_id"] for row in rows["contacts"] if row["channel"] != "email"}
    return [row for row in rows["segments"] if row["sequence"] == 0 and row["contact_id"] in ids]


def small() -> parameters.WorldParams:
    return replace(parameters.load(), customer_count=2000)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    def bodies(seed: int) -> Iterator[str]:
        return (f"{e.id} {e.body_digest()}" for e in simulate(weeks=1, seed=seed, start=START, params=small()))

    assert all(one == other for one, other in zip(bodies(5), bodies(5), strict=True))
    assert any(one != other for one, other in zip(islice(bodies(5), 100), islice(bodies(6), 100), strict=True))


def test_every_row_passes_its_contract(rows: dict[str, list[dict[str, Any]]]) -> None:
    parents: dict[str, set[str]] = {}

    assert sorted(rows) == sorted(PARENTS_FIRST)
    for dataset in PARENTS_FIRST:
        table, mistyped = tabulate(dataset, rows[dataset])
        checked = check(dataset, table, parents=parents, as_of=datetime(2026, 3, 16, tzinfo=UTC))
        parents[dataset] = set(table[contract(dataset).keys[0]].to_pylist())
        found = (mistyped, checked.quarantined, checked.parked.num_rows, checked.repeated_count, checked.batch_faults)
        assert found == ([], (), 0, 0, ()), dataset


def test_events_are_simulated_history_in_order_of_becoming_known_and_never_known_before_they_happened(
    events: list[Event],
) -> None:
    known = [event.known_at for event in events if event.known_at is not None]

    assert len(known) == len(events)
    assert known == sorted(known)
    assert all(event.simulated and event.backfilled and event.source == "simulation" for event in events)
    assert all(
        event.known_at is not None and event.known_at >= event.time
        for event in events
        if event.type != "roster.published"
    )
    assert len({event.id for event in events}) == len(events)
    assert known[-1] < datetime(2026, 3, 15, 16, tzinfo=UTC)  # midnight in Singapore


def test_the_service_is_that_of_a_sane_centre(rows: dict[str, list[dict[str, Any]]]) -> None:
    first = live(rows)
    answered = [row["outcome"] != "abandoned" for row in first]
    within_60 = np.mean([ok and row["wait_s"] <= 60 for ok, row in zip(answered, first, strict=True)])

    assert 0.70 <= float(within_60) <= 0.95
    assert 0.02 <= 1 - float(np.mean(answered)) <= 0.08
    assert 0.70 <= occupancy(rows) <= 0.90


def occupancy(rows: dict[str, list[dict[str, Any]]]) -> float:
    """Time taken over time taken or available, from the agents' state changes."""
    spent: Counter[str] = Counter()
    before: dict[str, tuple[datetime, str]] = {}
    for row in rows["agent_states"]:
        at, agent = row["happened_at"], row["agent_id"]
        if agent in before:
            spent[before[agent][1]] += (at - before[agent][0]).total_seconds()
        before[agent] = (at, row["state"])
    return spent["busy"] / (spent["busy"] + spent["available"])


def test_volume_languages_channels_and_queues_are_as_demanded(rows: dict[str, list[dict[str, Any]]]) -> None:
    contacts = [row for row in rows["contacts"] if row["revision"] == 0]
    zone = ZoneInfo("Asia/Singapore")
    days = Counter(datetime.fromisoformat(row["started_at"]).astimezone(zone).date() for row in contacts)

    assert min(days.values()) >= 600
    assert {row["channel"] for row in contacts} == {"voice", "chat", "email"}
    assert len({row["queue"] for row in contacts}) == 4
    assert 0.27 <= np.mean([row["language"] == "zh" for row in contacts]) <= 0.33
    assert len({row["agent_id"] for row in rows["agents"]}) == 40
    leaves = [row for row in rows["intents"] if row["parent_id"]]
    assert len(leaves) >= 22
    assert {"account_inquiry", "password_reset"} <= {row["intent_id"] for row in leaves}


def test_a_decision_names_all_who_were_free_and_the_exact_chance_of_the_choice(
    rows: dict[str, list[dict[str, Any]]],
) -> None:
    epsilon = parameters.load().policy_epsilon
    for row in rows["decisions"]:
        eligible = json.loads(row["eligible"])
        share = epsilon / len(eligible)
        longest_idle = row["chosen_agent_id"] == eligible[0]
        assert row["propensity"] == pytest.approx(1 - epsilon + share if longest_idle else share)
        idle_s = list(json.loads(row["idle_s"]).items())
        assert [name for name, _ in idle_s] == eligible
        assert all(one >= other >= 0 for (_, one), (_, other) in pairwise(idle_s))
    several = [json.loads(row["eligible"]) for row in rows["decisions"] if len(json.loads(row["eligible"])) > 1]
    assert len(several) > 0.35 * len(rows["decisions"])


def test_who_was_chosen_speaks_the_language_and_serves_the_queue(rows: dict[str, list[dict[str, Any]]]) -> None:
    agents = {row["agent_id"]: row for row in rows["agents"]}
    languages = {row["contact_id"]: row["language"] for row in rows["contacts"]}

    for row in rows["segments"]:
        if row.get("agent_id"):
            assert row["queue"] in agents[row["agent_id"]]["skills"]
            assert languages[row["contact_id"]] in agents[row["agent_id"]]["languages"]


def test_labels_are_noisy_as_stated(two_weeks: World, rows: dict[str, list[dict[str, Any]]]) -> None:
    truth, params = two_weeks.truth, two_weeks.params
    coded = [row for row in rows["segments"] if row.get("disposition_code")]
    verdicts = [row for row in rows["verdicts"] if row["prompted"]]
    answered = sum(row["outcome"] == "answered" for row in rows["contacts"])

    meant = {code.id: code.intents for code in params.codes}
    other = np.mean([not meant[row["disposition_code"]] for row in coded])
    named = [row for row in coded if meant[row["disposition_code"]]]
    wrong = np.mean([truth.intent(row["contact_id"]) not in meant[row["disposition_code"]] for row in named])
    corrected = np.mean([row["instead"] == truth.intent(row["contact_id"]) for row in verdicts])
    topics = [row for row in rows["contacts"] if row["topic"] is not None]

    assert float(other) == pytest.approx(params.code_other, abs=0.01)
    # Mistaken, or hurried and so the first of the list: a coarse code hides some of either.
    assert 0.75 * params.code_noise < float(wrong) < params.code_noise + params.code_first
    assert float(corrected) > 0.94
    assert len(verdicts) / answered == pytest.approx(params.verdict_chance, abs=0.01)
    right = np.mean([row["topic"] == truth.group(row["contact_id"]) for row in topics])
    assert float(right) == pytest.approx(params.topic_right / (1 - params.topic_missing), abs=0.02)


def test_whoever_is_not_helped_comes_back_more_often(two_weeks: World, rows: dict[str, list[dict[str, Any]]]) -> None:
    truth = two_weeks.truth
    early = [
        c
        for c in rows["contacts"]
        if c["outcome"] == "answered" and c["happened_at"] < datetime(2026, 3, 8, tzinfo=UTC)
    ]
    followed = {truth.follows(contact) for contact in truth.contact_ids}

    back = {
        flag: [c["contact_id"] in followed for c in early if truth.resolved(c["contact_id"]) == flag]
        for flag in (True, False)
    }

    assert not any(back[True])
    assert 0.35 < np.mean(back[False]) < 0.6


def test_routing_matters_but_is_no_magic(two_weeks: World, rows: dict[str, list[dict[str, Any]]]) -> None:
    truth = two_weeks.truth
    gains = []
    for row in rows["decisions"]:
        eligible = json.loads(row["eligible"])
        if len(eligible) > 1:
            chances = [truth.expected_resolution(row["contact_id"], agent) for agent in eligible]
            gains.append(max(chances) - float(np.mean(chances)))

    assert 0.03 < float(np.mean(gains)) < 0.15


def test_the_truth_is_told_by_known_ids_only(two_weeks: World) -> None:
    truth = two_weeks.truth

    assert 0 < truth.expected_resolution("c000000", "a001") < 1
    assert truth.expected_handle_s("c000000", "a001") > 30
    with pytest.raises(NotFound, match="no such agent"):
        truth.expected_resolution("c000000", "a999")
    with pytest.raises(NotFound, match="no such contact"):
        truth.intent("c999999")


def test_an_email_that_comes_back_is_the_same_contact_in_a_second_revision(
    rows: dict[str, list[dict[str, Any]]],
) -> None:
    again = [row for row in rows["contacts"] if row["revision"] == 1]
    segments = Counter(row["contact_id"] for row in rows["segments"])

    assert again
    assert all(row["channel"] == "email" and row["reopened"] for row in again)
    assert all(segments[row["contact_id"]] >= 2 for row in again)


def test_a_transfer_is_a_second_leg_in_the_right_queue(rows: dict[str, list[dict[str, Any]]]) -> None:
    legs = {(row["contact_id"], row["sequence"]): row for row in rows["segments"]}
    transfers = [row for row in rows["segments"] if row["outcome"] == "transferred"]

    assert transfers
    for row in transfers:
        after = legs[row["contact_id"], row["sequence"] + 1]
        assert row["transferred_to"] == after["queue"] != row["queue"]


def test_days_are_more_uneven_than_chance_and_mondays_are_busiest() -> None:
    world = World(weeks=8, seed=3, start=START, params=small())

    needs = demand.needs(world.params, days=world.days, rng=np.random.default_rng(1))
    counts = np.histogram(needs.starts_s, bins=world.days.midnights)[0].reshape(8, 7)

    assert counts.mean(axis=0).argmax() == 0
    within = counts / counts.mean(axis=0)
    assert within.std() * np.sqrt(counts.mean()) > 1.5  # 1 if Poisson


def test_days_follow_the_local_calendar_through_a_change_of_clocks() -> None:
    days = demand.calendar(start=date(2026, 3, 23), weeks=1, time_zone="Europe/Berlin")

    lengths = np.diff(days.midnights).tolist()
    assert lengths == [86_400] * 6 + [82_800]
    assert days.origin == datetime(2026, 3, 22, 23, tzinfo=UTC)
    assert days.ends_s == timedelta(days=7).total_seconds() - 3600


def test_no_week_is_nothing_to_simulate() -> None:
    with pytest.raises(InputError, match="nothing to simulate"):
        simulate(weeks=0, seed=1, start=START)


def test_an_eighth_of_the_chats_are_asked_back_before_they_are_routed(rows: dict[str, list[dict[str, Any]]]) -> None:
    chats = {row["contact_id"] for row in rows["contacts"] if row["channel"] == "chat"}
    routed = {row["contact_id"]: row.get("offered_at") for row in rows["segments"] if row["sequence"] == 0}
    spoken: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows["utterances"]:
        spoken[row["contact_id"]].append(row)

    first = {name: [row["speaker"] for row in said[:3]] for name, said in spoken.items()}
    asked_back = {name for name, said in first.items() if said == ["customer", "bot", "customer"]}
    vague = {
        text for language in ("en", "zh") for texts in sheet(language, late=False).vague.values() for text in texts
    }
    vague |= {
        text for language in ("en", "zh") for texts in sheet(language, late=True).vague.values() for text in texts
    }
    began_vague = {name for name, said in spoken.items() if said[0]["text"] in vague}

    assert began_vague <= asked_back & chats
    assert len(began_vague) / len(chats) == pytest.approx(parameters.load().clarified_share, abs=0.02)
    assert all(spoken[name][2]["spoken_at"] <= routed[name] for name in began_vague if routed[name])


def test_asking_back_changes_nothing_but_what_is_said_in_those_chats() -> None:
    def bodies(share: float) -> dict[str, str]:
        params = replace(small(), clarified_share=share)
        return {e.id: e.body_digest() for e in simulate(weeks=1, seed=5, start=START, params=params)}

    none, some = bodies(0.0), bodies(0.12)

    changed = {name.split(".u")[0] for name in some if some[name] != none.get(name)}
    assert len(changed) > 20
    assert {name for name in none if some.get(name) != none[name] and ".u" not in name} == set()


@pytest.mark.slow
def test_eight_weeks_hold_about_350_000_rows_and_a_sane_centre() -> None:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in World(weeks=8, seed=11, start=START).events():
        rows[DATASET_OF[event.type]].append(dataset_row(event))

    first = live(rows)
    assert 300_000 < sum(len(found) for found in rows.values()) < 400_000
    assert 0.02 <= np.mean([row["outcome"] == "abandoned" for row in first]) <= 0.08
    assert 0.70 <= np.mean([row["outcome"] != "abandoned" and row["wait_s"] <= 60 for row in first]) <= 0.95
    assert 0.70 <= occupancy(rows) <= 0.90
