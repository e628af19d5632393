"""Whether to retrain a family, and why or why not: new mature evidence, measured quality, cool-down."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flows import scoring
from flows.compose import Workspace
from flows.request import FAMILIES
from flows.telling import tell

__all__ = ["FAMILIES", "POLICY", "Decision", "Evidence", "WatchPolicy", "decide", "decide_and_tell", "feedback"]


@dataclass(frozen=True)
class WatchPolicy:
    """When a family is retrained."""

    # Fewer new statements than this move a model of some hundred rows an intent by less than its own noise.
    least_verdicts: int = 50
    # One agent's habit must not become everybody's model.
    least_agents: int = 2
    # A day of counts more changes little in a forecast that reads weeks; a week is a whole season more.
    least_days: int = 7
    # Routing learns from outcomes, which are plentiful and noisy: as many as a twentieth of a month of a small centre.
    least_outcomes: int = 1000
    # A failed or held run is not begun again and again: once a day, as planners and reviewers work.
    cool_down_h: float = 24.0
    # Live accuracy on random verdicts that falls this far below the judged one is a reason by itself: ten times what
    # its gate lets a candidate lose.
    quality_drop: float = 0.05
    # Live WAPE that rises by this share above the judged one is, too: ten times the margin of its gate.
    wape_rise: float = 0.2
    # Fewest random verdicts for live quality to be believed: at 100 the interval is 10 points to each side.
    least_prompted: int = 100


POLICY = WatchPolicy()


@dataclass(frozen=True)
class Evidence:
    """What is new for a family since `since`, the end of the champion's (or else the newest version's) data.

    mature: labels or outcomes that count by now; agents: how many people they come from. live: the champion's quality
    by `measure` with the end of its 95% interval that speaks for it (`live_best`), on `measured` random verdicts
    (intent) or counted days (forecast); judged: the same figure in its report.
    """

    family: str
    since: str | None
    verdicts: int
    mature: int
    agents: int
    days: float
    measure: str
    measured: int
    live: float | None
    live_best: float | None
    judged: float | None
    last_run_h: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Decision:
    """Whether to retrain, and why or why not."""

    retrain: bool
    why: str


def decide(seen: Evidence, policy: WatchPolicy = POLICY) -> Decision:
    """Cool-down stops everything; then measured quality, then enough new evidence is a reason. `why` tells both."""
    if seen.last_run_h is not None and seen.last_run_h < policy.cool_down_h:
        return Decision(
            False,
            f"cool-down: the last run ended {seen.last_run_h:.1f} h ago, "
            f"the next may begin after {policy.cool_down_h:g} h",
        )
    if _has_fallen(seen, policy):
        return Decision(True, _quality(seen, policy))
    new = _forecast(seen, policy) if seen.family == "forecast" else _enough(seen, policy)
    return Decision(new.retrain, f"{new.why}; {_quality(seen, policy)}")


def decide_and_tell(place: Workspace, family: str) -> dict[str, Any]:
    """Decide for a family as things are now, and record it as `watch.decided`."""
    seen = feedback(place, family)
    decision = decide(seen)
    told = {
        "family": family,
        "retrain": decision.retrain,
        "why": decision.why,
        "evidence": seen.to_json(),
        "policy": asdict(POLICY),
    }
    tell(place, "watch.decided", f"{family}/{place.clock.now().isoformat()}", told, subject=family)
    return told


def feedback(place: Workspace, family: str) -> Evidence:
    """What the archive holds for a family that its champion did not see."""
    import pyarrow.compute as pc

    now = place.clock.now()
    since = known_since(place, family)
    verdicts = place.archive.read("verdicts", known_until=now)
    capability = {"routing": "route"}.get(family, family)
    mine = verdicts.filter(pc.equal(verdicts["capability"], capability))
    fresh = mine.filter(pc.greater(mine["known_at"], since)) if since else mine
    mature, agents = _mature(place, family, since=since, now=now)
    quality = scoring.live(place, family, now=now)
    last = _last_run(place, family)
    return Evidence(
        family=family,
        since=since.isoformat() if since else None,
        verdicts=fresh.num_rows,
        mature=mature,
        agents=agents,
        days=_days(place, since),
        measure=quality.measure,
        measured=quality.count,
        live=quality.value,
        live_best=quality.best,
        judged=quality.judged,
        last_run_h=(now - last) / timedelta(hours=1) if last else None,
    )


def known_since(place: Workspace, family: str) -> datetime | None:
    """Until when the champion (or, without one, the newest version) knew; None before the first version."""
    champion = place.standing().champion(family)
    cards = place.registry.list(family)
    if not cards:
        return None
    newest = max(cards, key=lambda card: int(card.version))
    card = next((one for one in cards if champion and one.version == champion.version), newest)
    return datetime.fromisoformat(card.card["request"]["as_of"]).astimezone(UTC)


def _enough(seen: Evidence, policy: WatchPolicy) -> Decision:
    needed = policy.least_outcomes if seen.family == "routing" else policy.least_verdicts
    what = "mature outcomes" if seen.family == "routing" else "mature verdicts"
    told = f"{seen.mature} new {what} of {seen.agents} agent(s) since {seen.since or 'the beginning'}"
    if seen.mature < needed:
        return Decision(False, f"{told}; {needed} are needed")
    if seen.agents < policy.least_agents:
        return Decision(False, f"{told}; they must come from {policy.least_agents} agents at least")
    return Decision(True, f"{told}; {needed} from {policy.least_agents} agents are enough")


def _forecast(seen: Evidence, policy: WatchPolicy) -> Decision:
    told = f"{seen.days:.1f} new days of counts since {seen.since or 'the beginning'}"
    return Decision(seen.days >= policy.least_days, f"{told}; {policy.least_days} are needed")


def _has_fallen(seen: Evidence, policy: WatchPolicy) -> bool:
    """Whether live quality lies too far from the judged one even at the end of its interval that speaks for it."""
    if seen.live_best is None or seen.judged is None or seen.measured < _least_measured(seen, policy):
        return False
    if seen.family == "forecast":
        return seen.live_best > seen.judged * (1 + policy.wape_rise)
    return seen.live_best < seen.judged - policy.quality_drop


def _quality(seen: Evidence, policy: WatchPolicy) -> str:
    """Live quality beside the judged one, or why there is none."""
    if seen.family == "routing":
        return "live quality is not measured: a choice of agent is not right or wrong by itself"
    rests_on = "day(s) of issued forecasts counted" if seen.family == "forecast" else "random verdicts"
    needed = _least_measured(seen, policy)
    if seen.live is None or seen.live_best is None or seen.judged is None or seen.measured < needed:
        return f"live quality is not measured yet: {seen.measured} {rests_on} on the champion, {needed} are needed"
    bound = "at least" if seen.family == "forecast" else "at most"
    return (
        f"live {seen.measure} on {seen.measured} {rests_on} is {seen.live:.3f} ({bound} {seen.live_best:.3f}), "
        f"judged was {seen.judged:.3f}"
    )


def _least_measured(seen: Evidence, policy: WatchPolicy) -> int:
    return policy.least_days if seen.family == "forecast" else policy.least_prompted


def _mature(place: Workspace, family: str, *, since: datetime | None, now: datetime) -> tuple[int, int]:
    """New labels that count by now, and from how many agents: corrections and confirmations, or outcomes."""
    if family == "intent":
        return _mature_intents(place, since=since, now=now)
    if family == "routing":
        return _mature_outcomes(place, since=since, now=now)
    return 0, 0


def _mature_intents(place: Workspace, *, since: datetime | None, now: datetime) -> tuple[int, int]:
    import pyarrow.compute as pc

    from features.labels import intent_labels

    params = _parameters().labels
    names = ("verdicts", "segments", "predictions", "intents")
    *said, taxonomy = (place.archive.read(name, known_until=now) for name in names)
    labels = intent_labels(*said, params=params, as_of=now, intents=taxonomy)
    spoken = labels.filter(
        pc.and_(labels["matured"], pc.is_in(labels["label_source"], _values("corrected", "confirmed")))
    )
    spoken = spoken.filter(pc.greater(spoken["known_at"], since)) if since else spoken
    return spoken.num_rows, len({agent for agents in spoken["agents"].to_pylist() for agent in agents})


def _mature_outcomes(place: Workspace, *, since: datetime | None, now: datetime) -> tuple[int, int]:
    import pyarrow.compute as pc

    from features.labels import resolution_labels

    params = _parameters().labels
    read = {name: place.archive.read(name, known_until=now) for name in ("contacts", "segments", "verdicts")}
    if not read["contacts"].num_rows:
        return 0, 0
    labels = resolution_labels(
        read["contacts"],
        read["segments"],
        read["verdicts"],
        window_days=params.windows_days,
        as_of=now,
        same_topic=params.repeat_same_topic,
        settle_h=params.repeat_settle_h,
        default_window_days=params.usual_window_days,
    )
    mature = labels.filter(labels["matured"])
    mature = mature.filter(pc.greater(mature["known_at"], since)) if since else mature
    agents = read["segments"].filter(pc.is_in(read["segments"]["contact_id"], mature["contact_id"].combine_chunks()))
    return mature.num_rows, len(set(agents["agent_id"].drop_null().to_pylist()))


def _days(place: Workspace, since: datetime | None) -> float:
    """Days of counted demand after `since`; all of them without it."""
    import pyarrow.compute as pc

    ends = [
        pc.min_max(place.archive.columns(name, ["happened_at"])["happened_at"]).as_py()
        for name in ("volumes", "contacts")
    ]
    known = [end for end in ends if end["max"] is not None]
    if not known:
        return 0.0
    first, last = min(end["min"] for end in known), max(end["max"] for end in known)
    return float(max((last - (since or first)) / timedelta(days=1), 0.0))


def _last_run(place: Workspace, family: str) -> datetime | None:
    """When the last run of a family ended, as its run says; runs that were only asked for do not count."""
    from flows import runs

    ended = [
        datetime.fromisoformat(run.finished_at)
        for run in runs.all_runs(place.settings)
        if family in run.families and run.finished_at and not run.options.get("dry_run")
    ]
    return max(ended, default=None)


def _parameters() -> Any:
    from flows.checkout import source_folder
    from training import params as parameters

    return parameters.load(source_folder() / "params.yaml")


def _values(*words: str) -> Any:
    import pyarrow as pa

    return pa.array(words)
