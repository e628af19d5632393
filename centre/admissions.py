"""Who let whom in, and when: what keeps one person from being two by making the second one themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Admission:
    """A person's credential was issued by somebody at a moment; a person admitted twice has two of these."""

    name: str
    by: str
    at: datetime


def admitted_by(
    name: str, admissions: Iterable[Admission], *, since: datetime | None, same: Callable[[str, str], bool]
) -> tuple[str, ...]:
    """Everybody who let `name` in at `since` or later, and who had let those in since, and so on up; None: ever.

    `same` tells whether two spellings are one person. Somebody let in before `since` is a person of their own by then:
    the line ends with them.
    """
    counted = [one for one in admissions if since is None or one.at >= since]
    found: list[str] = []
    waiting = [name]
    while waiting:
        one = waiting.pop()
        fresh = {told.by for told in counted if same(told.name, one)} - set(found)
        found.extend(sorted(fresh))
        waiting.extend(sorted(fresh))
    return tuple(found)
