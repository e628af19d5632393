from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.errors import MissingColumn, NotEnoughData, NotFound
from tests.training import learned
from training import intent, intent_figures, loaders, payload
from training.report import Report

PARAMS = learned.params()


def _fit(data: Path, to: Path, *, seed: int = learned.SEED, threads: int = 1, **changed: Any) -> Path:
    params = learned.params(intent=changed).intent
    intent.fit(data, params=params, seed=seed, threads=threads, to=to, encoder_cache=None)
    return to


def _judge(data: Path, candidate: Path, champion: Path | None = None) -> Report:
    return intent.judge(data, candidate=candidate, champion=champion, params=PARAMS, seed=learned.SEED, threads=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learned.write_intents(tmp_path_factory.mktemp("intents"))


@pytest.fixture(scope="module")
def fitted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _fit(data, tmp_path_factory.mktemp("fitted"))


def _changed(data: Path, to: Path, **columns: Any) -> Path:
    """The same examples with some columns computed anew from each row."""
    rows = pq.read_table(data / "examples.parquet").to_pylist()
    to.mkdir(parents=True, exist_ok=True)
    made = [{**row, **{name: compute(row) for name, compute in columns.items()}} for row in rows]
    pq.write_table(pa.Table.from_pylist(made), to / "examples.parquet")
    return to


def _metric(report: Report, name: str) -> float:
    value = next(one.value for one in report.metrics if one.name == name)
    assert value is not None
    return value


def test_the_same_data_and_seed_give_the_same_bytes_on_any_number_of_threads(
    data: Path, fitted: Path, tmp_path: Path
) -> None:
    assert payload.digest(_fit(data, tmp_path / "again", threads=2)) == payload.digest(fitted)


def test_the_report_says_what_the_baseline_is_and_that_it_is_not_served(data: Path, fitted: Path) -> None:
    [told] = [one for one in _judge(data, fitted).limits if one.startswith("baseline: ")]

    assert "keyword rules" in told
    assert "not served" in told


def test_a_report_repeats_byte_for_byte(data: Path, fitted: Path) -> None:
    assert _judge(data, fitted).to_json() == _judge(data, fitted).to_json()


def test_both_languages_are_learned_and_answered(data: Path, fitted: Path) -> None:
    report = _judge(data, fitted)

    assert (report.verdict, report.reasons) == ("passed", ())
    assert _metric(report, "accuracy") > 0.9
    assert report.answers_in == ("en", "zh")


def test_accuracy_is_that_of_counting(data: Path, fitted: Path) -> None:
    model = loaders.open_payload(fitted)
    judged = [row for row in pq.read_table(data / "examples.parquet").to_pylist() if row["part"] == "judge"]
    said = model.answer([row["text"] for row in judged], languages=[row["language"] for row in judged])

    right = [one["alternatives"][0]["intent"] == row["label"] for one, row in zip(said, judged, strict=True)]

    assert _metric(_judge(data, fitted), "accuracy") == pytest.approx(sum(right) / len(right))


def test_a_text_with_more_weight_counts_for_more(data: Path, fitted: Path, tmp_path: Path) -> None:
    heavy = _changed(data, tmp_path / "heavy", weight=lambda row: 9.0 if row["language"] == "zh" else 1.0)
    only = _changed(
        data,
        tmp_path / "only",
        part=lambda row: "x" if row["language"] == "en" and row["part"] == "judge" else row["part"],
    )

    all_rows, of_zh = _metric(_judge(data, fitted), "accuracy"), _metric(_judge(only, fitted), "accuracy")

    assert _metric(_judge(heavy, fitted), "accuracy") == pytest.approx(0.1 * (2 * all_rows - of_zh) + 0.9 * of_zh)


def test_a_language_that_the_calibration_does_not_bear_out_goes_to_a_person(data: Path, tmp_path: Path) -> None:
    labels = list(learned.TOPICS)
    confused = _changed(
        data, tmp_path / "d",
        label=lambda row: labels[hash_of(row["example_id"]) % 4] if row["language"] == "zh" else row["label"],
    )  # fmt: skip

    told = learned.payload_of(_fit(confused, tmp_path / "m"))["languages"]

    assert (told["en"]["answers"], told["zh"]["answers"]) == (True, False)
    answer = loaders.open_payload(tmp_path / "m").answer(["卡丢了"], languages=["zh"])[0]
    assert answer["abstained"]
    assert answer["reason"].startswith("language zh goes to a person: right on")


def hash_of(text: str) -> int:
    return sum(text.encode()) * 7919


def test_a_language_that_nobody_calibrated_goes_to_a_person(fitted: Path) -> None:
    answer = loaders.open_payload(fitted).answer(["Wo ist meine Karte?"], languages=["other"])[0]

    assert (answer["intent"], answer["abstained"]) == (None, True)
    assert "no row of this language" in answer["reason"]


def test_an_empty_text_goes_to_a_person(fitted: Path) -> None:
    assert loaders.open_payload(fitted).answer(["  \u200b "], languages=["en"])[0]["reason"] == "there is no text"


def test_an_answer_below_the_threshold_says_how_unsure_it_is(data: Path, tmp_path: Path) -> None:
    careful = loaders.open_payload(_fit(data, tmp_path / "m", false_refusal=0.5))

    answer = careful.answer(["balance password loan card"], languages=["en"])[0]

    assert answer["abstained"]
    assert answer["reason"].startswith("too unlike what was learned: confidence 0.")
    assert len(answer["alternatives"]) == 3


def test_a_champion_that_does_not_know_an_intent_is_judged_as_it_answers(
    data: Path, fitted: Path, tmp_path: Path
) -> None:
    old = _fit(learned.write_intents(tmp_path / "old", labels=("card_lost", "balance", "password")), tmp_path / "m")

    report = _judge(data, fitted, champion=old)

    against = next(one for one in report.comparisons if one.against == "champion")
    assert report.champion == payload.digest(old)
    assert against.other == pytest.approx(0.75, abs=0.05)  # a quarter of the rows has the intent that it never saw
    assert against.low is not None
    assert against.low > 0


def test_a_candidate_that_lacks_an_intent_fails_against_its_champion(data: Path, fitted: Path, tmp_path: Path) -> None:
    worse = _fit(learned.write_intents(tmp_path / "old", labels=("card_lost", "balance", "password")), tmp_path / "m")

    report = _judge(data, worse, champion=fitted)

    assert report.verdict == "held"
    assert any("never saw" in one for one in report.limits)
    assert "no longer answers: loan" in report.limits


def test_a_report_names_the_intents_that_come_with_a_version(data: Path, fitted: Path, tmp_path: Path) -> None:
    old = _fit(learned.write_intents(tmp_path / "old", labels=("card_lost", "balance", "password")), tmp_path / "m")

    assert "answers intents that the champion does not know: loan" in _judge(data, fitted, champion=old).limits
    assert not any("champion does not know" in one for one in _judge(data, fitted, champion=fitted).limits)


def test_labels_that_are_often_wrong_leave_confidence_truthful(tmp_path: Path) -> None:
    data = learned.write_intents(tmp_path / "d", rows=200, wrong_share=0.2)

    report = _judge(data, _fit(data, tmp_path / "m"))

    excess = next(one for one in report.metrics if one.name == "ece_excess")
    assert excess.low is not None
    assert excess.low < 0.03


def test_an_answer_is_explained_by_its_nearest_examples_and_the_words_that_carried_it(fitted: Path) -> None:
    told = loaders.open_payload(fitted).explain("please the stolen wallet", language="en")

    assert [one["intent"] for one in told["nearest"]][:3] == ["card_lost"] * 3
    assert {one["word"] for one in told["words"][:2]} == {"stolen", "wallet"}
    likeness = [one["likeness"] for one in told["nearest"]]
    assert likeness == sorted(likeness, reverse=True)


def test_of_a_chinese_text_single_characters_are_weighed_and_of_silence_nothing(fitted: Path) -> None:
    model = loaders.open_payload(fitted)

    assert all(len(one["word"]) == 1 for one in model.explain("余额多少", language="zh")["words"])
    assert model.explain("  ", language="zh") == {"nearest": [], "words": []}


def test_the_rows_whose_labels_are_likely_wrong_are_listed_beside_the_payload(tmp_path: Path) -> None:
    def doubts(share: float) -> list[dict[str, object]]:
        data = learned.write_intents(tmp_path / f"d{share}", rows=100, wrong_share=share)
        found: list[dict[str, object]] = json.loads((_fit(data, tmp_path / f"m{share}") / "doubts.json").read_text())[
            "doubts"
        ]
        return found

    clean, noisy = doubts(0.0), doubts(0.15)

    assert len(noisy) - len(clean) >= 0.08 * 8 * 65  # at least half of the wrong ones more than before
    assert noisy[0].keys() == {"example_id", "label", "likely", "trust"}


def test_one_label_is_not_enough(tmp_path: Path) -> None:
    data = learned.write_intents(tmp_path / "d", labels=("loan",))

    with pytest.raises(NotEnoughData, match="different labels"):
        _fit(data, tmp_path / "m")


def test_without_rows_to_calibrate_on_folds_of_the_others_are_left_out(data: Path, tmp_path: Path) -> None:
    bare = _changed(data, tmp_path / "d", part=lambda row: "judge" if row["part"] == "judge" else "train")

    report = _judge(bare, _fit(bare, tmp_path / "m"))

    told = learned.payload_of(tmp_path / "m")["languages"]
    assert told["en"]["rows"] + told["zh"]["rows"] == pytest.approx(4 * 96, rel=0.05)
    assert (report.verdict, report.answers_in) == ("passed", ("en", "zh"))


def test_one_example_of_each_intent_leaves_nothing_to_calibrate_on(data: Path, tmp_path: Path) -> None:
    single = _changed(data, tmp_path / "d", part=lambda row: "train" if row["example_id"].endswith("en-2") else "judge")

    with pytest.raises(NotEnoughData, match="calibrate"):
        _fit(single, tmp_path / "m")


def test_two_labels_and_a_label_of_one_example_are_learned(data: Path, tmp_path: Path) -> None:
    two = learned.write_intents(tmp_path / "two", labels=("loan", "balance"))
    rare = _changed(
        two, tmp_path / "rare", label=lambda row: "rare" if row["example_id"] == "loan-en-2" else row["label"]
    )

    told = learned.payload_of(_fit(rare, tmp_path / "m"))

    assert told["labels"] == ["balance", "loan", "rare"]
    assert _metric(_judge(two, _fit(two, tmp_path / "m2")), "accuracy") > 0.9


def test_a_text_under_two_labels_and_a_label_of_one_example_are_told_in_the_report(data: Path, tmp_path: Path) -> None:
    odd = _changed(
        data, tmp_path / "d",
        text=lambda row: "one and the same" if row["example_id"] in ("loan-en-2", "balance-en-2") else row["text"],
        label=lambda row: "rare" if row["example_id"] == "password-en-2" else row["label"],
    )  # fmt: skip

    limits = _judge(odd, _fit(odd, tmp_path / "m")).limits

    assert any("1 texts stand under more than one label" in one for one in limits)
    assert any("1 labels have one example" in one and "rare" in one for one in limits)


def test_missing_features_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"examples\.parquet"):
        _fit(tmp_path, tmp_path / "m")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "examples.parquet")
    with pytest.raises(MissingColumn, match="no example_id"):
        _fit(tmp_path, tmp_path / "m")


def test_macro_f1_worked_by_hand() -> None:
    # a: 2 x 1 / (1 + 2); b: 2 x 1 / (2 + 1); c: never said
    assert intent_figures.macro_f1(["a", "a", "b", "c"], ["a", "b", "b", "b"]) == pytest.approx((2 / 3 + 2 / 4 + 0) / 3)


def test_the_keyword_rule_goes_by_the_most_telling_word() -> None:
    train = pa.table(
        {"text": ["lost card", "lost card", "my card", "卡丢了", "卡丢了"], "label": ["l", "l", "m", "z", "z"]}
    )

    said = intent_figures.keyword_rules(train, ["the lost one", "my", "丢了", "unheard of"])

    assert list(said.guess) == ["l", "m", "z", "l"]


def test_words_are_words_and_pairs_of_han() -> None:
    assert intent_figures.words_of("Reset my 密码了") == {"reset", "my", "密码", "码了"}
