"""A reviewer in front of the pages of a house: signs in by a link, reads, and sends the forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from centre.clock import FixedClock
from serving.app import create
from tests.serving.house import House, Office, make


@dataclass
class Browser:
    """Somebody in front of the pages; follows redirects as browsers do."""

    http: TestClient
    house: House

    def sign_in(self, name: str) -> Any:
        code = self.house.doors.people.invite(name, clock=self.house.doors.clock)
        return self.http.get(f"/sign-in?code={code}")

    def decide(self, request_id: str, how: str, *, comment: str = "fine", **changes: str) -> Any:
        page = self.http.get(f"/inbox/requests/{request_id}").text
        fields = {"comment": comment, "token": hidden(page, "token"), "subject": hidden(page, "subject"), **changes}
        return self.http.post(f"/inbox/requests/{request_id}/{how}", data=fields)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    return found.group(1) if found else ""


def words(page: Any) -> str:
    """What a page says, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


@contextmanager
def reviewing(office: Office, home: Path, clock: FixedClock, **doors: Any) -> Iterator[Browser]:
    """The pages over an office's history and reports; erin, who asks there, is a reviewer too. doors: further ones."""

    def find(family: str, version: str) -> Path | None:
        folder = office.folder / f"made-{version}" / "report"
        return folder if family == "intent" and folder.is_dir() else None

    house = make(home, clock, history=office.history, find_report=find, **doors)
    house.doors.people.add("erin", roles=["engineer", "reviewer"], by="test", clock=house.doors.clock)
    with TestClient(create(house.doors), raise_server_exceptions=False) as http:
        yield Browser(http, house)
