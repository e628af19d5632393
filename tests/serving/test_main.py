"""The process itself: light to import, open on a real port, ending without losing what it answered."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import threadpoolctl  # type: ignore[import-untyped]

from centre.log import SqliteLog
from serving import main
from tests.serving.house import House, IntentModel, slot

REPOSITORY = Path(__file__).resolve().parents[2]
HEAVY = ["torch", "feast", "mlflow", "sklearn", "pandas", "great_expectations", "prefect", "dvc", "matplotlib", "scipy",
         "sentence_transformers", "transformers"]  # fmt: skip


def test_the_serving_process_imports_nothing_heavy() -> None:
    modules = sorted(f"serving.{path.stem}" for path in (REPOSITORY / "serving").glob("[a-z]*.py"))
    script = (
        "import sys, json, importlib\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "from features import mirror, routing, text\n"
        "text.language_of('hello'); text.dialogue([{'speaker': 'customer', 'text': 'x'}], max_chars=9)\n"
        f"print(json.dumps(sorted(set({HEAVY!r}) & set(sys.modules))))"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("part", ["intent", "route", "forecast", "events", "feedback", "inbox", "models"])
def test_each_part_starts_alone(part: str, house: House) -> None:
    with house.open(only=frozenset({part})) as client:
        assert client.http.get("/readyz").status_code == 200


def test_a_real_server_answers_and_writes_everything_before_it_ends(house: House, tmp_path: Path) -> None:
    house.shelf.put(slot("intent", IntentModel()))
    log = SqliteLog(tmp_path / "log.sqlite")
    address: list[str] = []
    server = main.server(replace(house.doors, log=log), on_ready=address.append)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    until = time.monotonic() + 10
    while not address and time.monotonic() < until:
        time.sleep(0.02)
    headers = {"authorization": f"Bearer {house.tokens['service']}"}
    body: Any = {"contact_id": "c-1", "turns": [{"speaker": "customer", "text": "hello there"}]}
    with httpx.Client(base_url=address[0], headers=headers) as client:
        ids = {client.post("/v1/intent", json=body).json()["prediction_id"] for _ in range(50)}
        large = client.post("/v1/intent", content=b"x" * 3_000_000, headers={"content-type": "application/json"})
    server.should_exit = True
    thread.join(15)

    assert not thread.is_alive()
    assert large.status_code == 413
    assert {stored.event.id for stored in log.read()} == ids


def test_a_process_that_is_asked_to_stop_ends_well(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from centre.clock import FixedClock; from serving import main; from tests.serving import house\n"
        "held = house.make(Path(sys.argv[1]), FixedClock(datetime(2026, 5, 1, tzinfo=UTC)))\n"
        "main.serve(held.doors, on_ready=lambda address: print(address, flush=True)); print('ended', flush=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    alive = httpx.get(f"{address}/healthz").json()
    process.terminate()
    rest, said = process.communicate(timeout=20)

    assert alive == {"status": "alive"}
    assert (process.returncode, rest) == (0, "ended\n")
    assert {json.loads(line)["what"] for line in said.splitlines()} == {"request"}


def test_a_serving_process_multiplies_on_the_thread_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):  # put back after the test
        main.one_thread_a_product()
        threads = {one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"}

    assert threads == {1}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
