"""Asks a server over HTTP from a process of its own, as leanly as it goes: what the client costs, nobody can answer.

One thread, raw sockets that stay open, requests encoded before the clock starts. `asked` starts the process;
`python -m benchmarks.http_load` is that process: an `Asking` as JSON comes in, a `Told` goes out.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

# Texts that neighbouring clients begin apart, so that no two ask the same at once.
APART = 37
# A server that is silent for so long has hung.
SILENT_S = 60.0


@dataclass(frozen=True)
class Asking:
    """What to ask, as how many clients, each one request after the other, and until when."""

    address: str  # http://host:port
    path: str
    bodies: Sequence[str]  # JSON; asked in turn, and again from the beginning
    headers: dict[str, str] = field(default_factory=dict)
    clients: int = 1
    answers: int = 0  # so many answers, or
    seconds: float = 0.0  # so long


@dataclass(frozen=True)
class Told:
    """Answers that came with status 200 within `seconds`, and what each took from its request, in milliseconds."""

    seconds: float
    taken_ms: list[float]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.taken_ms) / self.seconds


def asked(asking: Asking) -> Told:
    """Ask from a process of its own. Raises SystemExit with what the server said where it did not answer 200."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load"],
        input=json.dumps(asdict(asking)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return Told(**json.loads(done.stdout))


def request_bytes(asking: Asking, body: str) -> bytes:
    """One HTTP/1.1 request as it goes over the wire."""
    sent = body.encode()
    headers = {"Host": urlsplit(asking.address).netloc, "Content-Type": "application/json", **asking.headers}
    lines = [f"POST {asking.path} HTTP/1.1", *(f"{name}: {told}" for name, told in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(sent)}", "", ""]).encode() + sent


def answer_size(received: bytes | bytearray) -> int:
    """Bytes of the first answer in what was received; 0 while its head is not whole. ValueError without a length."""
    head_ends = received.find(b"\r\n\r\n")
    if head_ends < 0:
        return 0
    for line in bytes(received[:head_ends]).lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head_ends + 4 + int(line[15:])
    raise ValueError(f"an answer without content-length: {bytes(received[:200])!r}")


class _Client(asyncio.Protocol):
    """One connection: asks, reads the whole answer, asks again until the run is over."""

    def __init__(self, run: _Run, *, first: int) -> None:
        self._run, self._next, self._received, self._since = run, first, bytearray(), 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        size = answer_size(self._received)
        if not size or len(self._received) < size:
            return
        now = time.perf_counter()
        if self._received[9:12] != b"200":
            self._run.fail(bytes(self._received[:700]).decode(errors="replace"))
            return
        self._run.taken_ms.append(1000 * (now - self._since))
        del self._received[:size]
        if self._run.is_over(now):
            self._transport.close()
            self._run.end()
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._run.ended.done():
            self._run.fail(f"the server closed a connection: {exc}")

    def _ask(self) -> None:
        requests = self._run.requests
        self._since = time.perf_counter()
        self._transport.write(requests[self._next % len(requests)])
        self._next += 1


class _Run:
    """What the clients of one run share."""

    def __init__(self, asking: Asking) -> None:
        self.requests = [request_bytes(asking, body) for body in asking.bodies]
        self.taken_ms: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking, self._began, self.seconds = asking, time.perf_counter(), 0.0

    def is_over(self, now: float) -> bool:
        """Whether enough was asked."""
        self.seconds = now - self._began
        wanted = self._asking.answers
        return len(self.taken_ms) >= wanted if wanted else self.seconds >= self._asking.seconds

    def end(self) -> None:
        """The first client that sees the end ends it for all: what is under way then does not count."""
        if not self.ended.done():
            self.ended.set_result(None)

    def fail(self, said: str) -> None:
        """End, and tell what the server said."""
        if not self.ended.done():
            self.ended.set_exception(RuntimeError(said))


async def run(asking: Asking) -> Told:
    """All clients in this process. Raises RuntimeError with what the server said where it did not answer 200."""
    going = _Run(asking)
    place = urlsplit(asking.address)
    for client in range(asking.clients):
        made = _Client(going, first=client * APART)
        await asyncio.get_running_loop().create_connection(lambda made=made: made, place.hostname, place.port)
    await asyncio.wait_for(going.ended, (asking.seconds or asking.answers) + SILENT_S)
    return Told(going.seconds, going.taken_ms)


def main() -> None:
    """Read what to ask, ask, tell."""
    try:
        told = asyncio.run(run(Asking(**json.load(sys.stdin))))
    except (OSError, RuntimeError, TimeoutError, ValueError) as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from error
    print(json.dumps(asdict(told)))


if __name__ == "__main__":
    main()
