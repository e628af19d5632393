"""`python -m flows.tethered MODULE ARGUMENTS…`: as `python -m` would, in a process that dies with its parent."""

from __future__ import annotations

import runpy
import sys

from flows.environment import die_with_parent


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the module."""
    die_with_parent()
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
