"""What the features need to be told, with the reason above each figure; `training/params.py` reads them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from centre.intake import OWN_REPEAT_WINDOWS_DAYS

USUAL_REPEAT_WINDOW_DAYS = 7.0


@dataclass(frozen=True)
class LabelParams:
    """How records become labels."""

    # A repeat contact by the same customer within this time says that the matter was not resolved. A figure given here
    # governs every source that `repeat_window_days_by_source` does not name; without one a source has its own (the
    # anonymous bank 3), and the others 7, the usual window of first-contact-resolution figures (ICMI).
    repeat_window_days: float | None = None
    # A figure given for a source governs that source, whatever else is given.
    repeat_window_days_by_source: Mapping[str, float] = field(default_factory=dict)
    # Frequent customers call again about something else: only the same topic counts, where topics are known.
    repeat_same_topic: bool = True
    # The last repeat contact must have ended, and so be known, before its absence means anything.
    repeat_settle_h: float = 24.0
    # How far an intent label is believed. A file's label and an agent's correction are statements about this very text;
    # a confirmation costs the agent one click; of a cluster that was accepted nobody read each text, and seven to nine
    # in ten are of its intent (docs/measurements.md); a wrap-up code is chosen in haste, often the first listed.
    weight_labelled: float = 1.0
    weight_corrected: float = 1.0
    weight_confirmed: float = 0.8
    weight_clustered: float = 0.7
    weight_wrap_up: float = 0.5
    # The file that says which intent each wrap-up code stands for, in the folder data_contracts (`features.code_map`);
    # none: only codes that are themselves intents' ids teach.
    wrap_up_codes: str | None = None
    # A wrap-up code may still be corrected by the agent who set it, in the same shift.
    wrap_up_settle_h: float = 8.0

    @property
    def usual_window_days(self) -> float:
        """The window of a repeat contact for sources without one of their own."""
        return USUAL_REPEAT_WINDOW_DAYS if self.repeat_window_days is None else self.repeat_window_days

    @property
    def windows_days(self) -> Mapping[str, float]:
        """The windows of the sources that have one of their own: given ones, and the formats' where none is given."""
        own = OWN_REPEAT_WINDOWS_DAYS if self.repeat_window_days is None else {}
        return {**own, **self.repeat_window_days_by_source}


@dataclass(frozen=True)
class IntentDataParams:
    """Which texts an intent model learns from and is judged on."""

    # The most recent rows of each intent to learn from: beyond some hundreds a linear head on sentence vectors gains
    # little, and encoding costs about 2 ms a text.
    max_rows: int = 300
    # Rows that calibrate and judge are a stable sample of their part, so the mix of intents stays as it was.
    max_judge_rows: int = 3000
    max_calibrate_rows: int = 1500
    # Shares of the time (or, without time, of the texts of each intent) that judge and calibrate.
    judge_share: float = 0.2
    calibrate_share: float = 0.1
    # An intent with fewer rows to learn from is split at its own times: a new intent lies wholly after the common cut.
    min_train_rows: int = 20
    # Labels that are no intent ("none of ours"), each with how near its texts lie, in-domain or out-of-domain: they are
    # asked when a model is judged, and neither teach nor set anything.
    out_of_scope: Mapping[str, str] = field(default_factory=dict)
    # Longer dialogues are cut at turns: an encoder reads 256 tokens, about 1,200 characters of English, and what it
    # does not read should not be what was said last.
    max_chars: int = 1000


@dataclass(frozen=True)
class RoutingDataParams:
    """What a routing model learns from."""

    judge_share: float = 0.2
    calibrate_share: float = 0.1
    # Agents' figures change slowly; a day's step keeps the point-in-time join small (it pairs each offer with every
    # earlier snapshot of its agent).
    agent_snapshot_h: float = 24.0
    # Customers call again within the day: their counts are as fresh as the hourly materialisation that serving reads.
    customer_snapshot_h: float = 1.0
    # Pseudo-observations of the wider mean in an agent's figures (empirical Bayes). Log handle time: the spread within
    # an agent is some five times that between agents, hence about 5^2; a rate or rating is noisier.
    shrink_handle: float = 20.0
    shrink_resolution: float = 30.0
    shrink_rating: float = 20.0
    # Service times of ten seconds and less are misdials and transfers; DESIGN section 6 judges above them too.
    min_handle_s: float = 10.0
    # Decisions of the judged part whose candidates are written out, a stable sample above this.
    max_candidate_decisions: int = 8000


@dataclass(frozen=True)
class ForecastDataParams:
    """How demand is counted and described."""

    # Half an hour is the usual interval of workforce planning; a source with longer intervals keeps its own.
    interval_s: int = 1800
    # The calendar of the people who call.
    time_zone: str = "UTC"
    # ISO code of the country whose public holidays count (package `holidays`); none: no holidays are known.
    country: str | None = None
    judge_share: float = 0.2
    calibrate_share: float = 0.1
    # Same weekdays looked at: the median of six is the baseline to beat, and a holiday among them does not move it.
    lag_weeks: int = 6
    # How far back to look for them, when some are closed or unknown.
    max_lag_weeks: int = 12
    # A slot of the week is open when this share of its known past weeks had any contact.
    open_share: float = 0.1
    # History before the last interval that is looked at: five years hold every season several times, and one row with a
    # date of the last century does not ask for its half hours.
    max_history_days: int = 1830
    # A contact that is known this long after its interval's end still belongs to the count; the count is known then.
    settle_s: int = 3600


@dataclass(frozen=True)
class FeatureParams:
    """All of them: what `building.build` takes (any object with these four attributes does)."""

    labels: LabelParams = field(default_factory=LabelParams)
    intent: IntentDataParams = field(default_factory=IntentDataParams)
    routing: RoutingDataParams = field(default_factory=RoutingDataParams)
    forecast: ForecastDataParams = field(default_factory=ForecastDataParams)
