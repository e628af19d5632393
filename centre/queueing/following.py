"""What comes of a contact: where it is handed on to, whether the customer calls again, when and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from centre.queueing.call_log import DAY_S, NOBODY, Bools, CallLog, Floats, Ints

HOURS: Final = 24
# With fewer repeats into a kind of contact after an end in an hour of the day, those into all kinds are drawn from, and
# with fewer of these those of all hours.
FEWEST: Final = 20
# As many delays say as much as all of them.
MOST: Final = 500
NOT_FOLLOWED: Final = -1


@dataclass(frozen=True)
class Onward:
    """Shares of contacts that go on, by stream, and where to: rows of `to` add up to 1 where the share is above 0."""

    share: Floats
    to: Floats

    def stream(self, stream: int, quantile: float) -> int:
        """The stream at this place (0 to 1) of the distribution of destinations."""
        return int(np.searchsorted(np.cumsum(self.to[stream]), quantile, side="right").clip(0, len(self.to) - 1))


@dataclass(frozen=True)
class Following:
    """Transfers of answered contacts; repeats of the same known customer after an answer and after giving up.

    `delays_s[kind][hour]`: seconds to a repeat that is of this kind from the end, in this hour of the day, of what it
    repeats, ascending: who calls again tomorrow does so while somebody answers, who writes does so at night too.
    `opens_s`, `closes_s`: seconds of the day between which contacts of a kind came on a weekday; nan where none did.
    """

    transfers: Onward
    after_answer: Onward
    after_giving_up: Onward
    delays_s: tuple[tuple[Floats, ...], ...]
    opens_s: Floats
    closes_s: Floats

    def delay_s(self, kind: int, ended_s: float, quantile: float, *, first_weekday: int) -> float:
        """Seconds until a repeat of this kind, at this place (0 to 1) of the delays after the hour of the end.

        Of these only such count that lead to a time at which contacts of the kind come, if there are any.
        """
        known = self.delays_s[kind][int(ended_s % DAY_S // 3600)]
        days, at_s = np.divmod(ended_s + known, DAY_S)
        weekday = (first_weekday + days.astype(np.int64)) % 7
        meant = known[(at_s >= self.opens_s[kind, weekday]) & (at_s <= self.closes_s[kind, weekday])]
        choice = meant if len(meant) else known
        return float(choice[min(len(choice) - 1, int(quantile * len(choice)))])


@dataclass(frozen=True)
class Links:
    """The leg that follows each leg, by place, or NOT_FOLLOWED: handed on to it, or come back with it."""

    handed_to: Ints
    repeated_by: Ints

    @property
    def fresh(self) -> Bools:
        """Whether each leg came of itself: neither handed on from another nor a repeat."""
        found = np.ones(len(self.handed_to), dtype=np.bool_)
        for follower in (self.handed_to, self.repeated_by):
            found[follower[follower != NOT_FOLLOWED]] = False
        return found


def links(log: CallLog, *, window_s: float) -> Links:
    """What follows what: a transferred leg's next of the same contact; else what the customer came back with.

    That is the next leg of the same contact (re-opened), or the same known customer's next contact that is queued
    within the window after the end of this one.
    """
    after = _next_leg(log)
    handed = np.where(log.transferred, after, NOT_FOLLOWED)
    opens = np.ones(len(log), dtype=np.bool_)
    opens[after[after != NOT_FOLLOWED]] = False
    again = np.where(
        (after == NOT_FOLLOWED) & (log.customer != NOBODY), _next_contact(log, opens, window_s), NOT_FOLLOWED
    )
    return Links(handed, _once(np.where((after != NOT_FOLLOWED) & ~log.transferred, after, again)))


def fit(log: CallLog, linked: Links, *, window_s: float) -> Following:
    """Shares, destinations and delays. Contacts that ended less than the window before the log's end are censored.

    A log that is shorter than its window tells nothing of repeats: then nobody calls again.
    """
    ends = linked.handed_to == NOT_FOLLOWED
    matured = log.ended_s + window_s <= float(log.queued_s.max())
    again = linked.repeated_by
    return Following(
        transfers=_onward(log, ~log.gone, linked.handed_to),
        after_answer=_onward(log, ends & ~log.gone & matured, again),
        after_giving_up=_onward(log, ends & log.gone & matured, again),
        delays_s=_delays(log, again),
        opens_s=_hours_of(log, np.fmin),
        closes_s=_hours_of(log, np.fmax),
    )


def _next_leg(log: CallLog) -> Ints:
    """The next leg of the same contact."""
    after = np.full(len(log), NOT_FOLLOWED)
    order = np.lexsort((log.queued_s, log.contact))
    same = log.contact[order][1:] == log.contact[order][:-1]
    after[order[:-1][same]] = order[1:][same]
    return after


def _next_contact(log: CallLog, opens: Bools, window_s: float) -> Ints:
    """The first leg of the same customer's next contact, of those that begin one, queued within the window."""
    begun = np.flatnonzero(opens & (log.customer != NOBODY))
    if not len(begun):
        return np.full(len(log), NOT_FOLLOWED)
    begun = begun[np.lexsort((log.queued_s[begun], log.customer[begun]))]
    # One ascending key for customer and time: customers lie further apart than any two moments.
    apart = float(log.ended_s.max()) + window_s + 1.0
    keys = log.customer[begun] * apart + log.queued_s[begun]
    place = np.searchsorted(keys, log.customer * apart + log.ended_s, side="left")
    found = begun[np.minimum(place, len(begun) - 1)]
    near = (place < len(begun)) & (log.customer[found] == log.customer)
    return np.where(near & (log.queued_s[found] - log.ended_s <= window_s), found, NOT_FOLLOWED)


def _once(repeated: Ints) -> Ints:
    """A contact repeats one other at most: the one that ended last before it."""
    kept = np.full(len(repeated), NOT_FOLLOWED)
    followed = np.flatnonzero(repeated != NOT_FOLLOWED)
    for after, before in dict(zip(repeated[followed].tolist(), followed.tolist(), strict=True)).items():
        kept[before] = after
    return kept


def _onward(log: CallLog, legs: Bools, next_leg: Ints) -> Onward:
    count = len(log.streams)
    all_, gone_on = np.bincount(log.stream[legs], minlength=count), legs & (next_leg != NOT_FOLLOWED)
    to = np.zeros((count, count))
    np.add.at(to, (log.stream[gone_on], log.stream[next_leg[gone_on]]), 1.0)
    went = to.sum(axis=1)
    share = np.divide(went, all_, out=np.zeros(count), where=all_ > 0)
    return Onward(share, np.divide(to, went[:, None], out=np.zeros_like(to), where=went[:, None] > 0))


def _delays(log: CallLog, again: Ints) -> tuple[tuple[Floats, ...], ...]:
    legs = np.flatnonzero(again != NOT_FOLLOWED)
    delays = np.maximum(0.0, log.queued_s[again[legs]] - log.ended_s[legs])
    hours, kinds = (log.ended_s[legs] % DAY_S // 3600).astype(np.int64), log.kind[again[legs]]
    whole = np.sort(delays)
    by_hour = [_or(np.sort(delays[hours == hour]), whole) for hour in range(HOURS)]
    return tuple(
        tuple(_or(np.sort(delays[(hours == hour) & (kinds == kind)]), by_hour[hour]) for hour in range(HOURS))
        for kind in range(len(log.kinds))
    )


def _or(own: Floats, wider: Floats) -> Floats:
    if len(own) < FEWEST:
        return wider
    return own if len(own) <= MOST else np.quantile(own, (np.arange(MOST) + 0.5) / MOST, method="nearest")


def _hours_of(log: CallLog, pick: np.ufunc) -> Floats:
    """The first (or last) second of the day at which a contact of each kind came, by weekday."""
    found = np.full((len(log.kinds), 7), np.nan)
    weekday = log.weekdays[(log.queued_s // DAY_S).astype(np.int64)]
    pick.at(found, (log.kind, weekday), log.queued_s % DAY_S)
    return found
