"""The contracts' files: real ODCS, the columns that were agreed, and no rule that is skipped."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from data_contracts.contracts import COMMON_PART, FOLDER, compiled, contract, datasets, read_yaml
from data_contracts.errors import ContractError, UnknownDataset
from tests.data_contracts import odcs_shape

AGREED = {
    "customers": "customer_id* revision* name? language? customer_segment? region? joined_on? consent_training?",
    "agents": "agent_id* revision* name? team? hired_on? languages skills status",
    "intents": "intent_id* revision* name_en name_zh? parent_id? critical automatable deprecated_by?",
    "contacts": "contact_id* revision* conversation_id? parent_contact_id? business_unit? channel direction queue "
    "topic? language? customer_id? priority started_at ended_at outcome reopened",
    "segments": "segment_id* contact_id sequence kind queue agent_id? queued_at? offered_at? answered_at? ended_at "
    "wait_s? talk_s? hold_s? wrap_up_s? handle_s? disposition_code? outcome transferred_to?",
    "agent_states": "agent_id* changed_at* state concurrent_count?",
    "utterances": "contact_id* turn* speaker text language? spoken_at",
    "recordings": "recording_id* contact_id uri channel_count started_at duration_s consent",
    "operations": "operation_id* agent_id contact_id? tool action started_at duration_s?",
    "decisions": "decision_id* revision* contact_id? attempt? queue? eligible? scores? idle_s? chosen_agent_id? "
    "propensity? policy? policy_version? prediction_id? followed? actual_agent_id?",
    "predictions": "prediction_id* contact_id? capability answer_source version? approval? answer confidence? features "
    "degraded verdict_asked verdict_probability",
    "verdicts": "verdict_id* prediction_id? contact_id? capability agent_id? verdict instead? prompted asked? weight?",
    "ratings": "rating_id* contact_id score comment?",
    "articles": "article_id* revision* title body language intent_ids",
    "roster": "agent_id* starts_at* ends_at activity queue?",
    "calendar_events": "calendar_event_id* revision* kind name starts_at ends_at queues? into? cancelled? reason?",
    "volumes": "queue* interval_start* interval_s channel? offered_count handled_count? "
    "abandoned_count? handle_mean_s?",
    "assignments": "experiment* unit_id* arm assigned_at",
}
"""Own columns by dataset: * is a part of the key, ? may be null."""

PERSONAL = {
    ("customers", "name"),
    ("customers", "region"),
    ("agents", "name"),
    ("utterances", "text"),
    ("ratings", "comment"),
    ("recordings", "uri"),
}


@pytest.mark.parametrize("dataset", datasets())
def test_every_file_is_an_odcs_contract(dataset: str) -> None:
    jsonschema.validate(read_yaml(FOLDER / f"{dataset}.odcs.yaml"), odcs_shape.CONTRACT)


def test_the_shared_columns_are_an_odcs_part() -> None:
    jsonschema.validate(read_yaml(COMMON_PART), odcs_shape.COMMON_PART)


def test_every_contract_file_is_a_dataset() -> None:
    assert {path.name.split(".")[0] for path in FOLDER.glob("*.odcs.yaml")} == set(datasets())


@pytest.mark.parametrize("dataset", datasets())
def test_the_columns_are_those_that_were_agreed(dataset: str) -> None:
    told = contract(dataset)
    written = [f"{c.name}{'*' if c.key else '' if c.required else '?'}" for c in told.own_columns]
    assert " ".join(written) == AGREED[dataset]
    assert list(told.keys) == [word[:-1] for word in AGREED[dataset].split() if word.endswith("*")]


@pytest.mark.parametrize("dataset", datasets())
def test_every_dataset_ends_with_the_common_columns(dataset: str) -> None:
    shared = [column.name for column in contract(dataset).columns if column.common]
    assert shared == ["happened_at", "known_at", "source", "event_id", "backfilled", "simulated", "timeless"]
    assert all(column.required for column in contract(dataset).columns if column.common)


def test_personal_columns_are_classified_so_and_no_others() -> None:
    found = {(d, c.name) for d in datasets() for c in contract(d).columns if c.classification == "personal"}
    assert found == PERSONAL


def test_whatever_names_a_person_is_at_least_a_pseudonym() -> None:
    for dataset in datasets():
        for column in contract(dataset).own_columns:
            if column.name.removeprefix("chosen_").removeprefix("actual_") in ("customer_id", "agent_id", "contact_id"):
                assert column.classification == "pseudonym", (dataset, column.name)


@pytest.mark.parametrize("dataset", datasets())
def test_every_number_and_time_says_its_unit(dataset: str) -> None:
    own = contract(dataset).own_columns
    assert [c.name for c in own if c.logical in ("number", "integer", "timestamp") and not c.unit] == []
    assert all(c.unit == "s" for c in own if c.name.endswith("_s"))


@pytest.mark.parametrize("dataset", datasets())
def test_every_dataset_says_what_it_is_and_how_long_it_is_kept(dataset: str) -> None:
    told = contract(dataset)
    assert told.retention_days >= 30
    assert told.purpose
    assert told.grain


def test_parents_come_before_what_refers_to_them() -> None:
    order = datasets()
    for dataset in order:
        for reference in contract(dataset).reference_rules:
            assert order.index(reference.parent) < order.index(dataset)
            assert reference.parent_column in contract(reference.parent).keys


def test_only_the_agreed_references_park_a_row() -> None:
    found = {(d, r.column, r.parent) for d in datasets() for r in contract(d).reference_rules}
    assert found == {
        ("segments", "contact_id", "contacts"),
        ("segments", "agent_id", "agents"),
        ("utterances", "contact_id", "contacts"),
    }


def test_an_unknown_dataset_names_the_known() -> None:
    with pytest.raises(UnknownDataset, match="customers, agents"):
        contract("../contacts")


Document = dict[str, Any]


def _property(document: Document, name: str) -> Document:
    found: Document = next(told for told in document["schema"][0]["properties"] if told["name"] == name)
    return found


def _add_quality(**told: Any) -> Callable[[Document], None]:
    return lambda document: document["schema"][0]["quality"].append({"name": "x", "description": "x", **told})


def _add_custom(**implementation: Any) -> Callable[[Document], None]:
    return _add_quality(type="custom", engine="parley", implementation=implementation)


def _set(name: str, **told: Any) -> Callable[[Document], None]:
    return lambda document: _property(document, name).update(told)


BROKEN: dict[str, Callable[[Document], None]] = {
    "another version of the standard": lambda document: document.update(apiVersion="v2.2.2"),
    "two objects": lambda document: document["schema"].append(document["schema"][0]),
    "no retention": lambda document: document.update(slaProperties=[]),
    "no key": lambda document: _property(document, "rating_id").pop("primaryKey"),
    "a key that may be null": _set("rating_id", required=False),
    "a column twice": lambda document: document["schema"][0]["properties"].append(_property(document, "score")),
    "an unknown physical type": _set("score", physicalType="decimal"),
    "an unknown classification": _set("comment", classification="secret-ish"),
    "an unknown option": _set("score", logicalTypeOptions={"multipleOf": 2}),
    "an unknown normaliser": _set("comment", customProperties=[{"property": "normalise", "value": ["shout"]}]),
    "unique on what is no key": _set("contact_id", unique=True),
    "a length on a number": _set("score", logicalTypeOptions={"maxLength": 3}),
    "a bound on a text": _set("comment", logicalTypeOptions={"minimum": 3}),
    "a pattern with shorthand": _set("comment", logicalTypeOptions={"pattern": r"^\d+$"}),
    "a pattern without anchors": _set("comment", logicalTypeOptions={"pattern": "[0-9]+"}),
    "a pattern that nothing reads": _set("comment", logicalTypeOptions={"pattern": "^([0-9]+$"}),
    "a pattern with lookahead": _set("comment", logicalTypeOptions={"pattern": "^(?=a)b$"}),
    "a rule in SQL": _add_quality(type="sql", query="select 1", mustBe=1),
    "a rule in words": _add_quality(type="text"),
    "a rule for another engine": _add_quality(type="custom", engine="soda", implementation={"rule": "notBlank"}),
    "an unknown custom rule": _add_custom(rule="plausible", column="score"),
    "a rule without its argument": _add_custom(rule="notBefore", later="known_at"),
    "a rule with a strange argument": _add_custom(rule="notBlank", column="comment", mood="strict"),
    "a rule on no column": _add_custom(rule="notBlank", column="remark"),
    "a rule on a column of another type": _add_custom(rule="notBlank", column="score"),
    "a kind of JSON that is none": _add_custom(rule="json", column="comment", holds="tuple"),
    "two rules of one name": _add_quality(
        type="custom", engine="parley", name="score.between", implementation={"rule": "notBlank", "column": "comment"}
    ),
    "a metric without a bound": _add_quality(metric="rowCount"),
    "a metric with two bounds": _add_quality(metric="rowCount", mustBe=1, mustBeLessThan=3),
    "a metric that counts rows of repeats": _add_quality(
        metric="duplicateValues", arguments={"properties": ["rating_id"]}, mustBe=0, unit="rows"
    ),
    "a metric on no column": _add_quality(
        metric="duplicateValues", arguments={"properties": ["id"]}, mustBeLessThan=5, unit="percent"
    ),
    "an unknown severity": _add_quality(metric="rowCount", mustBe=1, severity="fatal"),
    "an enumeration that tolerates": _set(
        "comment", quality=[{"name": "x", "metric": "invalidValues", "arguments": {"validValues": ["a"]}, "mustBe": 5}]
    ),
    "a reference that says nothing of lateness": _set("contact_id", relationships=[{"to": "contacts.contact_id"}]),
    "a freshness in hours": lambda document: document["slaProperties"].append(
        {"property": "freshness", "value": 3, "unit": "h", "element": "ratings.known_at"}
    ),
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_compiled_is_an_error_and_never_skipped(spoil: Callable[[Document], None]) -> None:
    document = copy.deepcopy(read_yaml(FOLDER / "ratings.odcs.yaml"))
    spoil(document)
    with pytest.raises(ContractError):
        _compile_and_read(document)


def test_the_untouched_contract_compiles() -> None:
    assert "score" in _compile_and_read(read_yaml(FOLDER / "ratings.odcs.yaml"))


def _compile_and_read(document: Document) -> list[str]:
    """The columns, each with a reader."""
    from data_contracts.values import reader

    columns = compiled(document, common=read_yaml(COMMON_PART), where="ratings.odcs.yaml").columns
    return [column.name for column in columns if reader(column)]


def test_a_file_that_is_no_yaml_is_a_contract_error(tmp_path: Any) -> None:
    path = tmp_path / "x.odcs.yaml"
    path.write_text("a: [", encoding="utf-8")
    with pytest.raises(ContractError, match=r"x\.odcs\.yaml"):
        read_yaml(path)
