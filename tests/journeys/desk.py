"""A person at a desk: runs `parley` from a clean checkout in a workspace of its own, and calls the application."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

# A command of a journey may train three models on a busy machine; more than this is stuck.
LIMIT_S = 600


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        """What it printed for programs."""
        return dict(json.loads(self.out[self.out.index("{") :]))


@dataclass
class Desk:
    """A checkout, a workspace, and the tokens of its people."""

    checkout: Path
    home: Path
    tokens: dict[str, str] = field(default_factory=dict)

    def parley(self, *arguments: str | Path, person: str = "", code: int | None = 0) -> Done:
        """Run a command as somebody; `code` is the exit code that it must have (None: any)."""
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            cwd=self.home.parent, env=self.environment(person), capture_output=True, text=True, timeout=LIMIT_S,
            check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def admit(self, **roles: str) -> None:
        """Add people; the first one lets the others in, so it must hold their roles or be given all."""
        for name, role in roles.items():
            named = [part for one in role.split("+") for part in ("--role", one)]
            first = next(iter(self.tokens), "")
            told = self.parley("people", "add", name, *named, "--json", person=first).told
            if "invitation" in told:
                told = self.parley("people", "accept", told["invitation"], "--json").told
            self.tokens[name] = told["token"]

    def environment(self, person: str = "") -> dict[str, str]:
        """Variables of a child: this checkout's code, this workspace, this person."""
        told = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        told |= {"PYTHONPATH": str(self.checkout), "PARLEY_HOME": str(self.home), "PARLEY_PROFILE": "test"}
        told |= {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
        return told | ({"PARLEY_TOKEN": self.tokens[person]} if person else {})

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[httpx.Client]:
        """The application in a process of its own, ended with the block; the client has its address."""
        child = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "serve", "--port", "0", *arguments],
            cwd=self.home.parent, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_follow, args=(child, said), daemon=True).start()
        try:
            with httpx.Client(base_url=_address(said), timeout=30) as client:
                yield client
        finally:
            child.terminate()
            child.wait(timeout=30)

    def headers(self, person: str) -> dict[str, str]:
        """A person's bearer token."""
        return {"Authorization": f"Bearer {self.tokens[person]}"}


def _follow(child: subprocess.Popen[str], said: queue.Queue[str]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        said.put(line)
    said.put("")


def _address(said: queue.Queue[str]) -> str:
    heard = []
    while line := said.get(timeout=LIMIT_S):
        heard.append(line)
        if found := re.search(r"Parley answers at (http://\S+)", line):
            return found.group(1)
    raise AssertionError("the application did not start:\n" + "".join(heard))
