"""Reports, payloads and cards as the tests of this floor need them: small, whole, and passed unless told otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from training import evidence, gates, page
from training.policy import Gate, GatePolicy
from training.report import Chart, Data, Report, Rows

POLICY = GatePolicy(
    family="intent",
    gates=(
        Gate("beats the baseline", "accuracy", "baseline"),
        Gate("no worse than the champion", "accuracy", "champion", margin=0.005, slices=("channel",)),
        Gate("calibrated", "ece_excess", "absolute", margin=0.05, better="lower"),
        Gate("languages", "accuracy", "absolute", margin=0.6, slices=("language",), overall=False),
    ),
)
ROWS = Rows(train=4000, calibrate=500, judged=600, frozen_by="time", judged_digest="f" * 64, times_used=2,
            judged_from="2026-04-01T00:00:00+00:00", judged_until="2026-04-15T00:00:00+00:00")  # fmt: skip
DATA = Data(as_of="2026-04-15T00:00:00+00:00", sources=("bank",), simulated="none", digest="e" * 64)
CHARTS = (
    Chart("reliability", "Confidence and truth", "置信度与正确率",
          {"bins": [{"confidence": c / 10, "accuracy": c / 10 - 0.03, "rows": c * 10} for c in range(2, 10)]}),
    Chart("bars", "Confused pairs", "易混淆", {"labels": ["card lost: stolen", "余额: 账单"], "values": [12, 7.5]}),
    Chart("curves", "Right among answered", "作答比例",
          {"series": [{"name": "candidate", "x": [0.2, 0.6, 1.0], "y": [0.99, 0.95, 0.9]}]}),
    Chart("fan", "Calls an hour", "每小时来电",
          {"x": ["08:00", "09:00", "10:00", "11:00"], "median": [30, 42, 50, 44], "actual": [28, None, 55, 41],
           "bands": [{"level": 0.95, "low": [18, 28, 33, 28], "high": [45, 60, 71, 63]},
                     {"level": 0.5, "low": [26, 36, 44, 38], "high": [35, 48, 57, 50]}]}),
    Chart("intervals", "Gain by part", "各部分改进",
          {"items": [{"label": "chat", "estimate": 0.02, "low": -0.01, "high": 0.05}], "reference": 0}),
    Chart("table", "Answers when words vary", "换说法",
          {"columns": ["kind 变化", "rows"], "rows": [["typos <b>", 300]]}),
    Chart("gantt", "Who works when", "班次",
          {"rows": [{"label": "a-1", "start": 8, "end": 16.5, "breaks": [[12, 12.5]]}], "ticks": [[8, "08:00"]]}),
)  # fmt: skip


def passed_report(
    *, champion: str = "none", family: str = "intent", policy: GatePolicy = POLICY, **told: Any
) -> Report:
    """A report of 600 rows, 90% right against 70%, en and zh, two channels; told: fields to replace."""
    return replace(_judged(champion, replace(policy, family=family)), **told)


@cache
def _judged(champion: str, policy: GatePolicy) -> Report:
    rng = np.random.default_rng(7)
    right, other = rng.random(600) < 0.9, rng.random(600) < 0.7
    languages = ["en" if row % 2 else "zh" for row in range(600)]
    channels = ["chat" if row % 3 else "voice" for row in range(600)]
    against = ["baseline"] if champion == "none" else ["baseline", "champion"]
    others = {"baseline": other, "champion": np.where(rng.random(600) < 0.9, right, other)}
    return gates.report(
        policy, champion=champion,
        metrics=[evidence.metric("accuracy", numerators=right, seed=1, says="right over rows", says_zh="正确率"),
                 evidence.metric("ece_excess", numerators=np.full(600, 0.01), seed=1, better="lower")],
        comparisons=[evidence.comparison("accuracy", against=name, candidate=right, other=others[name], seed=1,
                                         better="higher") for name in against],
        slices=[*evidence.slices("language", values=languages, metric="accuracy", against="absolute", candidate=right,
                                 seed=1),
                *evidence.slices("channel", values=channels, metric="accuracy", against="champion", candidate=right,
                                 other=others["champion"], seed=1)],
        rows=ROWS, data=DATA, charts=CHARTS, limits=("measured on one bank",),
    )  # fmt: skip


def payload_folder(at: Path, *, marker: str = "a", **about: Any) -> Path:
    """A tiny payload: two files of data, and a loader that MLflow can load from code. about: more of payload.json."""
    at.mkdir(parents=True)
    told = {"family": "intent", "format": 1, "marker": marker, **about}
    (at / "payload.json").write_text(json.dumps(told), encoding="utf-8")
    (at / "weights").mkdir()
    (at / "weights" / "head.txt").write_text(marker * 100, encoding="utf-8")
    (at / "loader.py").write_text(LOADER, encoding="utf-8")
    return at


def report_folder(at: Path, report: Report) -> Path:
    """The report as a run leaves it."""
    page.write(report, to=at)
    return at


def card(**told: Any) -> dict[str, Any]:
    """What a clean run says of a version."""
    said = {
        "run_id": "20260501-090000-intent-ab12", "commit": "c" * 40, "dirty": False, "dvc_lock": "d" * 64,
        "contracts": "b" * 64, "feature_service": "intent_v1@" + "a" * 8, "trained_by": "erin",
    }  # fmt: skip
    return {**said, **told}


LOADER = '''"""A loader of two lines."""
import json
from pathlib import Path


def load(folder, threads=1):
    return json.loads((Path(folder) / "payload.json").read_text())["marker"]


if __name__.startswith("code_model_"):
    import mlflow
    from mlflow.pyfunc import PythonModel

    class Loaded(PythonModel):
        def load_context(self, context):
            self.marker = load(context.artifacts["payload"])

        def predict(self, context, model_input, params=None):
            return [self.marker] * len(model_input)

    mlflow.models.set_model(Loaded())
'''
