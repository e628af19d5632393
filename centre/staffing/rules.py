"""What a staffing plan is told: goal, limits, shifts. Read from YAML; each figure's reason stands beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args, get_origin, get_type_hints

import yaml

from centre.staffing.required import Goal
from data_contracts.errors import InputError, UnknownParameter

# As the contract of contacts has them.
CHANNELS: Final = ("voice", "chat", "email", "ticket", "messaging")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _figure(default: Any, reason: str, least: float = 0.0, most: float = math.inf) -> Any:
    return field(default=default, metadata={"reason": reason, "least": least, "most": most})


# `_figure` is `dataclasses.field` with a reason and bounds.
@dataclass(frozen=True)
class Service:
    """What an interval is to reach; `queues` of the rules may name others for a queue."""

    target: float = _figure(0.8, "the usual 80% of the contacts offered in an interval ...", 0.01, 0.999)
    within_s: float = _figure(20.0, "... answered within 20 seconds", 0, 86_400)
    probability: float = _figure(0.9, "in nine of ten intervals: a mean of 80% is met in about half", 0.01, 0.999)
    on_average: bool = _figure(
        False, "true: the plan's intervals on average have that probability, which takes fewer agents; false: each has"
    )
    max_occupancy: float = _figure(0.88, "busier agents make mistakes and leave (ICMI: 85 to 90%)", 0.05, 1)
    min_agents: int = _figure(1, "agents while a queue is open; 2 where nobody may be alone", 0, 5_000)


@dataclass(frozen=True)
class Channel:
    """How contacts of a channel are worked; `channels` of the rules names them, and what they leave out is a call."""

    at_once: int = _figure(
        1, "contacts that an agent works side by side, as chats: each takes so much less time", 1, 10
    )
    waits: bool = _figure(
        False, "true: no service level's, worked on its day between the others and put aside for one of them"
    )


@dataclass(frozen=True)
class Luck:
    """How contacts come and are served, where records do not tell."""

    scenarios: int = _figure(1000, "a probability of .9 is then known to .01", 50, 20_000)
    seed: int = _figure(2026, "the same plan again from the same forecast", 0, 2**31 - 1)
    day_correlation: float = _figure(0.3, "of two intervals of a day; without own rules the forecast tells", 0, 0.99)
    queue_correlation: float = _figure(0.5, "of two queues' days; without own rules the forecast tells", 0, 1)
    handle_cv: float = _figure(0.8, "sd over mean of handle time, as in lognormal work with sigma .7", 0, 5)
    handle_s: float = _figure(
        0.0, "seconds of work of a contact where nobody's is recorded; 0: such a queue is refused", 0, 1e5
    )
    patience_s: float = _figure(180.0, "mean patience where nobody's giving up is recorded", 1, 1e6)


@dataclass(frozen=True)
class Break:
    """A pause in a shift."""

    minutes: int = _figure(15, "how long", 1, 240)
    paid: bool = _figure(True, "whether it is paid; it never covers")
    after_h: float = _figure(1.0, "it begins so many hours after the shift or later", 0, 24)
    before_h: float = _figure(3.0, "... and so many or earlier", 0, 24)


@dataclass(frozen=True)
class Template:
    """A kind of shift: it begins in a window of the local day, on some days of the week."""

    name: str = _figure("full", "what people call it")
    hours: float = _figure(8.5, "from start to end, breaks included", 0.25, 24)
    first_start: str = _figure("07:00", "the earliest start, local time")
    last_start: str = _figure("13:00", "the latest start: a day that closes at 21:00 is covered to its end")
    every_min: int = _figure(60, "minutes from one possible start to the next", 5, 1440)
    days: tuple[str, ...] = _figure(DAYS, "the days on which it may begin")
    breaks: tuple[Break, ...] = _figure(
        (Break(15, True, 1.5, 2.5), Break(30, False, 3.5, 5.0), Break(15, True, 6.0, 7.0)), "in order"
    )


@dataclass(frozen=True)
class Rostering:
    """What shifts people may work, and what missing and idle agents cost beside wages."""

    slot_min: int = _figure(15, "the grid of shifts and breaks; a whole number of slots in an interval", 5, 60)
    rest_h: float = _figure(11.0, "between two shifts (EU Directive 2003/88/EC, article 3)", 0, 48)
    max_days_week: int = _figure(5, "days at work in a calendar week", 1, 7)
    max_hours_week: float = _figure(40.0, "paid hours, for agents whose own limit is not given", 0, 168)
    min_hours_week: float = _figure(0.0, "paid hours that must be given; in part of a week its share", 0, 168)
    max_hours_day: float = _figure(10.0, "paid hours of one shift", 0.25, 24)
    cost_hour: float = _figure(20.0, "a paid hour of an agent whose cost is not given", 0, 1e4)
    missing_cost: float = _figure(100.0, "an agent too few for an hour: five wages, so that it is rare", 0, 1e6)
    idle_cost: float = _figure(0.5, "an agent too many for an hour, beside the wage: spreads them evenly", 0, 1e6)
    effort: float = _figure(20.0, "of the solver, in its own seconds, which take 1 to 3 s of a core", 0.1, 3600)
    repairs: int = _figure(4, "rounds of adding agents where the played plan misses", 0, 10)


@dataclass(frozen=True)
class Rules:
    """All of them. `queues`: figures of `service` that differ in a queue. `channels`: as `Channel`, where their
    contacts are not worked as calls are."""

    service: Service = field(default_factory=Service)
    queues: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    channels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shrinkage: float = _figure(0.1, "share of rostered time away that no roster shows: sick, coaching", 0, 0.9)
    luck: Luck = field(default_factory=Luck)
    rostering: Rostering = field(default_factory=Rostering)
    templates: tuple[Template, ...] = (
        Template(),
        Template("part", 4.0, "07:00", "18:00", 60, DAYS, (Break(15, True, 1.5, 2.5),)),
    )

    def goal(self, queue: str) -> Goal:
        """What this queue is to reach."""
        own = replace(self.service, **self.queues.get(queue, {}))  # type: ignore[arg-type]
        return Goal(own.target, own.within_s, own.probability, own.max_occupancy, own.min_agents, own.on_average)

    def channel(self, name: str) -> Channel:
        """How this channel's contacts are worked."""
        return Channel(**self.channels.get(name, {}))


def load(path: Path) -> Rules:
    """Rules from YAML. Raises InputError for what cannot be read or meant, UnknownParameter naming the known ones."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError("the staffing rules cannot be read", expected="a file of YAML, UTF-8", came=str(error)[:300],
                         where=str(path)) from error  # fmt: skip
    return from_mapping(read or {}, where=str(path))


def from_mapping(raw: Any, *, where: str = "rules") -> Rules:
    """Rules from plain data; what is left out keeps its default."""
    rules: Rules = _made(Rules, raw, where)
    for queue, own in rules.queues.items():
        _made(Service, own, f"{where}.queues.{queue}")
    if unknown := sorted(str(channel) for channel in rules.channels if channel not in CHANNELS):
        raise UnknownParameter("unknown channel", expected=", ".join(CHANNELS), came=", ".join(unknown)[:80],
                               where=f"{where}.channels")  # fmt: skip
    for channel, how in rules.channels.items():
        _made(Channel, how, f"{where}.channels.{channel}")
    names = [template.name for template in rules.templates]
    if len(set(names)) < len(names):
        raise InputError("two templates of one name", expected="a name each", came=", ".join(names), where=where)
    for template in rules.templates:
        _refuse_senseless_shift(template, rules.rostering, f"{where}.templates.{template.name}")
    return rules


def minute(clock: str, *, where: str) -> int:
    """Minutes since midnight of "HH:MM"."""
    hours, colon, minutes = clock.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60):
        raise InputError("no such time of day", expected="HH:MM", came=clock[:20], where=where)
    return int(hours) * 60 + int(minutes)


def _made(shape: Any, raw: Any, where: str) -> Any:
    if not isinstance(raw, Mapping):
        raise InputError("a section of the rules is a mapping", expected="name: value", came=repr(raw)[:80],
                         where=where)  # fmt: skip
    known = {one.name: one for one in fields(shape)}
    if unknown := sorted(str(name) for name in raw if name not in known):
        raise UnknownParameter("unknown rule", expected=", ".join(known), came=", ".join(unknown), where=where)
    hints = get_type_hints(shape)
    told = {name: _fitted(hints[name], value, f"{where}.{name}") for name, value in raw.items()}
    for name, value in told.items():
        _refuse_out_of_bounds(value, known[name].metadata, f"{where}.{name}")
    return shape(**told)


def _fitted(hint: Any, value: Any, where: str) -> Any:
    """The value as the declared type; whole numbers may stand for fractions, lists for tuples."""
    if is_dataclass(hint):
        return _made(hint, value, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise InputError("not a value of this rule", expected="a list", came=repr(value)[:80], where=where)
        return tuple(_fitted(get_args(hint)[0], one, f"{where}[{place}]") for place, one in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = get_origin(hint) or hint
    if not isinstance(value, plain or NoneType) or (isinstance(value, bool) and plain is not bool):
        kinds = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
        raise InputError("not a value of this rule", expected=kinds.get(plain, "names and values"),
                         came=repr(value)[:80], where=where)  # fmt: skip
    return value


def _refuse_out_of_bounds(value: Any, told: Mapping[str, Any], where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if not told["least"] <= value <= told["most"]:
        raise InputError("a rule that makes no sense", expected=f"{told['least']:g} to {told['most']:g}",
                         came=f"{value:g}", where=where)  # fmt: skip


def _refuse_senseless_shift(template: Template, rostering: Rostering, where: str) -> None:
    first, last = (minute(clock, where=where) for clock in (template.first_start, template.last_start))
    if last < first:
        raise InputError("no start fits", expected="last_start at or after first_start",
                         came=f"{template.first_start} to {template.last_start}", where=where)  # fmt: skip
    if unknown := sorted(set(template.days) - set(DAYS)):
        raise InputError("no such day", expected=", ".join(DAYS), came=", ".join(unknown), where=where)
    ends = 0.0
    for pause in template.breaks:
        if not ends <= pause.after_h <= pause.before_h <= template.hours - pause.minutes / 60:
            came = f"{pause.minutes} min, {pause.after_h:g} to {pause.before_h:g} h"
            expected = "windows in order, apart, within the shift"
            raise InputError("a break that does not fit", expected=expected, came=came, where=where)
        ends = pause.before_h + pause.minutes / 60
    for minutes in (first, template.every_min, template.hours * 60, *(pause.minutes for pause in template.breaks)):
        if minutes % rostering.slot_min:
            raise InputError("a shift off the grid", expected=f"multiples of {rostering.slot_min} min (slot_min)",
                             came=f"{minutes:g} min", where=where)  # fmt: skip
