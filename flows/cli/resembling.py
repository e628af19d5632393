"""How `parley simulate --fit` is printed: the log's figures and the simulated ones, queue by queue."""

from __future__ import annotations

from math import isnan, nan
from typing import TYPE_CHECKING, Any

from flows.cli.printing import facts, out, progress, say, table

if TYPE_CHECKING:
    from flows.compose import Workspace
    from flows.resembling import Asked, Resemblance

COLUMNS = ("queue", "of", "a day", "AHT s", "gave up", "wait s", "SL offered", "SL left queue", "occupied")
NAMES = {"observed": "the log", "simulated": "simulated"}
# Of a normal variable one value in twenty lies farther than so many standard deviations from the mean.
TWENTIETH = 1.96


def show(place: Workspace, asked: Asked, *, as_json: bool) -> None:
    """Fit, play and print."""
    from flows import resembling

    with progress("fit the contact log and play it", quiet=as_json):
        found = resembling.compare(place, asked)
    if as_json:
        out({"log": found.log, "played": found.played, "queues": _plain(found)})
        return
    facts({"log": _log_in_words(found.log), "played": _played_in_words(found.played)})
    say()
    table(COLUMNS, _rows(found), empty="no queues")
    say(
        f"SL: service level within {asked.within_s:g} s, answered of offered and left the queue of queued; "
        "±: what luck alone does to one run, in 19 of 20 runs"
    )
    say("nothing was written: what is simulated stays out of this workspace")


def _log_in_words(log: Any) -> str:
    made = {"all": ", all of them simulated", "some": ", some of them simulated", "none": ""}[log["simulated"]]
    return (
        f"{log['first_day']} to {log['last_day']} ({log['days']} days, {log['time_zone']}), {log['legs']} contacts in "
        f"queues{made}, {log['agents']} agents, whose presence is {_presence(log['presence'])}"
    )


def _presence(told: str) -> str:
    return told if told.startswith("inferred") else f"told by {told}"


def _played_in_words(played: Any) -> str:
    left = f", {played['still_waiting']:g} still waiting at the end" if played["still_waiting"] else ""
    return f"{played['days']} days, {played['runs']} times, seed {played['seed']}{left}"


def _plain(found: Resemblance) -> dict[str, Any]:
    """Figures that nobody could take are null: JSON knows no nan."""
    return {
        queue: {name: {key: None if isnan(v) else v for key, v in row.items()} for name, row in rows.items()}
        for queue, rows in found.rows.items()
    }


def _rows(found: Resemblance) -> list[tuple[str, ...]]:
    names = NAMES | {"what_if": f"with {found.played['agents']} agents"}
    shown = []
    for queue, rows in found.rows.items():
        for name, row in rows.items():
            shown.append((queue if name == "observed" else "", names[name], *_figures(row)))
    return shown


def _figures(row: Any) -> tuple[str, ...]:
    return (
        _number(row, "contacts_per_day", "{:.1f}"),
        _number(row, "handle_s", "{:.0f}"),
        _number(row, "abandoned_share", "{:.1%}"),
        _number(row, "wait_s", "{:.0f}"),
        _number(row, "level_offered", "{:.1%}"),
        _number(row, "level_left", "{:.1%}"),
        _number(row, "occupancy", "{:.1%}"),
    )


def _number(row: Any, name: str, form: str) -> str:
    """The figure, and of a simulated one what luck alone makes of it: nineteen of twenty runs lie within."""
    value, spread = row[name], row.get(f"{name}_sd", nan)
    if isnan(value):
        return "-"
    return form.format(value) + ("" if isnan(spread) else " ±" + form.format(TWENTIETH * spread))
