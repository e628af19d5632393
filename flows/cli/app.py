"""All commands together, and the one place where an error becomes words and an exit code."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import typer

from data_contracts.errors import ParleyError, UnavailableError
from flows.cli import (
    calendar,
    consumers,
    evaluating,
    forecasting,
    intents,
    judging,
    labelling,
    people,
    records,
    reviewing,
    running,
    serving,
    staffing,
    versions,
)

# What the errors of our tree do not cover is a defect of ours: sysexits.h EX_SOFTWARE.
DEFECT = 70
INTERRUPTED = 130


def application() -> typer.Typer:
    """The typer application. Rich is left out of `--help`: its import costs more than the help."""
    app = typer.Typer(
        name="parley",
        help="The machine-learning platform behind a customer-service contact centre.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for module in (
        records,
        running,
        judging,
        evaluating,
        forecasting,
        staffing,
        labelling,
        intents,
        calendar,
        consumers,
        versions,
        reviewing,
        serving,
        people,
    ):
        module.add_to(app)
    return app


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; an error is told, never thrown at the reader."""
    try:
        application()(arguments)
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except ParleyError as error:
        tell(error, as_json="--json" in arguments)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        refused = _refused_by_disk(error)
        tell(refused, as_json="--json" in arguments)
        return refused.exit_code
    except Exception as error:  # noqa: BLE001 - the outermost edge: a defect is kept in a file, not shown as a traceback
        return _defect(error)
    return 0


def tell(error: ParleyError, *, as_json: bool) -> None:
    """An error on stderr: what was expected, what came, where, and what to do."""
    facts = {name: getattr(error, name) for name in ("message", "expected", "came", "where", "remedy")}
    if as_json:
        told = {"kind": error.kind, "exit_code": error.exit_code, **facts}
        sys.stderr.write(json.dumps({"error": told}, ensure_ascii=False, sort_keys=True) + "\n")
        return
    sys.stderr.write(f"error: {facts.pop('message')}\n")
    for name, value in facts.items():
        if value:
            sys.stderr.write(f"  {name + ':':<10}{value}\n")


def _refused_by_disk(error: OSError) -> UnavailableError:
    """What the operating system refused: no place, no right to write, no folder. Nothing of ours is broken."""
    return UnavailableError(
        "the operating system refused",
        expected="a file or folder that can be read and written",
        came=error.strerror or str(error),
        where=str(error.filename or ""),
        remedy="Look at the path, its rights and the space on its disk.",
    )


def _defect(error: Exception) -> int:
    import traceback

    home = Path(os.environ.get("PARLEY_HOME") or ".parley")
    place = home / "defects.log"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with place.open("a", encoding="utf-8") as kept:
            traceback.print_exception(error, file=kept)
    except OSError:
        place = Path("(nowhere: the workspace cannot be written)")
    sys.stderr.write(
        f"error: a defect of Parley: {type(error).__name__}: {error}\n"
        f"  where:    {place}\n  remedy:   report it with that file\n"
    )
    return DEFECT
