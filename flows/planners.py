"""What planners ask over HTTP, done by the functions that the command line calls, in a child process for each.

The serving process stays as light as it is, and nothing that takes long or fails is in it. The child is told one line
of JSON (what to do, with what, for whom) and says one: the answer, or the error, which is raised here as it was there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from centre.people import Person
from data_contracts.errors import ParleyError, UnavailableError
from data_contracts.events import canonical_json
from flows.compose import Workspace, workspace

Told = Mapping[str, Any]
# Seconds: what-if is promised within ten; the others read the archive, at worst, and walk through years of it.
LIMIT_S, LIMITS_S = 60.0, {"what_if": 10.0}
# What an act that took too long would still do elsewhere.
ELSEWHERE = {"what_if": "Run parley staff what-if, or plan with fewer scenarios."}
ERROR = ("message", "expected", "came", "where", "remedy")


def hear(place: Workspace, act: str, told: Told, person: Person, *, limit_s: float | None = None) -> dict[str, Any]:
    """Do one of ACTS in a child process, and answer what it says. Raises what the act raised; UnavailableError where
    the child did not end in time (it is ended then, and what it wrote whole stays) or said nothing readable.
    """
    from flows.checkout import source_folder
    from flows.environment import child_environment

    asked = {"act": act, "told": dict(told), "person": {"name": person.name, "roles": sorted(person.roles)}}
    limit_s = limit_s or LIMITS_S.get(act, LIMIT_S)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "flows.tethered", "flows.planners"],
            input=canonical_json(asked).encode(), cwd=place.settings.home, capture_output=True, timeout=limit_s,
            env=child_environment(place.settings, folder=source_folder()), check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(
            "this took longer than a request may", expected=f"an end within {limit_s:g} s", came="none", where=act,
            remedy=ELSEWHERE.get(act, "Try again in a moment."),
        ) from error  # fmt: skip
    return _read(done, act)


def do(place: Workspace, act: str, told: Told, person: Person) -> dict[str, Any]:
    """Do one of ACTS here and now."""
    return ACTS[act](place, told, person)


def main() -> None:
    """The child: one line in, one line out."""
    asked = json.loads(sys.stdin.buffer.readline())
    person = Person(asked["person"]["name"], frozenset(asked["person"]["roles"]))
    try:
        said = do(workspace(), asked["act"], asked["told"], person)
    except ParleyError as error:
        said = {"error": {"kind": error.kind, **{name: getattr(error, name) for name in ERROR}}}
    sys.stdout.write(canonical_json(said) + "\n")


def _read(done: subprocess.CompletedProcess[bytes], act: str) -> dict[str, Any]:
    try:
        said = dict(json.loads(done.stdout.decode().strip().splitlines()[-1]))
    except (ValueError, IndexError, TypeError) as error:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UnavailableError("nothing readable came of it", expected="one line of JSON", where=act,
                               came=(words[-1] if words else f"exit code {done.returncode}")[:300],
                               remedy="Ask the same at the command line.") from error  # fmt: skip
    if told := said.get("error"):
        kinds = {kind.kind: kind for kind in _kinds(ParleyError)}
        raise kinds.get(told["kind"], UnavailableError)(
            told["message"], **{name: told[name] for name in ERROR if name != "message"}
        )
    return said


def _kinds(kind: type[ParleyError]) -> Iterator[type[ParleyError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def _adjustments(place: Workspace, told: Told, person: Person) -> dict[str, Any]:
    from flows import adjusting

    rows = adjusting.judged(place)
    return {"adjustments": rows, "kinds": adjusting.by_kind(rows)}


def _adjust(place: Workspace, told: Told, person: Person) -> dict[str, Any]:
    from flows import adjusting

    return adjusting.adjust(
        place, queue=told["queue"], starts_at=_moment(told["from"]), ends_at=_moment(told["to"]), change=told["change"],
        kind=told["kind"], reason=told["reason"], person=person,
    )  # fmt: skip


def _withdraw(place: Workspace, told: Told, person: Person) -> dict[str, Any]:
    from flows import adjusting

    return adjusting.withdraw(place, told["adjustment_id"], person=person)


def _keep(place: Workspace, told: Told, person: Person) -> dict[str, Any]:
    from flows import adjusting

    return adjusting.keep(place, told["adjustment_id"], person=person)


def _why(place: Workspace, told: Told, person: Person) -> dict[str, Any]:
    from flows import reasons

    return reasons.why(place, queue=told["queue"], day=told["day"], against=told["against"])


def _calendar_events(place: Workspace, told: Told, person: Person) -> dict[str, Any]:
    from flows import calendar_events

    return {"calendar_events": [calendar_events.shown(row) for row in calendar_events.announced(place)]}


def _announce(place: Workspace, told: Told, person: Person) -> dict[str, Any]:
    from flows import calendar_events

    said = calendar_events.Announcement(
        told["kind"], told["name"], _moment(told["starts_at"]), _moment(told["ends_at"]), tuple(told["queues"]),
        told["reason"], told["into"],
    )  # fmt: skip
    return calendar_events.shown(calendar_events.announce(place, said, person=person, event_id=told["corrects"] or ""))


def _cancel(place: Workspace, told: Told, person: Person) -> dict[str, Any]:
    from flows import calendar_events

    return calendar_events.shown(calendar_events.cancel(place, told["calendar_event_id"], person=person))


def _what_if(place: Workspace, told: Told, person: Person) -> dict[str, Any]:
    from flows import staffing

    change = staffing.Change(
        staffing.share(told["volume"], where="volume"), staffing.seconds(told["aht"], where="aht"), told["sick"]
    )  # fmt: skip
    found = staffing.what_if(place, change, plan_id=told["plan_id"])
    return found if told["intervals"] else {name: value for name, value in found.items() if name != "intervals"}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


ACTS: Mapping[str, Callable[[Workspace, Told, Person], dict[str, Any]]] = {
    "adjustments": _adjustments, "adjust": _adjust, "withdraw": _withdraw, "keep": _keep, "why": _why,
    "calendar_events": _calendar_events, "announce": _announce, "cancel": _cancel, "what_if": _what_if,
}  # fmt: skip


if __name__ == "__main__":
    main()
