"""The integer program of a roster, and the one door of OR-tools: counts of shifts and breaks that cover what is wanted.

Agents who are alike are one crew, and the program counts how many of a crew work each shift (Dantzig 1954's set
covering); the breaks of a shift are counted apart from it (Aykin 1996). One worker, a seed and a limit in deterministic
time: the same answer to the same program on any machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from centre.staffing.load import Ints
from centre.staffing.shifts import Day, Shift

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

# Money in the program is whole: hundredths of the unit.
CENTS: Final = 100


@dataclass(frozen=True)
class Cover:
    """Agents wanted in each slot (slots,) among those who serve one of these queues; `idle` counts those beyond."""

    queues: frozenset[int]
    wanted: Ints
    idle: bool = False


@dataclass(frozen=True)
class Terms:
    """The rules of a roster in slots, and its prices by the hour; `effort`: deterministic seconds."""

    slot_s: int
    rest: int
    max_days_week: int
    missing_cost: float
    idle_cost: float
    effort: float
    seed: int


@dataclass(frozen=True)
class Task:
    """What a program is about. Without `covers` it only looks for counts that break no rule."""

    shifts: Sequence[Shift]
    days: Sequence[Day]
    covers: Sequence[Cover]
    terms: Terms


@dataclass(frozen=True)
class Crew:
    """Workers that are alike: how many, their skills, the shifts (places) that each may work.

    By calendar week the paid slots that each has to give and may give, and the days that each may work.
    """

    size: int
    skills: frozenset[int]
    cost_hour: float
    shifts: tuple[int, ...]
    least: tuple[tuple[int, int], ...]
    most: tuple[tuple[int, int], ...]
    days: tuple[tuple[int, int], ...]


# By (skills, shift, break, place): how many begin that break there.
Breaks = dict[tuple[frozenset[int], int, int, int], int]


@dataclass(frozen=True)
class Found:
    """Counts by (crew, shift), breaks, the objective in CENTS of a slot, its bound, the effort that was used."""

    counts: dict[tuple[int, int], int]
    breaks: Breaks
    objective: float
    bound: float
    effort: float


@dataclass
class _Program:
    """A model with its variables: counts by (crew, shift), breaks as in `Breaks`."""

    model: cp_model.CpModel
    counts: dict[tuple[int, int], cp_model.IntVar] = field(default_factory=dict)
    breaks: dict[tuple[frozenset[int], int, int, int], cp_model.IntVar] = field(default_factory=dict)


def solved(
    task: Task,
    crews: Sequence[Crew],
    *,
    effort: float,
    hint: tuple[Mapping[tuple[int, int], int], Breaks] | None = None,
    fixed: Sequence[tuple[Sequence[tuple[int, int]], int]] = (),
) -> Found | None:
    """The best counts found within the effort (deterministic seconds); None where the rules leave none.

    hint: counts and breaks to begin from. fixed: sums of counts that are to be so many.
    """
    from ortools.sat.python import cp_model

    program = _program(task, crews)
    for keys, total in fixed:
        program.model.add(sum(program.counts[key] for key in keys) == total)
    if hint is not None:
        _hint(program, *hint)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = task.terms.seed
    solver.parameters.max_deterministic_time = effort
    solver.parameters.relative_gap_limit = 1e-4
    if solver.solve(program.model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return Found(
        {key: solver.value(count) for key, count in program.counts.items()},
        {key: value for key, count in program.breaks.items() if (value := solver.value(count))},
        solver.objective_value,
        solver.best_objective_bound,
        solver.response_proto.deterministic_time,
    )


def _hint(program: _Program, counts: Mapping[tuple[int, int], int], breaks: Breaks) -> None:
    for key, count in program.counts.items():
        program.model.add_hint(count, counts.get(key, 0))
    for place, count in program.breaks.items():
        program.model.add_hint(count, breaks.get(place, 0))


def _program(task: Task, crews: Sequence[Crew]) -> _Program:
    from ortools.sat.python import cp_model

    program = _Program(cp_model.CpModel())
    for number, crew in enumerate(crews):
        _add_crew(program, number, crew, task)
    if task.covers:
        _add_costs(program, crews, task, _at_work(program, crews, task))
    return program


def _add_crew(program: _Program, number: int, crew: Crew, task: Task) -> None:
    """One shift a day, hours and days a week, rest between shifts: for a crew of one exactly, for more in sum."""
    model, size, shifts = program.model, crew.size, task.shifts
    own = {n: model.new_int_var(0, size, f"{number}/{n}") for n in crew.shifts}
    program.counts.update({(number, n): count for n, count in own.items()})
    of_day = {day: list(same) for day, same in groupby(crew.shifts, key=lambda n: shifts[n].day)}
    for same in of_day.values():
        model.add(sum(own[n] for n in same) <= size)
    for (week, least), (_, most), (_, days) in zip(crew.least, crew.most, crew.days, strict=True):
        inside = [n for n in crew.shifts if task.days[shifts[n].day].week == week]
        paid = sum(shifts[n].paid * own[n] for n in inside)
        model.add(paid <= most * size)
        model.add(paid >= least * size)
        model.add(sum(own[n] for n in inside) <= days * size)
    for day, same in of_day.items():
        following = of_day.get(day + 1, [])
        for end in sorted({shifts[n].end for n in same}):
            soon = [n for n in following if shifts[n].start < end + task.terms.rest]
            if soon:
                late = [n for n in same if shifts[n].end >= end]
                model.add(sum(own[n] for n in late) + sum(own[n] for n in soon) <= size)


def _at_work(program: _Program, crews: Sequence[Crew], task: Task) -> dict[frozenset[int], dict[int, cp_model.IntVar]]:
    """By skills and slot a variable: how many are at work, those on a break left out."""
    terms: dict[tuple[frozenset[int], int], list[Any]] = {}
    by_skills: dict[tuple[frozenset[int], int], list[Any]] = {}
    for (number, n), count in program.counts.items():
        by_skills.setdefault((crews[number].skills, n), []).append(count)
    size = Counter({skills: 0 for skills, _ in by_skills})
    for crew in crews:
        size[crew.skills] += crew.size
    for (skills, n), counts in by_skills.items():
        working = program.model.new_int_var(0, size[skills], f"working {n}")
        program.model.add(working == sum(counts))
        for slot in range(task.shifts[n].start, task.shifts[n].end):
            terms.setdefault((skills, slot), []).append(working)
        _add_breaks(program, skills, n, task.shifts[n], working, size[skills], terms)
    found: dict[frozenset[int], dict[int, cp_model.IntVar]] = {}
    for (skills, slot), own in terms.items():
        there = program.model.new_int_var(0, size[skills], f"at work {slot}")
        program.model.add(there == sum(own))
        found.setdefault(skills, {})[slot] = there
    return found


def _add_breaks(
    program: _Program,
    skills: frozenset[int],
    n: int,
    shift: Shift,
    working: cp_model.IntVar,
    size: int,
    terms: dict[tuple[frozenset[int], int], list[Any]],
) -> None:
    """Each break of each who works the shift has a place, and takes an agent from `terms` there."""
    for place, pause in enumerate(shift.pauses):
        own = [program.model.new_int_var(0, size, f"{n}.{place}.{at}") for at in pause.places]
        program.model.add(sum(own) == working)
        for at, count in zip(pause.places, own, strict=True):
            program.breaks[(skills, n, place, at)] = count
            for slot in range(at, at + pause.length):
                terms[(skills, slot)].append(-count)


def _add_costs(
    program: _Program,
    crews: Sequence[Crew],
    task: Task,
    at_work: Mapping[frozenset[int], Mapping[int, cp_model.IntVar]],
) -> None:
    """Wages, and the price of each agent missing or idle in each slot."""
    model = program.model
    total: list[Any] = [
        round(crews[number].cost_hour * CENTS) * task.shifts[n].paid * count
        for (number, n), count in program.counts.items()
    ]
    missing_cost, idle_cost = round(task.terms.missing_cost * CENTS), round(task.terms.idle_cost * CENTS)
    most = sum(crew.size for crew in crews)
    for cover in task.covers:
        able = [rows for skills, rows in at_work.items() if skills & cover.queues]
        for slot, wanted in enumerate(cover.wanted.tolist()):
            there = sum(rows[slot] for rows in able if slot in rows)
            if wanted > 0:
                missing = model.new_int_var(0, wanted, "")
                model.add(there + missing >= wanted)
                total.append(missing_cost * missing)
            if cover.idle and idle_cost and not isinstance(there, int):
                idle = model.new_int_var(0, most + max(0, -wanted), "")
                model.add(there - wanted <= idle)
                total.append(idle_cost * idle)
    model.minimize(sum(total))
