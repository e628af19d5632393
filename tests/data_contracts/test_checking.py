"""Which rows pass: every rule with its near miss, repeats, conflicts, late parents, batches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from data_contracts.arrow import schema, tabulate
from data_contracts.checking import Checked, check, row_faults
from data_contracts.contracts import contract, datasets
from data_contracts.errors import InputError, MissingColumn, UnknownDataset
from tests.data_contracts.samples import AGO, NOW, PARENTS, good_row

SECOND, SKEW = timedelta(seconds=1), timedelta(minutes=5)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Case = tuple[str, str, Mapping[str, Any], Mapping[str, Any]]

NEAR_MISSES: list[Case] = [
    # dataset, rule, a row that breaks it, the row next to it that does not
    ("ratings", "score.between", {"score": 6}, {"score": 5}),
    ("ratings", "score.between", {"score": 0}, {"score": 1}),
    ("ratings", "comment.length", {"comment": "字" * 4001}, {"comment": "字" * 4000}),
    ("ratings", "rating_id.required", {"rating_id": "  "}, {"rating_id": " g "}),
    ("ratings", "rating_id.length", {"rating_id": "x" * 129}, {"rating_id": "x" * 128}),
    ("ratings", "happened_at.not_future", {"happened_at": NOW + SKEW + TICK, "known_at": NOW + SKEW},
     {"happened_at": NOW + SKEW, "known_at": NOW}),
    ("ratings", "known_at.not_future", {"known_at": NOW + SKEW + TICK}, {"known_at": NOW + SKEW}),
    ("ratings", "known_at.after_happening", {"happened_at": NOW, "known_at": NOW - SKEW - TICK},
     {"happened_at": NOW, "known_at": NOW - SKEW}),
    ("customers", "joined_on.not_future", {"joined_on": (NOW + 2 * DAY).date()}, {"joined_on": (NOW + DAY).date()}),
    ("customers", "language.pattern", {"language": "chinese language"}, {"language": "zh-Hans"}),
    ("customers", "language.pattern", {"language": "english"}, {"language": "en"}),
    ("customers", "revision.between", {"revision": -1}, {"revision": 0}),
    ("agents", "languages.items", {"languages": ["en", "中文"]}, {"languages": ["en", "ZH"]}),
    ("agents", "skills.items", {"skills": [" "]}, {"skills": []}),
    ("agents", "status.one_of", {"status": "Active"}, {"status": "left"}),
    ("intents", "parent_id.another", {"parent_id": "password_reset"}, {"parent_id": "password"}),
    ("intents", "deprecated_by.another", {"deprecated_by": "password_reset"}, {"deprecated_by": "reset"}),
    ("contacts", "ended_at.after_start", {"started_at": NOW, "ended_at": NOW - TICK},
     {"started_at": NOW, "ended_at": NOW}),
    ("contacts", "voice.within_a_day", {"started_at": NOW - DAY - TICK, "ended_at": NOW},
     {"started_at": NOW - DAY, "ended_at": NOW}),
    ("contacts", "voice.within_a_day", {"started_at": NOW - 9 * DAY, "ended_at": NOW},
     {"started_at": NOW - 9 * DAY, "ended_at": NOW, "channel": "ticket"}),
    ("contacts", "parent_contact_id.another", {"parent_contact_id": "c1"}, {"parent_contact_id": "c0"}),
    ("contacts", "channel.one_of", {"channel": "fax"}, {"channel": "email"}),
    ("segments", "offered_at.after_queueing", {"offered_at": NOW - 5 * HOUR}, {"offered_at": NOW - 4 * HOUR}),
    ("segments", "answered_at.after_offer", {"answered_at": NOW - 3 * HOUR - TICK}, {"answered_at": NOW - 3 * HOUR}),
    ("segments", "answered_at.after_queueing", {"answered_at": NOW - 5 * HOUR, "offered_at": None},
     {"answered_at": NOW - 4 * HOUR, "offered_at": None}),
    ("segments", "ended_at.after_answer", {"ended_at": NOW - 2 * HOUR - TICK}, {"ended_at": NOW - 2 * HOUR}),
    ("segments", "ended_at.after_offer", {"ended_at": NOW - 3 * HOUR - TICK, "answered_at": None},
     {"ended_at": NOW - 3 * HOUR, "answered_at": None}),
    ("segments", "ended_at.after_queueing",
     {"ended_at": NOW - 4 * HOUR - TICK, "answered_at": None, "offered_at": None, "outcome": "abandoned"},
     {"ended_at": NOW - 4 * HOUR, "answered_at": None, "offered_at": None, "outcome": "abandoned"}),
    ("segments", "wait_s.between", {"wait_s": -0.001}, {"wait_s": 0.0}),
    ("segments", "handle_s.is_sum", {"handle_s": 391.5}, {"handle_s": 391.0}),
    ("segments", "handle_s.is_sum", {"handle_s": 300.0}, {"handle_s": 300.0, "hold_s": None}),
    ("segments", "abandoned.unanswered", {"outcome": "abandoned"}, {"outcome": "abandoned", "answered_at": None}),
    ("segments", "refused.by_someone", {"outcome": "refused", "agent_id": None},
     {"outcome": "answered", "agent_id": None}),
    ("agent_states", "changed_at.not_future", {"changed_at": NOW + HOUR}, {"changed_at": NOW}),
    ("agent_states", "concurrent_count.between", {"concurrent_count": -1}, {"concurrent_count": None}),
    ("utterances", "text.length", {"text": "x" * 4001}, {"text": "x" * 4000}),
    ("utterances", "text.required", {"text": " \u3000"}, {"text": " 。 "}),
    ("utterances", "turn.between", {"turn": -1}, {"turn": 0}),
    ("recordings", "uri.pattern", {"uri": "/calls/c1.wav"}, {"uri": "file:/calls/c1.wav"}),
    ("recordings", "uri.pattern", {"uri": "s3://calls/c 1.wav"}, {"uri": "s3://calls/c%201.wav"}),
    ("recordings", "channel_count.between", {"channel_count": 0}, {"channel_count": 1}),
    ("operations", "duration_s.between", {"duration_s": -1}, {"duration_s": None}),
    ("decisions", "propensity.between", {"propensity": 0.0}, {"propensity": 5e-324}),
    ("decisions", "propensity.between", {"propensity": 1.0000001}, {"propensity": 1.0}),
    ("decisions", "eligible.holds_list", {"eligible": '{"a1":1}'}, {"eligible": None}),
    ("decisions", "eligible.holds_list", {"eligible": '["a1","a2",2]'}, {"eligible": '["a1","a2","2"]'}),
    ("decisions", "scores.holds_object", {"scores": '{"a1":NaN}'}, {"scores": '{"a1":0}'}),
    ("decisions", "scores.holds_object", {"scores": '{"a1":true}'}, {"scores": "{}"}),
    ("decisions", "chosen_agent_id.eligible", {"chosen_agent_id": "a3"}, {"chosen_agent_id": "a2"}),
    ("decisions", "scores.of_eligible", {"scores": '{"a3":0.1}'}, {"scores": '{"a2":0.1}'}),
    ("decisions", "idle_s.holds_object", {"idle_s": '{"a1":"long"}'}, {"idle_s": "{}"}),
    ("decisions", "idle_s.of_eligible", {"idle_s": '{"a3":1}'}, {"idle_s": '{"a2":1}'}),
    ("decisions", "followed.told", {"revision": 1}, {"revision": 1, "followed": False}),
    ("predictions", "answer.holds_json", {"answer": "password reset"}, {"answer": '"password reset"'}),
    ("predictions", "features.holds_object", {"features": "[]"}, {"features": "{}"}),
    ("predictions", "degraded.holds_list", {"degraded": "{}"}, {"degraded": '[{"reason":"stale"}]'}),
    ("predictions", "confidence.between", {"confidence": 1.01}, {"confidence": 1}),
    ("predictions", "version.of_model", {"version": None}, {"version": None, "answer_source": "baseline"}),
    ("predictions", "approval.of_model", {"approval": None}, {"approval": None, "answer_source": "rule"}),
    ("verdicts", "about.something", {"prediction_id": None, "contact_id": None}, {"prediction_id": None}),
    ("verdicts", "instead.of_label", {"verdict": "labelled", "instead": None}, {"verdict": "wrong", "instead": None}),
    ("verdicts", "weight.between", {"weight": 1.1}, {"weight": 0}),
    ("articles", "body.required", {"body": ""}, {"body": "."}),
    ("articles", "body.not_blank", {"body": " \n\u2003"}, {"body": " \n."}),
    ("articles", "intent_ids.items", {"intent_ids": [""]}, {"intent_ids": []}),
    ("roster", "ends_at.after_start", {"ends_at": NOW}, {"ends_at": NOW + TICK}),
    ("roster", "work.within_a_day", {"ends_at": NOW + DAY + TICK}, {"ends_at": NOW + DAY}),
    ("roster", "work.within_a_day", {"ends_at": NOW + 9 * DAY}, {"ends_at": NOW + 9 * DAY, "activity": "leave"}),
    ("calendar_events", "ends_at.after_start", {"ends_at": NOW + 24 * AGO}, {"ends_at": NOW + 24 * AGO + TICK}),
    ("calendar_events", "queues.of_merger", {"kind": "merger", "into": "sales", "queues": None}, {"queues": None}),
    ("calendar_events", "into.of_merger", {"kind": "merger"}, {"kind": "merger", "into": "sales"}),
    ("calendar_events", "into.of_nothing_else", {"into": "sales"}, {"into": None}),
    ("calendar_events", "event.within_a_year", {"ends_at": NOW + 24 * AGO + 366 * DAY + TICK},
     {"ends_at": NOW + 24 * AGO + 366 * DAY}),
    ("volumes", "known_at.after_interval", {"known_at": NOW - 1.5 * HOUR - SKEW - TICK, "happened_at": NOW - 2 * HOUR},
     {"known_at": NOW - 1.5 * HOUR - SKEW, "happened_at": NOW - 2 * HOUR}),
    ("volumes", "offered_count.between", {"offered_count": -1}, {"offered_count": 0}),
    ("volumes", "interval_s.between", {"interval_s": 0}, {"interval_s": 1}),
    ("assignments", "assigned_at.not_future", {"assigned_at": NOW + 2 * SKEW}, {"assigned_at": NOW + SKEW}),
]  # fmt: skip


def checked(dataset: str, *rows: Mapping[str, Any], parents: Mapping[str, Any] = PARENTS) -> Checked:
    table, faults = tabulate(dataset, rows)
    assert faults == []
    return check(dataset, table, parents=parents, as_of=NOW)


@pytest.mark.parametrize("dataset", datasets())
def test_a_good_row_passes_both_ways(dataset: str) -> None:
    found = checked(dataset, good_row(dataset))
    assert (found.accepted.num_rows, found.quarantined, found.parked.num_rows) == (1, (), 0)
    assert row_faults(dataset, good_row(dataset), as_of=NOW) == []


@pytest.mark.parametrize(("dataset", "rule", "broken", "kept"), NEAR_MISSES)
def test_a_rule_refuses_the_row_and_passes_its_neighbour(
    dataset: str, rule: str, broken: Mapping[str, Any], kept: Mapping[str, Any]
) -> None:
    assert [f.rule for f in checked(dataset, good_row(dataset, **broken)).quarantined] == [rule]
    assert [f.rule for f in row_faults(dataset, good_row(dataset, **broken), as_of=NOW)] == [rule]
    assert checked(dataset, good_row(dataset, **kept)).quarantined == ()
    assert row_faults(dataset, good_row(dataset, **kept), as_of=NOW) == []


def test_every_rule_that_a_person_wrote_has_its_near_miss() -> None:
    judged = {(dataset, rule) for dataset, rule, _, _ in NEAR_MISSES}
    by_type = (".required", ".length", ".between", ".finite", ".one_of", ".pattern", ".items", ".not_ancient")
    written = {(d, r.name) for d in datasets() for r in contract(d).row_rules if not r.name.endswith(by_type)}
    shared = ("happened_at.", "known_at.not_future", "known_at.after_happening")
    unreachable = {("utterances", "text.not_blank"), ("utterances", "spoken_at.not_future")}
    missing = {pair for pair in written - judged if not pair[1].startswith(shared)} - unreachable
    assert missing == set()


@pytest.mark.parametrize("dataset", datasets())
def test_no_time_is_earlier_than_the_clocks_of_computers(dataset: str) -> None:
    for name in (column.name for column in contract(dataset).columns if pa.types.is_timestamp(column.arrow)):
        early, first = (good_row(dataset, **{name: moment}) for moment in (EPOCH - TICK, EPOCH))
        assert f"{name}.not_ancient" in [fault.rule for fault in row_faults(dataset, early, as_of=NOW)]
        assert f"{name}.not_ancient" in [fault.rule for fault in checked(dataset, early).quarantined]
        assert f"{name}.not_ancient" not in [fault.rule for fault in row_faults(dataset, first, as_of=NOW)]


@pytest.mark.parametrize("dataset", datasets())
def test_every_required_column_is_required(dataset: str) -> None:
    for column in (column for column in contract(dataset).columns if column.required):
        faults = row_faults(dataset, good_row(dataset, **{column.name: None}), as_of=NOW)
        assert f"{column.name}.required" in [fault.rule for fault in faults]


@pytest.mark.parametrize("dataset", datasets())
def test_every_optional_column_may_be_null(dataset: str) -> None:
    loose = {"predictions": {"version", "approval"}}
    for column in (column for column in contract(dataset).columns if not column.required):
        if column.name not in loose.get(dataset, set()):
            assert row_faults(dataset, good_row(dataset, **{column.name: None}), as_of=NOW) == []


def test_a_fault_says_rule_column_value_and_holds_the_row() -> None:
    fault = checked("ratings", good_row("ratings", score=9)).quarantined[0]
    assert (fault.dataset, fault.row_id, fault.rule) == ("ratings", "g1", "score.between")
    assert (fault.column, fault.value) == ("score", "9")
    assert fault.message == "score must be at least 1 and at most 5"
    assert fault.row == good_row("ratings", score=9)


def test_a_row_is_quarantined_with_every_rule_that_it_breaks() -> None:
    found = checked("segments", good_row("segments", wait_s=-1.0, kind="human", handle_s=1.0))
    assert [fault.rule for fault in found.quarantined] == ["kind.one_of", "wait_s.between", "handle_s.is_sum"]
    assert found.accepted.num_rows == 0


def test_good_rows_pass_beside_bad_ones_in_their_order() -> None:
    rows = [good_row("ratings", rating_id=f"g{n}", score=n) for n in range(8)]
    found = checked("ratings", *rows)
    assert found.accepted["score"].to_pylist() == [1, 2, 3, 4, 5]
    assert [fault.row_id for fault in found.quarantined] == ["g0", "g6", "g7"]


def test_a_row_told_twice_is_one_row_as_it_was_known_first() -> None:
    late = good_row("ratings", event_id="e2", known_at=NOW)
    early = good_row("ratings", event_id="e1", known_at=NOW - HOUR)
    found = checked("ratings", late, early, late)
    assert found.accepted["event_id"].to_pylist() == ["e1"]
    assert (found.repeated_count, found.quarantined) == (2, ())


def test_of_a_broken_and_a_sound_telling_of_one_row_the_sound_one_stays() -> None:
    future = good_row("ratings", event_id="e1", known_at=NOW + DAY)
    found = checked("ratings", future, good_row("ratings", event_id="e2"))
    assert found.accepted["event_id"].to_pylist() == ["e2"]
    assert (found.repeated_count, found.quarantined) == (1, ())


def test_rows_with_one_key_and_different_bodies_are_all_quarantined() -> None:
    rows = [good_row("ratings", score=4), good_row("ratings", score=5), good_row("ratings", score=4)]
    found = checked("ratings", *rows, good_row("ratings", rating_id="g2"))
    assert [fault.rule for fault in found.quarantined] == ["key.conflict"] * 3
    assert found.accepted["rating_id"].to_pylist() == ["g2"]
    assert found.repeated_count == 0


def test_a_new_revision_is_not_a_conflict() -> None:
    rows = [good_row("contacts"), good_row("contacts", revision=1, reopened=True, outcome="open")]
    assert checked("contacts", *rows).accepted.num_rows == 2


def test_a_row_whose_parent_is_late_is_parked_and_passes_when_it_comes() -> None:
    row = good_row("segments", contact_id="c9")
    early = checked("segments", row)
    assert (early.accepted.num_rows, early.parked["contact_id"].to_pylist()) == (0, ["c9"])
    later = check("segments", early.parked, parents={**PARENTS, "contacts": {"c9"}}, as_of=NOW)
    assert (later.accepted.num_rows, later.parked.num_rows) == (1, 0)


def test_a_row_without_a_parent_waits_for_nobody() -> None:
    assert checked("segments", good_row("segments", agent_id=None)).parked.num_rows == 0


def test_a_parent_dataset_that_nobody_gave_has_no_keys() -> None:
    assert checked("utterances", good_row("utterances"), parents={}).parked.num_rows == 1


def test_a_broken_row_is_quarantined_even_if_its_parent_is_late() -> None:
    found = checked("segments", good_row("segments", contact_id="c9", wait_s=-1.0))
    assert (len(found.quarantined), found.parked.num_rows) == (1, 0)


def test_no_row_is_lost() -> None:
    rows = [
        good_row("segments"),
        good_row("segments", event_id="again"),
        good_row("segments", segment_id="s2", wait_s=-1.0),
        good_row("segments", segment_id="s3", contact_id="c9"),
        good_row("segments", segment_id="s4"),
        good_row("segments", segment_id="s4", queue="sales"),
    ]
    found = checked("segments", *rows)
    refused = {(fault.row_id, fault.row["queue"]) for fault in found.quarantined}
    assert found.accepted.num_rows + found.parked.num_rows + found.repeated_count + len(refused) == len(rows)


def test_an_empty_batch_is_remarked_on_and_stops_nothing() -> None:
    found = checked("contacts")
    assert [fault.rule for fault in found.remarks] == ["rows.some"]
    assert found.batch_faults == ()


@pytest.mark.parametrize(("days", "stopped"), [(14, False), (15, True)])
def test_a_feed_that_has_stopped_stops_the_batch(days: int, stopped: bool) -> None:
    table, _ = tabulate("contacts", [good_row("contacts", known_at=NOW)])
    found = check("contacts", table, parents={}, as_of=NOW + days * DAY)
    assert [fault.rule for fault in found.batch_faults] == (["known_at.fresh"] if stopped else [])


def test_history_is_old_by_nature() -> None:
    table, _ = tabulate("contacts", [good_row("contacts", backfilled=True)])
    assert check("contacts", table, parents={}, as_of=NOW + 9999 * DAY).batch_faults == ()


@pytest.mark.parametrize(("repeated", "remarked"), [(9, False), (10, True)])
def test_a_replayed_export_is_remarked_on(repeated: int, remarked: bool) -> None:
    rows = [good_row("ratings", rating_id=f"g{n}") for n in range(10)]
    found = checked("ratings", *rows, *rows[:repeated])
    assert ("repeats.few" in [fault.rule for fault in found.remarks]) == remarked


def test_a_table_without_a_column_is_refused_by_name() -> None:
    with pytest.raises(MissingColumn, match="score"):
        check("ratings", tabulate("ratings", [])[0].drop_columns(["score"]), parents={}, as_of=NOW)


def test_a_table_of_other_types_is_refused() -> None:
    table = pa.table({name: pa.array(["x"]) for name in schema("ratings").names})
    with pytest.raises(InputError, match="other types"):
        check("ratings", table, parents={}, as_of=NOW)


def test_an_unknown_dataset_is_refused() -> None:
    with pytest.raises(UnknownDataset, match="ratings"):
        row_faults("complaints", {}, as_of=NOW)


def test_an_unknown_column_and_a_wrong_type_are_told_by_the_row_path_too() -> None:
    faults = row_faults("ratings", good_row("ratings", stars=5, score="five"), as_of=NOW)
    assert [fault.rule for fault in faults] == ["unknown", "score.type"]


def test_texts_in_other_arrow_forms_and_columns_in_another_order_are_read_all_the_same() -> None:
    table, _ = tabulate("ratings", [good_row("ratings"), good_row("ratings", rating_id="g2", score=9)])
    table = table.set_column(0, "rating_id", table["rating_id"].cast(pa.large_string()))
    table = table.set_column(3, "comment", table["comment"].dictionary_encode())
    found = check("ratings", table.select(table.column_names[::-1]), parents={}, as_of=NOW)
    assert found.accepted["rating_id"].to_pylist() == ["g1"]
    assert found.accepted.schema == schema("ratings")
    assert [fault.rule for fault in found.quarantined] == ["score.between"]


def test_a_table_in_many_pieces_is_read_as_one() -> None:
    pieces = [tabulate("agents", [good_row("agents", agent_id=f"a{n % 3}", languages=["en"] * n)])[0] for n in range(4)]
    found = check("agents", pa.concat_tables(pieces), parents={}, as_of=NOW)
    assert found.accepted["agent_id"].to_pylist() == ["a1", "a2"]
    assert [fault.rule for fault in found.quarantined] == ["key.conflict"] * 2
