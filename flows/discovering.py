"""What the refused have in common: groups of them become proposed intents, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from centre.people import Person
from data_contracts.errors import InputError
from data_contracts.events import Event, stamp
from features import proposals
from features.proposals import Proposal
from features.refusals import Refused, Wording
from flows import intents
from flows.compose import SOURCE, Workspace
from flows.recalling import rows_of, taxonomy

if TYPE_CHECKING:
    from training.intent_discovery import Group, Known

# Without --since: the refusals of four weeks, so that what a handful want each week is seen.
USUAL_WINDOW = timedelta(days=28)
# The latest different wordings that are looked at: n*n/2 doubles, and three milliseconds a text to read.
LOOKED_AT = 3000
# Rows of known intents that are read beside them.
KNOWN_ROWS, KNOWN_ROWS_EACH = 3000, 30
# A group that was refused out of care for critical intents, but for so small a share of its wordings, is told as the
# known intent's to which it lies so near: what is known is refused as unlike at the share of false refusals (5%).
UNLIKE, NEAR = 0.125, 0.9
PREDICTIONS = ["prediction_id", "contact_id", "capability", "answer_source", "answer", "features", "happened_at"]
VERDICTS = ["prediction_id", "contact_id", "capability", "agent_id", "verdict", "instead", "asked", "known_at"]


def propose(
    place: Workspace, *, since: datetime | None, until: datetime | None, count: int, least: int, examples: int,
    person: Person,
) -> dict[str, Any]:  # fmt: skip
    """Group what was refused in [since, until) and write down what is new as proposed intents.

    count: proposals at most, the largest first. least: different wordings of a group. examples: of each. Returns the
    window, how much was asked and refused, and the groups: `proposed`, `grown` (proposed before, with new wordings),
    `seen` (proposed or decided before), `like` (on a known intent: its refusal is what to look at); `ungrouped`
    wordings, and `repeated`, those that several contacts share word for word. InputError for an empty window.
    """
    now = place.clock.now()
    end = until or now
    begin = since or end - USUAL_WINDOW
    if begin >= end:
        raise InputError("this window is empty", expected=f"a time before {end.isoformat()}", came=begin.isoformat(),
                         where="--since")  # fmt: skip
    heap = _refused(place, since=begin, until=end)
    looked_at = heap.wordings[-LOOKED_AT:]
    found = _groups(place, looked_at, least=least)
    held = intents.written(place)
    told = _sorted_out(place, found, looked_at, heap, held, least=least, examples=examples)
    told["proposed"] = told["proposed"][:count]
    facts = {"since": stamp(begin), "until": stamp(end), "by": person.name}
    events = [_event(one | facts, now) for one in (*told["proposed"], *told["grown"])]
    place.log.append(events, received_at=now)
    grouped = {row for group in found for row in group.rows}
    return {
        **facts, "asked_count": heap.asked_count, "refused_count": heap.refused_count,
        "wordings_count": len(heap.wordings), "looked_at": len(looked_at), "least": least,
        **{name: [_plain(one) for one in rows] for name, rows in told.items()},
        "ungrouped": len(looked_at) - len(grouped), "repeated": _repeated(looked_at, grouped, least=least),
    }  # fmt: skip


def _refused(place: Workspace, *, since: datetime, until: datetime) -> Refused:
    from features import refusals

    predictions, verdicts = rows_of(place, "predictions", PREDICTIONS), rows_of(place, "verdicts", VERDICTS)
    return refusals.refused(predictions, verdicts, known=frozenset(taxonomy(place)), since=since, until=until)


def _groups(place: Workspace, wordings: Sequence[Wording], *, least: int) -> list[Group]:
    from features import text
    from training import intent_discovery

    if len(wordings) < least:
        return []
    encoder = text.open_encoder(
        _encoder(place), threads=place.settings.threads, cache=place.settings.home / "encoder-cache"
    )
    vectors = encoder.encode([one.text for one in wordings])
    return intent_discovery.groups(vectors, known=_known(place, encoder), least=least)


def _encoder(place: Workspace) -> str:
    """The encoder in which all languages share one space, or the workspace's own where it names one."""
    from flows.issuing import running_params

    own, params = place.settings.encoder, running_params(place).intent
    return own if own != type(place.settings)().encoder else params.multilingual or params.encoder


def _known(place: Workspace, encoder: Any) -> Known:
    """Labelled texts of each known intent, the latest first, under the encoder."""
    from features import intent
    from flows.issuing import running_params
    from training.intent_discovery import Known

    params = running_params(place)
    names = ("verdicts", "segments", "predictions", "contacts", "utterances", "intents")
    tables = {name: place.archive.read(name) for name in names}
    rows = intent.examples(tables, params=params.intent, labels=params.labels, as_of=place.clock.now())
    each = max(2, min(KNOWN_ROWS_EACH, KNOWN_ROWS // max(1, rows["label"].nunique())))
    kept = rows.drop_duplicates("norm").sort_values(["happened_at", "example_id"]).groupby("label").tail(each)
    return Known(encoder.encode(list(kept["text"])), list(kept["label"]))


def _sorted_out(
    place: Workspace, found: Sequence[Group], wordings: Sequence[Wording], heap: Refused,
    held: Mapping[str, Proposal], *, least: int, examples: int,
) -> dict[str, list[dict[str, Any]]]:  # fmt: skip
    """The groups as proposals, by what each is: new, grown, seen before, or a known intent's."""
    told: dict[str, list[dict[str, Any]]] = {"proposed": [], "grown": [], "seen": [], "like": []}
    for group in found:
        inside = [wordings[row] for row in group.rows]
        one = _described(group, inside, heap, examples=examples)
        before = next((old for old in held.values() if proposals.same([_refs(w) for w in inside], old)), None)
        if before is not None:
            kind = "grown" if before.state == "proposed" and len(inside) >= len(before.members) + least else "seen"
            told[kind].append({**one, "proposal_id": before.id, "state": before.state, **_into(before)})
        elif group.like or (group.nearness >= NEAR and sum(not w.careful for w in inside) < UNLIKE * len(inside)):
            told["like"].append({**one, "like": group.like or group.nearest})
        else:
            told["proposed"].append(one)
    return told


def _into(before: Proposal) -> dict[str, Any]:
    return {"intent_id": before.decided["intent_id"]} if before.decided.get("intent_id") else {}


def _described(group: Group, inside: Sequence[Wording], heap: Refused, *, examples: int) -> dict[str, Any]:
    members = [_refs(one)[0] for one in inside]
    contacts = sum(len(one.predictions) for one in inside)
    return {
        "proposal_id": "cluster-" + proposals.digest(sorted(members)), "origin": "cluster",
        "name": _name(inside, heap), "languages": sorted({one.language for one in inside}),
        "wordings_count": len(inside), "contacts_count": contacts,
        "share_of_refused": round(contacts / heap.refused_count, 4), "cohesion": round(group.cohesion, 4),
        "like": group.like, "nearest": group.nearest, "likeness": round(group.likeness, 4),
        "members": members, "examples": [members[place] for place in group.telling[:examples]],
    }  # fmt: skip


def _name(inside: Sequence[Wording], heap: Refused) -> str:
    """Its own words in each language that has a third of its wordings, the commonest language first."""
    from training import intent_naming

    mine = {one.text for one in inside}
    others = [*(one.text for one in heap.wordings if one.text not in mine), *heap.answered]
    by_language: dict[str, list[str]] = {}
    for one in inside:
        by_language.setdefault(one.language, []).append(one.text)
    spoken = sorted(by_language.values(), key=len, reverse=True)
    names = [intent_naming.name(texts, others) for texts in spoken if 3 * len(texts) >= len(inside)]
    return " / ".join(dict.fromkeys(name for name in names if name)) or "(no word in common)"


def _refs(one: Wording) -> list[str]:
    return [f"prediction:{id_}" for id_ in one.predictions]


def _repeated(wordings: Sequence[Wording], grouped: set[int], *, least: int) -> list[dict[str, Any]]:
    """Wordings in no group that many contacts share: a button, a bot, a campaign, and no way of putting a matter."""
    told = [
        {"example": _refs(one)[0], "text": one.text, "contacts_count": len(one.predictions)}
        for row, one in enumerate(wordings)
        if row not in grouped and len(one.predictions) >= least
    ]
    return sorted(told, key=lambda one: -int(one["contacts_count"]))


def _event(told: Mapping[str, Any], now: datetime) -> Event:
    data = {name: value for name, value in told.items() if name not in ("state", "intent_id")}
    id_ = f"{data['proposal_id']}/{proposals.digest(sorted(data['members']))}"
    return Event(id_, SOURCE, "intent.proposed", now, data, subject=str(data["proposal_id"]))


def _plain(one: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in one.items() if name not in ("members", "proposal_id")}
    return {"id": one["proposal_id"], **told}
