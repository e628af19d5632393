"""The rows that do not hang on contacts: taxonomy, customers, agents, roster and the agents' states."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import timedelta

from centre.queueing.engine import Change
from centre.simulation.demand import Calendar
from centre.simulation.parameters import Intent, WorldParams
from centre.simulation.people import LANGUAGES, REGIONS, Agents, Customers
from centre.simulation.rows import Clockwork, Note, agent_id, customer_id
from centre.simulation.shifts import Duty

WEEK_S = 7 * 86_400


def taxonomy(params: WorldParams) -> Iterator[Note]:
    """The groups as parents, then the intents; all known from the start."""
    for group in params.groups:
        own = Intent(group.id, "", group.name_en, group.name_zh, critical=False, automatable=False)
        yield Note(0, 0, "intent.defined", f"{group.id}.0", intent_row(own))
    for intent in params.intents:
        yield Note(0, 0, "intent.defined", f"{intent.id}.0", intent_row(intent))


def intent_row(intent: Intent) -> dict[str, object]:
    """The taxonomy's row of an intent."""
    return {
        "intent_id": intent.id,
        "revision": 0,
        "name_en": intent.name_en,
        "name_zh": intent.name_zh,
        "parent_id": intent.group or None,
        "critical": intent.critical,
        "automatable": intent.automatable,
    }


def customers(people: Customers, *, days: Calendar) -> Iterator[Note]:
    """The customers as the centre knew them when the period began."""
    for place, name in enumerate(people.names):
        ident = customer_id(place)
        data = {
            "customer_id": ident,
            "revision": 0,
            "name": name,
            "language": LANGUAGES[people.languages[place]],
            "customer_segment": people.segments[place],
            "region": REGIONS[people.regions[place]],
            "joined_on": (days.first_day - timedelta(days=int(people.joined_days[place]))).isoformat(),
            "consent_training": bool(people.consents[place]),
        }
        yield Note(0, 0, "customer.registered", f"{ident}.0", data)


def agents(people: Agents, *, days: Calendar) -> Iterator[Note]:
    """The agents at the start, those who join, and a second version of each who leaves."""
    for place in range(len(people.names)):
        joins, leaves = int(people.joins_day[place]), int(people.leaves_day[place])
        yield _agent(people, place, days, at_s=days.midnights[joins], revision=0)
        if leaves < days.days:
            yield _agent(people, place, days, at_s=days.midnights[leaves], revision=1)


def _agent(people: Agents, place: int, days: Calendar, *, at_s: int, revision: int) -> Note:
    ident = agent_id(place)
    hired = days.first_day + timedelta(days=int(people.joins_day[place]) - int(people.tenure_days[place]))
    data = {
        "agent_id": ident,
        "revision": revision,
        "name": people.names[place],
        "team": f"team-{people.teams[place] + 1}",
        "hired_on": hired.isoformat(),
        "languages": list(people.languages[place]),
        "skills": list(people.queues[place]),
        "status": "left" if revision else "active",
    }
    return Note(at_s, at_s, "agent.changed" if revision else "agent.hired", f"{ident}.{revision}", data)


def roster(duties: Sequence[Duty], *, clockwork: Clockwork) -> Iterator[Note]:
    """The plan, published a week before each week (the first ones at the start)."""
    for duty in duties:
        ident = agent_id(duty.agent)
        published = max(0, (duty.starts_s // WEEK_S - 1) * WEEK_S)
        data = {
            "agent_id": ident,
            "starts_at": clockwork.stamp(duty.starts_s),
            "ends_at": clockwork.stamp(duty.ends_s),
            "activity": duty.activity,
        }
        yield Note(published, published, "roster.published", f"{ident}.roster.{duty.starts_s}", data)


def states(changes: Sequence[Change], *, duties: Sequence[Duty], clockwork: Clockwork) -> Iterator[Note]:
    """One row a change; of several changes of an agent in one second, the last."""
    breaks = {agent: _breaks(duties, agent) for agent in {duty.agent for duty in duties}}
    latest = {(change.agent, change.at_s): change for change in changes}
    for (agent, at_s), change in latest.items():
        ident = agent_id(agent)
        state = _away(breaks[agent], at_s) if change.state == "away" else change.state
        data = {
            "agent_id": ident,
            "changed_at": clockwork.stamp(at_s),
            "state": state,
            "concurrent_count": 1 if state == "busy" else 0,
        }
        yield Note(at_s, at_s, "agent.state_changed", f"{ident}.state.{int(at_s)}", data)


def _breaks(duties: Sequence[Duty], agent: int) -> tuple[list[int], list[Duty]]:
    own = [duty for duty in duties if duty.agent == agent and duty.activity != "work"]
    return [duty.starts_s for duty in own], own


def _away(breaks: tuple[list[int], list[Duty]], at_s: float) -> str:
    """Why an agent is away: the break or training planned for now, else the shift is over."""
    starts, own = breaks
    place = bisect_right(starts, at_s) - 1
    return own[place].activity if place >= 0 and at_s < own[place].ends_s else "offline"
