"""The clients of the benchmark: they ask what they were told to, count what was answered, and hide no failure."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest

from benchmarks.http_load import APART, Asking, Told, answer_size, request_bytes, run


async def _asked(asking: dict[str, object], *, status: str = "200 OK", split: bool = False) -> tuple[Told, list[str]]:
    """Ask a server that answers `status` to everything; what was told, and the bodies that it saw, in order."""
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                seen.append((await reader.readexactly(size)).decode())
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\n".encode())
                if split:
                    await asyncio.sleep(0.001)
                writer.write(b"told")

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        return await run(Asking(**{"address": f"http://{host}:{port}", "path": "/x", **asking})), seen  # type: ignore[arg-type]
    finally:
        server.close()


@pytest.mark.parametrize("split", [False, True])
def test_one_client_asks_each_text_in_turn_and_again_from_the_beginning(split: bool) -> None:
    told, seen = asyncio.run(_asked({"bodies": ["1", "2", "3"], "answers": 5}, split=split))

    assert seen == ["1", "2", "3", "1", "2"]
    assert len(told.taken_ms) == 5
    assert sum(told.taken_ms) <= 1000 * told.seconds


def test_many_clients_ask_at_once_until_the_time_is_over() -> None:
    bodies = [json.dumps(n) for n in range(3 * APART)]
    told, seen = asyncio.run(_asked({"bodies": bodies, "clients": 3, "seconds": 0.2}))

    assert {"0", str(APART), str(2 * APART)} <= set(seen[:20])
    assert told.seconds == pytest.approx(0.2, abs=0.1)
    assert told.rate == len(told.taken_ms) / told.seconds


def test_an_answer_that_is_none_ends_the_run_and_says_what_came() -> None:
    with pytest.raises(RuntimeError, match="503 Service Unavailable"):
        asyncio.run(_asked({"bodies": ["1"], "answers": 5}, status="503 Service Unavailable"))


def test_a_request_carries_its_length_in_bytes() -> None:
    sent = request_bytes(Asking("http://h:1", "/p", [], {"X-A": "b"}), "密码")

    assert sent.startswith(b"POST /p HTTP/1.1\r\nHost: h:1\r\n")
    assert b"X-A: b\r\nContent-Length: 6\r\n\r\n" in sent


def test_the_end_of_an_answer_is_known_by_its_length() -> None:
    assert answer_size(b"HTTP/1.1 200 OK\r\nContent-Le") == 0
    assert answer_size(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more") == 40
    with pytest.raises(ValueError, match="without content-length"):
        answer_size(b"HTTP/1.1 200 OK\r\n\r\nok")
