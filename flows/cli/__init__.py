"""The command line `parley`. Nothing heavy is imported before a command needs it."""

from __future__ import annotations


def main() -> None:
    """The console script: run a command and end with an exit code that means something (data_contracts.errors)."""
    import sys

    from flows.cli.app import run

    sys.exit(run(sys.argv[1:]))
