from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training import learned
from training import intent, intent_refusal, intervals, loaders
from training.intent_figures import answered
from training.report import Report

SHARES = ("0.01", "0.05", "0.10")


def _with_outside(data: Path, texts: dict[str, list[str]]) -> Path:
    """The rows of `data`, and texts of no intent by label."""
    table = pq.read_table(data / "examples.parquet")
    like = table.slice(0, 1).to_pylist()[0]
    rows = [
        {**like, "example_id": f"{label}-{n}", "text": text, "language": "en", "label": label, "part": "outside"}
        for label, said in texts.items()
        for n, text in enumerate(said)
    ]
    pq.write_table(pa.concat_tables([table, pa.Table.from_pylist(rows, table.schema)]), data / "examples.parquet")
    return data


def _judged(tmp_path: Path, *, kinds: dict[str, str], texts: dict[str, list[str]] | None = None) -> Report:
    data = learned.write_intents(tmp_path / "data")
    if texts:
        _with_outside(data, texts)
    params = learned.params(intent={"out_of_scope": kinds})
    told: dict[str, Any] = {"seed": learned.SEED, "threads": learned.THREADS}
    intent.fit(data, params=params.intent, to=tmp_path / "payload", encoder_cache=None, **told)
    return intent.judge(data, candidate=tmp_path / "payload", champion=None, params=params, **told)


def _metric(report: Report, name: str) -> Any:
    return next(one for one in report.metrics if one.name == name)


FAR, NEAR = [f"zzz qqq {i}" for i in range(20)], [f"the lost card block stolen {i}" for i in range(20)]


def test_the_stated_rate_stands_beside_what_is_deployed_with_its_exact_interval(tmp_path: Path) -> None:
    report = _judged(tmp_path, kinds={})

    stated, deployed = (_metric(report, f"false_refusal_{name}") for name in ("stated", "by_threshold"))
    assert stated.value == 0.05
    exact = intervals.proportion(round(deployed.value * deployed.rows), of=deployed.rows)
    assert (deployed.low, deployed.high) == (exact.low, exact.high)


def test_without_texts_of_no_intent_the_report_says_so(tmp_path: Path) -> None:
    assert intent_refusal.NO_STRANGERS in _judged(tmp_path, kinds={}).limits


def test_texts_of_no_intent_are_told_by_kind_and_change_no_byte_of_the_model(tmp_path: Path) -> None:
    kinds = {"weather": "out-of-domain", "other_bank": "in-domain"}
    report = _judged(tmp_path / "one", kinds=kinds, texts={"weather": FAR, "other_bank": NEAR})
    _judged(tmp_path / "other", kinds={})

    assert _metric(report, "outside_auroc_weather").value > _metric(report, "outside_auroc_other_bank").value
    assert _metric(report, "outside_refused_weather").rows == 20
    table = next(one for one in report.charts if one.kind == "table" and "no intent" in one.title)
    assert {(row[0], row[1]) for row in table.data["rows"]} == set(kinds.items())
    assert intent_refusal.NO_STRANGERS not in report.limits
    payloads = [(tmp_path / name / "payload/payload.json").read_bytes() for name in ("one", "other")]
    assert payloads[0] == payloads[1]


def test_intents_left_out_are_the_estimate_where_there_are_enough(tmp_path: Path) -> None:
    data = learned.write_intents(tmp_path / "data")
    params = learned.params()
    intent.fit(data, params=params.intent, seed=1, threads=1, to=tmp_path / "payload", encoder_cache=None)
    model = loaders.open_payload(tmp_path / "payload", threads=1)
    table = pq.read_table(data / "examples.parquet")
    estimate = intent_refusal.told_apart(np.arange(100.0), np.arange(-50.0, 50.0))
    model.languages["en"]["left_out"] = model.languages["zh"]["left_out"] = estimate

    got = intent_refusal.figures(table, answered(table, candidate=model, champion=None), model=model,
                                 params=params.intent)  # fmt: skip

    series = next(one for one in got.charts if one.kind == "curves").data["series"]
    assert all(one["name"].startswith("left out") for one in series)
    assert any(one.name.startswith("left_out_auroc") for one in got.metrics)


def test_the_reason_of_a_refused_text_begins_as_the_figures_expect(tmp_path: Path) -> None:
    data = learned.write_intents(tmp_path / "data", zh=False)
    intent.fit(data, params=learned.params().intent, seed=1, threads=1, to=tmp_path / "payload", encoder_cache=None)
    model = loaders.open_payload(tmp_path / "payload", threads=1)

    (answer,) = model.answer(["zzz qqq xxyy"], languages=["en"])

    assert answer["reason"].startswith(intent_refusal.UNLIKE)


def test_recall_counts_strangers_below_the_quantile_of_the_own_texts() -> None:
    own, strange = np.arange(100.0), np.asarray([-1.0, 0.5, 4.5, 9.5, 50.0])

    told = intent_refusal.told_apart(own, strange)

    # quantiles of 0..99 at 1, 5 and 10%: .99, 4.95, 9.9
    assert told is not None
    assert [told["recall"][share] for share in SHARES] == [0.4, 0.6, 0.8]
    assert intent_refusal.told_apart(own, np.zeros(0)) is None


@pytest.mark.parametrize("kind", ["table", "curves"])
def test_without_any_stranger_nothing_is_drawn(kind: str) -> None:
    assert not [one for one in intent_refusal._charts([]) if one.kind == kind]
