"""Examples: parts that stay, texts that sit in one of them only."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.arrow import table
from features import intent
from features.params import IntentDataParams, LabelParams
from features.text import normalise
from tests.features.centre import common

T0 = datetime(2026, 4, 1, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)


def said(
    name: str, text: str, label: str, *, at: datetime | None, agent: str | None = "ann"
) -> dict[str, dict[str, Any]]:
    """A contact of one turn with its label, at a time or (None) without one."""
    told = common(at or EPOCH) | {"timeless": at is None}
    about = {"contact_id": name, "revision": 0, "channel": "chat", "direction": "inbound", "queue": "q", "priority": 0}
    about |= {"started_at": at or EPOCH, "ended_at": at or EPOCH, "outcome": "answered", "reopened": False}
    turn = {"contact_id": name, "turn": 0, "speaker": "customer", "text": text, "spoken_at": at or EPOCH}
    spoken = {"verdict_id": f"{name}.v", "contact_id": name, "capability": "intent", "verdict": "labelled"}
    spoken |= {"instead": label, "prompted": False, "agent_id": None if at is None else agent}
    return {"contacts": about | told, "utterances": turn | told, "verdicts": spoken | told}


def tables(rows: list[dict[str, dict[str, Any]]]) -> dict[str, pa.Table]:
    return {name: table(name, [row[name] for row in rows]) for name in ("contacts", "utterances", "verdicts")}


def build(
    rows: list[dict[str, dict[str, Any]]], to: Path, **params: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    told = intent.build(tables(rows), params=IntentDataParams(**params), labels=LabelParams(), as_of=AS_OF, to=to)
    return told, pq.read_table(to / "intent" / "examples.parquet").to_pylist()


def timed(count: int, label: str = "card", *, start: datetime = T0) -> list[dict[str, dict[str, Any]]]:
    return [said(f"{label}{n:03d}", f"{label} words {n}", label, at=start + timedelta(hours=n)) for n in range(count)]


def test_the_last_fifth_of_the_time_judges(tmp_path: Path) -> None:
    told, rows = build(timed(200), tmp_path)
    assert told["parts"] == {"train": 140, "calibrate": 20, "judge": 40}
    latest = {part: max(r["happened_at"] for r in rows if r["part"] == part) for part in told["parts"]}
    assert latest["train"] < latest["calibrate"] < latest["judge"]


def test_an_intent_born_after_the_cut_is_learned_from_its_own_first_rows(tmp_path: Path) -> None:
    rows = timed(300) + timed(40, "newborn", start=T0 + timedelta(hours=270))
    _, found = build(rows, tmp_path)
    parts = [r["part"] for r in found if r["label"] == "newborn"]
    assert (parts.count("train"), parts.count("judge")) == (28, 8)


def test_a_text_sits_in_one_part_only_that_of_its_first_occurrence(tmp_path: Path) -> None:
    rows = timed(100)
    rows[95] = said("card095", "CARD   words 3", "card", at=T0 + timedelta(hours=95))
    told, found = build(rows, tmp_path)
    home: dict[str, set[str]] = {}
    for row in found:
        home.setdefault(normalise(row["text"]), set()).add(row["part"])
    assert all(len(parts) == 1 for parts in home.values())
    assert told["left_out"]["text_already_in_another_part"] == 1
    assert home["card words 3"] == {"train"}


def test_timeless_texts_keep_their_part_when_others_come(tmp_path: Path) -> None:
    few = [said(f"t{n}", f"text number {n}", f"l{n % 2}", at=None) for n in range(100)]
    more = few + [said(f"u{n}", f"another {n}", f"l{n % 2}", at=None) for n in range(300)]
    told, before = build(few, tmp_path / "a")
    _, after = build(more, tmp_path / "b")
    kept = {r["example_id"]: r["part"] for r in after}
    assert all(kept[r["example_id"]] == r["part"] for r in before)
    assert told["timeless"] is True
    assert told["period"] == []
    assert all(r["timeless"] for r in before)


def test_a_label_of_few_texts_can_still_be_learned(tmp_path: Path) -> None:
    rows = [said(f"t{n}", f"rare {n}", f"label{n // 2}", at=None) for n in range(60)]
    _, found = build(rows, tmp_path)
    assert {r["label"] for r in found if r["part"] == "train"} == {f"label{n}" for n in range(30)}


def test_the_most_recent_rows_of_an_intent_train(tmp_path: Path) -> None:
    told, found = build(timed(200), tmp_path, max_rows=10)
    kept = sorted(r["contact_id"] for r in found if r["part"] == "train")
    assert kept == [f"card{n:03d}" for n in range(130, 140)]
    assert told["left_out"]["above_the_cap"] == 130


def test_texts_of_no_intent_are_a_part_of_their_own_that_holds_nothing_an_intent_has(tmp_path: Path) -> None:
    strange = timed(30, "weather")
    known_too = said("known-too", "card words 3", "weather", at=T0 + timedelta(hours=3))

    told, rows = build([*timed(200), *strange, known_too], tmp_path, out_of_scope={"weather": "out-of-domain"})

    assert told["parts"] == {"train": 140, "calibrate": 20, "judge": 40, "outside": 30}
    assert told["intents"] == 1
    assert {row["label"] for row in rows if row["part"] == "outside"} == {"weather"}
    assert {row["label"] for row in rows if row["part"] != "outside"} == {"card"}
    assert told["left_out"]["outside_every_intent_and_not_asked"] == 1


def test_texts_in_which_nothing_is_read_are_left_out_and_counted(tmp_path: Path) -> None:
    told, rows = build([*timed(20), said("smile", "😀", "card", at=T0)], tmp_path)

    assert told["left_out"]["nothing_that_is_read"] == 1
    assert len(rows) == 20


def test_what_was_said_after_the_routing_is_not_in_the_text(tmp_path: Path) -> None:
    rows = timed(20)
    given = tables(rows)
    late = {
        "contact_id": "card000",
        "turn": 1,
        "speaker": "customer",
        "text": "and my loan",
        "spoken_at": T0 + timedelta(minutes=9),
    }
    given["utterances"] = pa.concat_tables([given["utterances"], table("utterances", [late | common(T0)])])
    leg = {"segment_id": "s", "contact_id": "card000", "sequence": 0, "kind": "agent", "queue": "q", "agent_id": "ann"}
    leg |= {"offered_at": T0 + timedelta(minutes=3), "ended_at": T0 + timedelta(minutes=9), "outcome": "answered"}
    with_leg = given | {"segments": table("segments", [leg | common(T0)])}
    texts = [
        intent.examples(told, params=IntentDataParams(), labels=LabelParams(), as_of=AS_OF)
        .set_index("contact_id")
        .at["card000", "text"]
        for told in (given, with_leg)
    ]
    assert texts == ["card words 0\nand my loan", "card words 0"]


def test_a_correction_of_an_answer_without_a_recorded_contact_teaches_too(tmp_path: Path) -> None:
    turns = '{"turns":[{"speaker":"customer","text":"close my account"}]}'
    asked = {"prediction_id": "p1", "contact_id": "unrecorded", "capability": "intent", "answer_source": "baseline"}
    asked |= {"answer": "{}", "features": turns, "verdict_asked": False, "verdict_probability": 0.01}
    spoken = {"verdict_id": "v", "prediction_id": "p1", "capability": "intent", "verdict": "wrong", "agent_id": "ann"}
    spoken |= {"instead": "closing", "prompted": False}
    given = {
        "predictions": table("predictions", [asked | common(T0)]),
        "verdicts": table("verdicts", [spoken | common(T0)]),
    }
    found = intent.examples(given, params=IntentDataParams(), labels=LabelParams(), as_of=AS_OF)
    assert found[["text", "label", "label_source"]].to_numpy().tolist() == [
        ["close my account", "closing", "corrected"]
    ]


def test_banking77_is_parted_seven_one_two_within_its_intents(real_data: Path, tmp_path: Path) -> None:
    from centre.intake import intent_csv
    from data_contracts.events import DATASET_OF, dataset_row

    path = real_data / "intent" / "banking77" / "train.csv"
    if not path.is_file():
        pytest.skip("no banking77/train.csv")
    rows: dict[str, list[dict[str, Any]]] = {}
    for event in intent_csv.read(path, source="b77", time_zone=None, clock_now=AS_OF).events:
        rows.setdefault(DATASET_OF[event.type], []).append(dataset_row(event))
    given = {name: table(name, told) for name, told in rows.items()}
    told = intent.build(given, params=IntentDataParams(), labels=LabelParams(), as_of=AS_OF, to=tmp_path)
    shares = {part: count / told["rows"] for part, count in told["parts"].items()}
    assert told["intents"] == 77
    assert told["rows"] > 9_900
    assert shares["train"] == pytest.approx(0.7, abs=0.02)
    assert shares["judge"] == pytest.approx(0.2, abs=0.02)
    found = pq.read_table(tmp_path / "intent" / "examples.parquet", columns=["label", "part"]).to_pylist()
    assert len({r["label"] for r in found if r["part"] == "judge"}) == 77


def test_the_taxonomy_as_known_then_is_written_beside_the_rows(tmp_path: Path) -> None:
    def defined(name: str, revision: int, at: datetime, **told: Any) -> dict[str, Any]:
        flags = {"critical": False, "automatable": False}
        return {"intent_id": name, "revision": revision, "name_en": name, **flags, **told, **common(at)}

    rows = [
        defined("card", 0, T0), defined("card_lost", 0, T0, parent_id="card"),
        defined("card_lost", 1, T0 + timedelta(hours=1), parent_id="card", critical=True),
        defined("lost_card", 0, T0, critical=True, deprecated_by="card_lost"),
        defined("card", 1, AS_OF + timedelta(hours=1), critical=True),
    ]  # fmt: skip
    known = {**tables(timed(200)), "intents": table("intents", rows)}

    intent.build(known, params=IntentDataParams(), labels=LabelParams(), as_of=AS_OF, to=tmp_path)

    assert json.loads((tmp_path / "intent" / "taxonomy.json").read_text(encoding="utf-8"))["intents"] == {
        "card": {"parent": None, "critical": False},
        "card_lost": {"parent": "card", "critical": True},
    }


def test_without_a_taxonomy_the_file_says_that_nothing_is_told(tmp_path: Path) -> None:
    build(timed(200), tmp_path)

    assert json.loads((tmp_path / "intent" / "taxonomy.json").read_text(encoding="utf-8")) == {"intents": {}}
