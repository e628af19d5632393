"""What a report says of the labels: doubts, what was settled, what settling gained, codes that nobody mapped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.training import learned
from training import intent
from training.report import Report

PARAMS = learned.params()
FAMILY = ("labels_in_doubt", "doubts_before", "doubts_settled", "doubt_precision", "settling_gain")


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learned.write_intents(tmp_path_factory.mktemp("truth"))


@pytest.fixture(scope="module")
def candidate(truth: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("candidate")
    intent.fit(truth, params=PARAMS.intent, seed=learned.SEED, threads=1, to=to, encoder_cache=None)
    return to


def judged(data: Path, candidate: Path, champion: Path | None = None, **beside: Any) -> Report:
    for name, told in beside.items():
        (data / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")
    return intent.judge(data, candidate=candidate, champion=champion, params=PARAMS, seed=learned.SEED, threads=1)


def copied(data: Path, to: Path) -> Path:
    to.mkdir()
    pq.write_table(pq.read_table(data / "examples.parquet"), to / "examples.parquet")
    return to


def of(report: Report) -> dict[str, Any]:
    return {one.name: one for one in report.metrics if one.name in FAMILY}


def settled_from(wrong: Path, right: Path, *, kept: int = 5) -> list[dict[str, Any]]:
    """The training rows whose labels differ, as changed, and some that agree, as kept."""
    then, now = (pq.read_table(one / "examples.parquet").to_pylist() for one in (wrong, right))
    pairs = [(a, b) for a, b in zip(then, now, strict=True) if a["part"] == "train"]
    told = [
        {"contact_id": b["example_id"], "outcome": "changed" if a["label"] != b["label"] else "kept",
         "before": a["label"], "weight_before": 1.0, "label": b["label"], "weight": 1.0}
        for a, b in pairs
    ]  # fmt: skip
    agreed = [one for one in told if one["outcome"] == "kept"][:kept]
    return [one for one in told if one["outcome"] == "changed"] + agreed


def test_the_share_of_labels_in_doubt_is_told_and_of_settling_nothing_where_nobody_was_asked(
    truth: Path, candidate: Path, tmp_path: Path
) -> None:
    found = of(judged(copied(truth, tmp_path / "data"), candidate))

    doubts = json.loads((candidate / "doubts.json").read_text(encoding="utf-8"))["doubts"]
    train = sum(one["part"] == "train" for one in pq.read_table(truth / "examples.parquet").to_pylist())
    assert set(found) == {"labels_in_doubt"}
    assert found["labels_in_doubt"].value == pytest.approx(len(doubts) / train)


def test_settling_wrong_labels_shows_its_gain_and_the_precision_of_doubts(
    truth: Path, candidate: Path, tmp_path: Path
) -> None:
    wrong = learned.write_intents(tmp_path / "wrong", wrong_share=0.45)
    settled = settled_from(wrong, truth)
    changed = len(settled) - 5

    found = of(judged(copied(truth, tmp_path / "data"), candidate, candidate, settled={"settled": settled}))

    assert found["doubts_settled"].value == len(settled)
    assert found["doubt_precision"].value == pytest.approx(changed / len(settled))
    assert found["settling_gain"].value > 0
    assert found["settling_gain"].low <= found["settling_gain"].value <= found["settling_gain"].high
    assert f"{changed} training labels changed" in found["settling_gain"].says
    assert found["doubts_before"].value is not None


def test_where_the_settled_labels_all_stood_there_is_no_gain_to_tell(
    truth: Path, candidate: Path, tmp_path: Path
) -> None:
    settled = settled_from(truth, truth, kept=3)
    told = {"settled": [*settled, {**settled[0], "contact_id": "elsewhere", "outcome": "cannot_tell"}]}

    found = of(judged(copied(truth, tmp_path / "data"), candidate, settled=told))

    assert (found["doubts_settled"].value, found["doubt_precision"].value) == (3, 0.0)
    assert "of 4 asked about 3 kept, 0 changed, 0 waits, 1 cannot tell" in found["doubts_settled"].says
    assert "settling_gain" not in found


def test_unmapped_wrap_up_codes_are_named_the_most_frequent_first(truth: Path, candidate: Path, tmp_path: Path) -> None:
    codes = [[f"X{place}", 90 - place] for place in range(12)]
    told = {"unmapped": codes, "unmapped_codes": 12}

    limits = judged(copied(truth, tmp_path / "data"), candidate, wrap_up_codes=told).limits

    (said,) = [one for one in limits if one.startswith("unmapped wrap-up codes")]
    assert said.startswith("unmapped wrap-up codes: X0 (90), X1 (89)")
    assert said.endswith("X9 (81) and 2 more: they teach nothing")
