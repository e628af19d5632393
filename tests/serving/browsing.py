"""A browser driven over WebDriver: just what the journey needs, on chromium where it is installed."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

# No window, no sandbox (the tests may run as root), and nothing that looks for a network.
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_PASSING = ("stale element reference", "no such element")


def _error(answer: Any) -> str | None:
    return answer.get("error") if isinstance(answer, dict) else None


def is_there() -> bool:
    return all(shutil.which(name) for name in ("chromium", "chromedriver"))


class Browser:
    """One window."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._try(method, path, body)
        assert _error(answer) is None, answer
        return answer

    def _try(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._http.request(method, path, json=body if method == "POST" else None).json()["value"]

    def open(self, url: str) -> None:
        self.ask("POST", "/url", {"url": url})

    @property
    def url(self) -> str:
        return str(self.ask("GET", "/url"))

    @property
    def text(self) -> str:
        """What the page shows, asked in one step: an element that is found first may be gone when it is read."""
        return str(self.run("return document.body ? document.body.innerText : ''"))

    def click(self, selector: str) -> None:
        self._on(selector, "click", {})

    def write(self, selector: str, text: str) -> None:
        self._on(selector, "value", {"text": text})

    def run(self, script: str) -> Any:
        return self.ask("POST", "/execute/sync", {"script": script, "args": []})

    def wait_for(self, text: str, *, within_s: float = 10.0) -> None:
        until = time.monotonic() + within_s
        while text not in self.text:
            assert time.monotonic() < until, f"no {text!r} in: {self.text[:2000]}"
            time.sleep(0.1)

    def picture(self, path: Path, *, width: int = 1280, height: int = 1000) -> None:
        self.ask("POST", "/window/rect", {"width": width, "height": height})
        path.write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def _on(self, selector: str, action: str, body: dict[str, Any], *, within_s: float = 10.0) -> None:
        """Find and act; a page that is just being replaced is asked again, as a person would look again."""
        until = time.monotonic() + within_s
        while True:
            answer = self._try("POST", "/element", {"using": "css selector", "value": selector})
            if _error(answer) is None:
                answer = self._try("POST", f"/element/{answer[_ELEMENT]}/{action}", body)
            if _error(answer) not in _PASSING or time.monotonic() > until:
                break
            time.sleep(0.1)
        assert _error(answer) is None, answer


@contextmanager
def window(folder: Path, *, language: str = "en") -> Iterator[Browser]:
    """A fresh headless window that prefers a language."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    driver = subprocess.Popen(
        [str(shutil.which("chromedriver")), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            _until_up(http)
            arguments = [*QUIET, f"--user-data-dir={folder}/chromium", f"--accept-lang={language}"]
            options = {"args": arguments, "prefs": {"intl.accept_languages": language}}
            wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
            session = http.post("/session", json=wanted).json()["value"]["sessionId"]
            http.base_url = whole = httpx.URL(f"http://127.0.0.1:{port}/session/{session}")
            try:
                yield Browser(http)
            finally:
                http.delete(whole).raise_for_status()  # or chromium outlives its driver
    finally:
        driver.terminate()
        driver.wait(10)


def _until_up(http: httpx.Client) -> None:
    for _ in range(100):
        try:
            if http.get("/status").json()["value"]["ready"]:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("chromedriver did not start")
