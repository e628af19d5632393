"""The calendar a planner knows, by local day: weekday, place in the month and the year, holidays and their neighbours.

China moves working days to weekends around its long holidays: those are working days here too, and the package
`holidays` names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from data_contracts.errors import InputError
from features.grid import Floats

if TYPE_CHECKING:
    from holidays import HolidayBase

# Harmonics of the month: one says that its ends differ from its middle, two that pay day is not the first.
# On `bank_calls` the day's total misses by .82, .66 and .68 of the median of six with 1, 2 and 3.
MONTH_HARMONICS = 2
YEAR_HARMONICS = 2
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Days:
    """What the calendar says of so many consecutive local days: `columns` (days, features) and the kind of each.

    weekday: 0 is Monday. is_holiday, is_before, is_after: 1 on public holidays and the days next to them.
    """

    first_day: date
    columns: Floats
    kinds: tuple[str, ...]
    weekday: Floats
    day_of_month: Floats
    month: Floats
    week_of_year: Floats
    is_holiday: Floats
    is_before: Floats
    is_after: Floats

    def __len__(self) -> int:
        return len(self.columns)


def days(first_day: date, count: int, *, country: str | None) -> Days:
    """The calendar of `count` days from `first_day` on. Raises InputError for a country that nobody knows."""
    told = [first_day + timedelta(days=place) for place in range(count)]
    off = holidays_of(country, told)
    names = {day: off.get(day) for day in off} if off is not None else {}
    moved = set(off.weekend_workdays) if off is not None and hasattr(off, "weekend_workdays") else set()
    near = [[float(day + timedelta(days=step) in names) for day in told] for step in (0, 1, -1)]
    marks: list[tuple[str, Floats | list[float]]] = [
        ("always", [1.0] * count),
        *(("weekday", [float(day.weekday() == number) for day in told]) for number in range(7)),
        *_cycle("month", [(day.day - 1) / _length_of_month(day) for day in told], MONTH_HARMONICS),
        *_cycle("year", [day.timetuple().tm_yday / _DAYS_A_YEAR for day in told], YEAR_HARMONICS),
    ]
    if names:
        marks += [*(("holiday", mark) for mark in near), ("holiday", [float(day in moved) for day in told])]
        # What falls on a weekend tells little of the others of its name; nor does a name that never comes here.
        seen = sorted({str(name) for day in told if (name := names.get(day)) and day.weekday() < 5})
        marks += [("named holiday", [float(names.get(day) == name) for day in told]) for name in seen]
    return Days(
        first_day, np.column_stack([mark for _, mark in marks]), tuple(kind for kind, _ in marks),
        *(np.asarray(one, dtype=np.float64) for one in (
            [day.weekday() for day in told], [day.day for day in told], [day.month for day in told],
            [day.isocalendar().week for day in told], *near)),
    )  # fmt: skip


def holidays_of(country: str | None, told: Sequence[date]) -> HolidayBase | None:
    """Public holidays of a country (ISO code) around those days, by the package `holidays`; none without a country."""
    if country is None:
        return None
    import holidays

    years = sorted({day.year + step for day in (told[0], told[-1]) for step in (-1, 0, 1)})
    try:
        return holidays.country_holidays(country, years=range(years[0], years[-1] + 1))
    except NotImplementedError as error:
        raise InputError(
            "no such country", expected="an ISO 3166 code that the package holidays knows", came=country
        ) from error


def _cycle(kind: str, share: Sequence[float], harmonics: int) -> list[tuple[str, Floats | list[float]]]:
    """Cosine and sine of each harmonic of a cycle, from the share of it that has passed."""
    turn = 2.0 * np.pi * np.asarray(share)
    return [(kind, wave(number * turn)) for number in range(1, harmonics + 1) for wave in (np.cos, np.sin)]


def _length_of_month(day: date) -> int:
    return ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
