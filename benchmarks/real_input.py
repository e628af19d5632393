"""The three real-input journeys' figures beside their baselines: `make bench-real`.

Each data set gets a workspace of its own in a temporary folder. The figures are those of the judged report, on rows
that are frozen by time (or by a hash of the text) and were never learned from. Prints Markdown rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("PARLEY_REAL_DATA", REPOSITORY.parent / "shared" / "data"))


@dataclass(frozen=True)
class Journey:
    """A file, the format it is read as, and the family that learns from it."""

    family: str
    form: str
    path: str
    options: tuple[str, ...] = ()


JOURNEYS = (
    Journey("intent", "intent-csv", "intent/banking77/train.csv"),
    Journey("forecast", "volume-csv", "volume/bank_calls/calls_5min.csv", ("--time-zone", "America/New_York")),
    Journey("routing", "anonymous-bank", "calls/anonymous_bank/calls_1999-02-01_21.tsv"),
)


def parley(home: Path, *words: str) -> dict[str, Any]:
    """What one command answers as JSON; the first person's token is kept beside the workspace."""
    token = home.with_suffix(".token")
    environment = {**os.environ, "PARLEY_HOME": str(home)}
    if token.is_file():
        environment["PARLEY_TOKEN"] = token.read_text("utf-8")
    command = [sys.executable, "-m", "flows.cli", *words, "--json"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise SystemExit(f"parley {' '.join(words)}: {done.stderr}")
    return dict(json.loads(done.stdout))


def run(journey: Journey, home: Path) -> None:
    """One journey; prints its figures."""
    token = parley(home, "people", "add", "ada", "--role", "engineer")["token"]
    home.with_suffix(".token").write_text(token, "utf-8")
    taken = parley(home, "ingest", journey.form, str(REAL_DATA / journey.path), *journey.options)["taken"]
    begun = time.perf_counter()
    outcome = parley(home, "retrain", journey.family, "--reason", "benchmark")["outcomes"][journey.family]
    seconds = time.perf_counter() - begun
    report = parley(home, "report", f"{journey.family}/{outcome['version']}")
    print(f"\n{journey.path}: {taken} rows, retrained in {seconds:.0f} s, {outcome['verdict']}")
    for reason in report["reasons"]:
        print(f"  held: {reason}")
    print("| figure | value | 95% from | to |\n| --- | --- | --- | --- |")
    for one in report["metrics"]:
        print(f"| {one['name']} | {_told(one['value'])} | {_told(one['low'])} | {_told(one['high'])} |")
    for one in report["comparisons"]:
        name = f"gain in {one['metric']} over {one['against']} ({_told(one['other'])})"
        print(f"| {name} | {_told(one['difference'])} | {_told(one['low'])} | {_told(one['high'])} |")


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def main() -> None:
    """All journeys, or those named: intent, forecast, routing."""
    if not REAL_DATA.is_dir():
        raise SystemExit("no real data: set PARLEY_REAL_DATA to the folder that holds intent/, volume/ and calls/")
    with tempfile.TemporaryDirectory() as folder:
        for journey in JOURNEYS:
            if not sys.argv[1:] or journey.family in sys.argv[1:]:
                run(journey, Path(folder) / journey.family)


if __name__ == "__main__":
    main()
