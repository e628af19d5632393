"""The judged report: what a candidate was measured to do, against whom, on which rows, and what follows from it.

Families fill `Metric`, `Comparison`, `Slice`, `Rows`, `Data` and `Chart`; `gates.report` judges them and makes the
`Report`. It is kept as canonical JSON, whose digest approval signs, and drawn by `page.render`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from data_contracts.errors import InputError
from training import canonical

FORMAT = 1
Better = Literal["higher", "lower"]
Status = Literal["passed", "failed", "not_judged", "missing"]
Verdict = Literal["passed", "held"]
Claim = Literal["first", "refresh", "improvement"]


@dataclass(frozen=True)
class Metric:
    """One measured figure of the candidate with its 95% interval; `value` None means not measured."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    better: Better = "higher"
    rows: int = 0
    # What the figure is, in words, with its formula; shown beside it. `says_zh` is the same in Chinese.
    says: str = ""
    says_zh: str = ""


@dataclass(frozen=True)
class Comparison:
    """The candidate against another on the same rows.

    `difference`, `low`, `high` are oriented: positive means the candidate is better, whatever `better` says.
    """

    metric: str
    against: str  # champion, baseline, or a named other such as without_agent_features
    candidate: float | None
    other: float | None
    difference: float | None
    low: float | None
    high: float | None
    rows: int
    better: Better = "higher"
    method: str = ""  # how the interval was made, for example "paired bootstrap by day, 2000 draws"


@dataclass(frozen=True)
class Slice:
    """One part of the judged rows, such as language=zh. `against` names the other model, or "absolute" for the limit.

    `p_worse` is the one-sided p-value of "the candidate is no worse than the other here" (`intervals`).
    """

    dimension: str
    value: str
    metric: str
    against: str
    rows: int
    candidate: float | None
    other: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_worse: float | None = None
    better: Better = "higher"


@dataclass(frozen=True)
class JudgedSlice:
    """A slice after the gate: `p_adjusted` is Holm's, `consequence` is "held", "abstains" (a language) or ""."""

    gate: str
    slice: Slice
    status: Status
    why: str
    p_adjusted: float | None = None
    consequence: str = ""


@dataclass(frozen=True)
class JudgedGate:
    """A gate and what became of it. `binding` False: shown, but nothing to judge here (no champion yet)."""

    name: str
    metric: str
    comparator: str
    against: str
    margin: float
    rows_required: int
    rows: int
    status: Status
    why: str
    binding: bool = True
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    # The lower bound that had to be exceeded (or the limit of an absolute gate), in the metric's unit.
    bar: float | None = None


@dataclass(frozen=True)
class Rows:
    """The rows of fitting and judging. `frozen_by` is "time" or "hash of the normalised text"."""

    train: int
    calibrate: int
    judged: int
    frozen_by: str
    judged_digest: str  # digest of the judged rows' ids: the same digest means the same exam
    judged_from: str | None = None
    judged_until: str | None = None
    # How often these rows already judged a candidate since the last promotion: each use wears the exam out.
    times_used: int = 0


@dataclass(frozen=True)
class Data:
    """Where the rows came from. `simulated`: "all" of the judged rows, "some" of the rows used, or "none"."""

    as_of: str
    sources: tuple[str, ...]
    simulated: Literal["all", "some", "none"]
    digest: str = ""  # of the collected snapshot
    timeless: bool = False  # labels that have no time of their own


@dataclass(frozen=True)
class Chart:
    """A picture's data; `page` draws it. Kinds and the keys of `data` are listed in `charts.KINDS`."""

    kind: Literal["reliability", "fan", "bars", "curves", "intervals", "table", "gantt"]
    title: str
    title_zh: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What the reviewer reads and the approval signs (by `digest`)."""

    family: str
    verdict: Verdict
    reasons: tuple[str, ...]
    claim: Claim
    policy: str  # digest of the gate policy that judged
    champion: str  # artefact digest of the champion compared against, or "none"
    metrics: tuple[Metric, ...]
    comparisons: tuple[Comparison, ...]
    gates: tuple[JudgedGate, ...]
    slices: tuple[JudgedSlice, ...]
    rows: Rows
    data: Data
    charts: tuple[Chart, ...] = ()
    limits: tuple[str, ...] = ()
    # Digest of the payload that was judged: a good report cannot be shown for other bytes. Blank where nobody said.
    artefact: str = ""
    # Languages that passed their gate, and those in which the model abstains to a person.
    answers_in: tuple[str, ...] = ()
    abstains_in: tuple[str, ...] = ()
    # "pilot": without exact propensities, only a shadow or a randomised share below one may be asked for.
    allowed_use: Literal["full", "pilot"] = "full"
    format: int = FORMAT

    @property
    def simulated_only(self) -> bool:
        """Whether every judged row was simulated: such evidence counts in the profiles local and test alone."""
        return self.data.simulated == "all"

    def to_json(self) -> str:
        """Canonical JSON; the same report always has the same bytes."""
        return canonical.text(self)

    def digest(self) -> str:
        """SHA-256 of `to_json`, in hex."""
        return hashlib.sha256(self.to_json().encode("utf-8")).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read what `to_json` wrote. Raises InputError for anything else."""
        try:
            return _read(json.loads(text))
        except (KeyError, TypeError, ValueError) as refused:
            raise InputError(
                "not a judged report", expected=f"the JSON of a report, format {FORMAT}", came=str(refused)[:200]
            ) from refused


def _read(raw: dict[str, Any]) -> Report:
    if raw["format"] != FORMAT:
        raise ValueError(f"format {raw['format']}")
    parts: dict[str, Any] = {
        "metrics": tuple(Metric(**one) for one in raw["metrics"]),
        "comparisons": tuple(Comparison(**one) for one in raw["comparisons"]),
        "gates": tuple(JudgedGate(**one) for one in raw["gates"]),
        "slices": tuple(JudgedSlice(**{**one, "slice": Slice(**one["slice"])}) for one in raw["slices"]),
        "charts": tuple(Chart(**one) for one in raw["charts"]),
        "rows": Rows(**raw["rows"]),
        "data": Data(**{**raw["data"], "sources": tuple(raw["data"]["sources"])}),
    }
    lists = {name: tuple(raw[name]) for name in ("reasons", "limits", "answers_in", "abstains_in")}
    return Report(**{**raw, **lists, **parts})
