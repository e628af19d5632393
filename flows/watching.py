"""Whether to retrain a family, and why or why not: new mature evidence, measured quality, cool-down."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

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
    # Live quality on random verdicts that falls this far below the judged one is a reason by itself.
    quality_drop: float = 0.05
    # Fewest random verdicts for live quality to be believed: at 100 the interval is 10 points to each side.
    least_prompted: int = 100


POLICY = WatchPolicy()


@dataclass(frozen=True)
class Evidence:
    """What is new for a family since `since`, the end of the champion's (or else the newest version's) data.

    mature: labels or outcomes that count by now; agents: how many people they come from. live, live_high: accuracy on
    verdicts asked at random with the upper end of its 95% interval; judged: the champion's accuracy in its report.
    """

    family: str
    since: str | None
    verdicts: int
    mature: int
    agents: int
    days: float
    prompted: int
    live: float | None
    live_high: float | None
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
    """Cool-down stops everything; then measured quality, then enough new evidence is a reason."""
    if seen.last_run_h is not None and seen.last_run_h < policy.cool_down_h:
        return Decision(
            False,
            f"cool-down: the last run ended {seen.last_run_h:.1f} h ago, "
            f"the next may begin after {policy.cool_down_h:g} h",
        )
    fallen = _fallen(seen, policy)
    if fallen:
        return Decision(True, fallen)
    return _forecast(seen, policy) if seen.family == "forecast" else _enough(seen, policy)


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
    since, judged = champion_data(place, family)
    verdicts = place.archive.read("verdicts", known_until=now)
    capability = {"routing": "route"}.get(family, family)
    mine = verdicts.filter(pc.equal(verdicts["capability"], capability))
    fresh = mine.filter(pc.greater(mine["known_at"], since)) if since else mine
    mature, agents = _mature(place, family, since=since, now=now)
    live, high, prompted = _live_quality(fresh)
    last = _last_run(place, family)
    return Evidence(
        family=family,
        since=since.isoformat() if since else None,
        verdicts=fresh.num_rows,
        mature=mature,
        agents=agents,
        days=_days(place, since),
        prompted=prompted,
        live=live,
        live_high=high,
        judged=judged,
        last_run_h=(now - last) / timedelta(hours=1) if last else None,
    )


def champion_data(place: Workspace, family: str) -> tuple[datetime | None, float | None]:
    """Until when the champion (or, without one, the newest version) knew, and its judged accuracy."""
    champion = place.standing().champion(family)
    cards = place.registry.list(family)
    if not cards:
        return None, None
    newest = max(cards, key=lambda card: int(card.version))
    card = next((one for one in cards if champion and one.version == champion.version), newest)
    accuracy = card.card.get("metrics", {}).get("accuracy")
    return datetime.fromisoformat(card.card["request"]["as_of"]).astimezone(UTC), accuracy


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


def _fallen(seen: Evidence, policy: WatchPolicy) -> str:
    """Live quality that lies below the judged one even at the upper end of its interval; empty if it does not."""
    if seen.live is None or seen.live_high is None or seen.judged is None or seen.prompted < policy.least_prompted:
        return ""
    if seen.live_high >= seen.judged - policy.quality_drop:
        return ""
    return (
        f"live accuracy on {seen.prompted} random verdicts is {seen.live:.3f} (at most {seen.live_high:.3f}), "
        f"judged was {seen.judged:.3f}"
    )


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
    read = {name: place.archive.read(name, known_until=now) for name in ("verdicts", "segments", "predictions")}
    labels = intent_labels(read["verdicts"], read["segments"], read["predictions"], params=params, as_of=now)
    spoken = labels.filter(
        pc.and_(labels["matured"], pc.is_in(labels["label_source"], _values("corrected", "confirmed")))
    )
    spoken = spoken.filter(pc.greater(spoken["known_at"], since)) if since else spoken
    said = read["verdicts"].filter(pc.equal(read["verdicts"]["capability"], "intent"))
    said = said.filter(pc.greater(said["known_at"], since)) if since else said
    return spoken.num_rows, len(set(said["agent_id"].drop_null().to_pylist()))


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


def _live_quality(verdicts: Any) -> tuple[float | None, float | None, int]:
    """Accuracy on verdicts that were asked at random, the upper end of Wilson's 95% interval, and their number."""
    asked = [row for row in verdicts.select(["prompted", "verdict"]).to_pylist() if row["prompted"]]
    judged = [row["verdict"] in ("right", "used") for row in asked if row["verdict"] in ("right", "wrong", "used")]
    if not judged:
        return None, None, 0
    share, count, z = sum(judged) / len(judged), len(judged), 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return share, middle + half, count


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
