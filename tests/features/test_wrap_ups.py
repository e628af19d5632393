"""Wrap-up codes as weak labels: they teach at the weight that they earn, and never judge."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.arrow import table
from data_contracts.errors import InputError
from features import code_map, intent, wrap_ups
from features.code_map import CodeMap
from features.labels import intent_labels
from features.params import IntentDataParams, LabelParams
from tests.features.test_intent import AS_OF, said, tables
from tests.features.test_labels import LATER, T0, contact, labelled, leg, verdict
from tests.features.test_labels import intent as defined

PARAMS = LabelParams()
TAXONOMY = [defined("card"), defined("loan"), defined("login")]


def codes(folder: Path, text: str) -> CodeMap:
    path = folder / "codes.yaml"
    path.write_text(text, encoding="utf-8")
    return code_map.load(path, shown="codes.yaml")


def coded(legs: list[dict[str, Any]], mapping: CodeMap | None, **others: Any) -> wrap_ups.Coded:
    known = {"intents": table("intents", TAXONOMY), **others}
    return wrap_ups.coded(table("segments", legs), codes=mapping, as_of=LATER, **known)


def labels(told: wrap_ups.Coded, *, verdicts: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    empty = table("predictions", [])
    said = (table("verdicts", verdicts or []), table("segments", []), empty)
    return list(intent_labels(*said, params=PARAMS, as_of=LATER, coded=told).to_pylist())


def test_a_mapped_code_is_a_weak_label_with_the_weight_of_its_line(tmp_path: Path) -> None:
    mapping = codes(tmp_path, "codes: {CB-17: card, L: {intent: loan, weight: 0.2}}")

    found = labels(coded([leg(disposition_code="CB-17"), leg("c2", disposition_code="L")], mapping))

    told = [(one["contact_id"], one["label"], one["label_source"], one["weight"]) for one in found]
    assert told == [("c1", "card", "wrap_up_code", PARAMS.weight_wrap_up), ("c2", "loan", "wrap_up_code", 0.2)]


def test_a_correction_outranks_the_code_and_keeps_what_it_said(tmp_path: Path) -> None:
    told = coded([leg(disposition_code="CB-17")], codes(tmp_path, "codes: {CB-17: card}"))

    (found,) = labels(told, verdicts=[verdict("v1", instead="loan")])

    assert (found["label"], found["label_source"]) == ("loan", "corrected")
    assert (found["code"], found["code_intent"]) == ("CB-17", "card")


def test_a_line_by_channel_and_queue_holds_there_alone(tmp_path: Path) -> None:
    mapping = codes(tmp_path, "scopes: [{channel: voice, queue: q, codes: {G: card}}]")
    legs = [leg(disposition_code="G"), leg("c2", disposition_code="G"), leg("c3", disposition_code="G", queue="other")]
    contacts = table("contacts", [contact("c1"), contact("c2", channel="chat"), contact("c3")])

    told = coded(legs, mapping, contacts=contacts)

    assert [one["contact_id"] for one in labels(told)] == ["c1"]
    assert told.told()["unmapped"] == [["G", 2]]


def test_ignored_and_unmapped_codes_are_counted_the_most_frequent_first(tmp_path: Path) -> None:
    given = ["OTHER", "X", "Y", "Y", "card"]
    legs = [leg(f"c{place}", disposition_code=code) for place, code in enumerate(given)]

    told = coded(legs, codes(tmp_path, "codes: {OTHER: ignore}")).told()

    assert (told["legs"], told["mapped"], told["ignored"]) == (5, 1, 1)
    assert told["unmapped"] == [["Y", 2], ["X", 1]]


def two_legs(first: str, second: str, *, outcome: str = "answered") -> list[dict[str, Any]]:
    later = {"segment_id": "c1.t", "sequence": 1, "at": T0 + timedelta(minutes=3)}
    return [leg(disposition_code=first, outcome=outcome), leg(disposition_code=second, **later)]


def test_the_leg_that_solved_speaks_and_one_that_handed_on_does_not() -> None:
    (found,) = labels(coded(two_legs("card", "loan", outcome="transferred"), None))
    assert found["label"] == "loan"


def test_two_solving_legs_with_different_codes_are_ambiguous_and_counted() -> None:
    told = coded(two_legs("card", "loan"), None)
    assert (labels(told), told.ambiguous) == ([], 1)


def test_two_solving_legs_with_one_intent_are_not_ambiguous() -> None:
    told = coded(two_legs("card", "card"), None)
    assert ([one["label"] for one in labels(told)], told.ambiguous) == (["card"], 0)


def test_where_the_solver_said_nothing_the_one_who_handed_on_is_not_heard(tmp_path: Path) -> None:
    told = coded(two_legs("card", "OTHER", outcome="transferred"), codes(tmp_path, "codes: {OTHER: ignore}"))
    assert labels(told) == []


def test_a_line_to_an_unknown_intent_is_refused_with_its_line_and_what_is_alike(tmp_path: Path) -> None:
    mapping = codes(tmp_path, "codes:\n  A: card\n  B: cardd")
    with pytest.raises(InputError, match=r"code B .*expected card.*came cardd.*codes\.yaml line 3"):
        coded([leg(disposition_code="A")], mapping)


def test_lines_of_a_source_that_is_not_there_are_not_looked_at(tmp_path: Path) -> None:
    mapping = codes(tmp_path, "scopes: [{source: elsewhere, codes: {A: no_such_intent}}]")
    assert coded([leg(disposition_code="A")], mapping).told()["unmapped"] == [["A", 1]]


def test_without_a_taxonomy_and_a_file_a_code_is_taken_at_its_word_and_with_a_file_it_is_not(tmp_path: Path) -> None:
    legs, none = [leg(disposition_code="free words")], table("intents", [])

    assert [one["label"] for one in labelled([], legs=legs)] == ["free words"]
    assert labels(coded(legs, codes(tmp_path, "codes: {A: card}"), intents=none)) == []


def test_agreement_counts_corrected_contacts_and_not_those_asked_about_in_doubt() -> None:
    rows = [("card", "corrected", None, "A", "card"), ("loan", "corrected", None, "A", "card"),
            ("card", "corrected", "settle", "A", "card"), ("card", "wrap_up_code", None, "A", "card")]  # fmt: skip
    told = pd.DataFrame(rows, columns=["label", "label_source", "asked", "code", "code_intent"])

    found = wrap_ups.agreement(told)

    assert found.loc["A"].to_dict() == {"checked": 2, "agreed": 1}


def test_a_learned_weight_is_the_square_of_the_shrunk_agreement_where_enough_were_checked() -> None:
    found = pd.DataFrame({"checked": [40, 29, 31], "agreed": [36, 29, 15]}, index=["A", "B", "C"])

    told = wrap_ups.learned_weights(found)

    shared = 80 / 100
    assert told.to_dict() == {
        "A": pytest.approx(((36 + 10 * shared) / 50) ** 2, abs=1e-6),
        "C": pytest.approx(((15 + 10 * shared) / 41) ** 2, abs=1e-6),
    }


def small_centre(*, agree: int = 60) -> dict[str, pa.Table]:
    """200 contacts, an hour apart, all coded "A": of the first 100 an agent's word is known, `agree` times card."""
    rows = [said(f"c{n:03d}", f"words {n}", "card" if n < agree else "loan", at=T0 + timedelta(hours=n))
            for n in range(100)]  # fmt: skip
    others = [said(f"d{n:03d}", f"other words {n}", "card", at=T0 + timedelta(hours=n)) for n in range(100)]
    given = tables(rows + others)
    legs = [leg(row["contacts"]["contact_id"], at=row["contacts"]["started_at"], disposition_code="A",
                segment_id=row["contacts"]["contact_id"]) for row in rows + others]  # fmt: skip
    own = {row["contacts"]["contact_id"] for row in rows}
    spoken = given["verdicts"].filter(pa.array([one in own for one in given["verdicts"]["contact_id"].to_pylist()]))
    return {**given, "segments": table("segments", legs), "verdicts": spoken, "intents": table("intents", TAXONOMY)}


def built(folder: Path, mapping: CodeMap, **others: Any) -> tuple[dict[str, Any], pd.DataFrame]:
    told = intent.build(small_centre(**others), params=IntentDataParams(), labels=PARAMS, as_of=AS_OF, to=folder,
                        codes=mapping)  # fmt: skip
    return told, pq.read_table(folder / "intent" / "examples.parquet").to_pandas()


def test_codes_teach_and_neither_calibrate_nor_judge(tmp_path: Path) -> None:
    told, found = built(tmp_path, codes(tmp_path, "codes: {A: card}"))

    weak = found[found["label_source"] == "wrap_up_code"]
    assert set(weak["part"]) == {"train"}
    assert len(weak) == 70
    assert told["left_out"]["coded_and_so_no_sample"] == 30
    assert told["wrap_up_codes"]["mapped"] == 200


def test_a_file_of_codes_makes_the_exam_no_other_one(tmp_path: Path) -> None:
    exams = [
        set(found.loc[found["part"] == "judge", "example_id"])
        for name, text in (("with", "codes: {A: card}"), ("without", "codes: {B: card}"))
        for _, found in [built(tmp_path / name, codes(tmp_path, text))]
    ]
    assert exams[0] == exams[1]


def test_a_learned_weight_comes_from_the_rows_that_teach_alone(tmp_path: Path) -> None:
    _, found = built(tmp_path, codes(tmp_path, "codes: {A: {intent: card, weight: learned}}"), agree=40)

    taught = found[found["part"] == "train"]
    weak = taught.loc[taught["label_source"] == "wrap_up_code", "weight"]
    spoken = taught.loc[(taught["label_source"] == "corrected") & (taught["label"] == "card"), "weight"]
    shared = 40 / 70  # of the 100 that were checked 70 teach: 40 agree
    assert list(weak / spoken.iloc[0]) == pytest.approx([((40 + 10 * shared) / 80) ** 2] * 70, abs=1e-6)


def test_codes_of_some_intents_leave_the_mix_of_intents_as_people_have_it(tmp_path: Path) -> None:
    _, found = built(tmp_path, codes(tmp_path, "codes: {A: card}"), agree=40)

    taught = found[found["part"] == "train"]
    share = taught.groupby("label")["weight"].sum() / taught["weight"].sum()
    assert share["card"] == pytest.approx(40 / 70)
    assert taught["weight"].sum() == pytest.approx(70 + 70 * PARAMS.weight_wrap_up)


def test_an_intent_that_only_codes_name_keeps_its_weight(tmp_path: Path) -> None:
    _, found = built(tmp_path, codes(tmp_path, "codes: {A: login}"))

    weak = found[found["label_source"] == "wrap_up_code"]
    assert set(weak["label"]) == {"login"}
    assert set(weak["weight"]) == {PARAMS.weight_wrap_up}
