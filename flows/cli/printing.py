"""How results are shown: for people as facts and tables, for programs as one JSON object (`--json`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer

# Columns of a table that goes to a file or a pipe, where nothing is folded.
_WIDEST = 1000
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]


def out(content: Any) -> None:
    """One JSON object on stdout, keys sorted."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1, default=str) + "\n")


def say(line: str = "") -> None:
    """One line on stdout."""
    sys.stdout.write(line + "\n")


def facts(content: Mapping[str, Any], *, indent: str = "") -> None:
    """Names and values, one a line, the values in one column."""
    shown = {name: value for name, value in content.items() if value not in (None, "", [], {}, ())}
    width = max((len(name) for name in shown), default=0)
    for name, value in shown.items():
        say(f"{indent}{name:<{width}}  {_word(value)}")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str) -> None:
    """Rows under a heading, or the word for none; where no person looks, each in one line."""
    if not rows:
        say(empty)
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(_word(value) for value in row))
    width = None if sys.stdout.isatty() else _WIDEST
    Console(file=sys.stdout, highlight=False, markup=False, width=width).print(shown)


def local(moment: str | datetime, zone: str) -> str:
    """A moment by the clock of a time zone, to the minute."""
    from zoneinfo import ZoneInfo

    told = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{told.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def period(row: Mapping[str, Any], zone: str) -> dict[str, Any]:
    """A row whose `starts_at` and `ends_at` are told by the local clock, as those who plan wrote them."""
    told = {name: f"{local(row[name], zone)} {zone}" for name in ("starts_at", "ends_at") if name in row}
    return {**row, **told}


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show that long work goes on: a spinner where a person looks, one line elsewhere, nothing when quiet.

    Gives a function that tells at which step the work is: beside the spinner, or as a line of its own.
    """
    if quiet:
        yield lambda step: None
        return
    if not sys.stderr.isatty():
        _say_aside(f"{what} …")
        yield lambda step: _say_aside(f"{what}: {step}")
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as shown:
        yield lambda step: shown.update(f"{what}: {step}")


def _say_aside(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _word(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(_word(one) for one in (sorted(value) if isinstance(value, (set, frozenset)) else value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_word(inner)}" for name, inner in value.items())
    return str(value)
