"""How fast an approved intent model answers over HTTP, and what it costs: `make bench-intent`.

A workspace of its own learns Banking77's ten-shot draw and SMP2017 (Chinese) with the frozen recipe, a reviewer
approves, and `parley serve --only intent` answers. One client asks texts one after the other; then 16 clients ask at
once, beside the encoder alone in this process and the same payload behind `mlflow models serve`. Prints Markdown rows.
"""

from __future__ import annotations

import csv
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.intent_files import REAL_DATA, REPOSITORY
from flows.compose import workspace
from flows.measuring import memory_mb
from tests.journeys.desk import Desk

CLIENTS, ALONE, TOGETHER_S = 16, 600, 15.0
TAUGHT = ("banking77/train_10.csv", "smp2017_zh/train.csv")
# Requests that are not counted: caches and branch predictors are cold.
WARM = 50


def texts_of(name: str, count: int) -> list[str]:
    """The first texts of a file."""
    with (REAL_DATA / name).open(encoding="utf-8") as file:
        return [row["text"] for row in csv.DictReader(file)][:count]


def taught(desk: Desk) -> Path:
    """Learn, ask, approve; returns the folder of the payload as MLflow keeps it."""
    desk.admit(ada="engineer", rui="reviewer", desktop="service")
    for name in TAUGHT:
        desk.parley("ingest", "intent-csv", REAL_DATA / name, "--source", name.split("/")[0])
    changes = ("--set", "intent.recipe=frozen", "--set", "intent.max_rows=300")
    told = desk.parley("retrain", "intent", "--reason", "benchmark", *changes, "--json", person="ada").told
    outcome = told["outcomes"]["intent"]
    if not outcome.get("request"):
        raise SystemExit(f"nothing to approve: {outcome}")
    desk.parley("review", "approve", outcome["request"], person="rui")
    place = workspace(desk.home)
    return place.registry.fetch("intent", outcome["version"], desk.home.parent / "payload")


@contextmanager
def mlflow_serving(payload: Path) -> Iterator[str]:
    """The same payload behind MLflow's own server."""
    import mlflow

    model = payload.parent / "mlflow-model"
    mlflow.pyfunc.save_model(str(model), python_model=str(payload / "loader.py"), artifacts={"payload": str(payload)})
    command = [str(Path(sys.executable).with_name("mlflow")), "models", "serve", "-m", str(model), "-p", "18181",
               "--env-manager", "local", "--workers", "1"]  # fmt: skip
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as child:
        try:
            yield "http://127.0.0.1:18181"
        finally:
            subprocess.run(["pkill", "-P", str(child.pid)], check=False)
            child.terminate()


class Caller:
    """One client with one connection that stays open."""

    def __init__(self, address: str, path: str, headers: dict[str, str], body: Callable[[str], Any]) -> None:
        self._http = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        self._path, self._headers, self._body = path, {"Content-Type": "application/json", **headers}, body

    def ask(self, text: str) -> float:
        """Milliseconds until the whole answer is there."""
        body = json.dumps(self._body(text))
        began = time.perf_counter()
        self._http.request("POST", self._path, body=body, headers=self._headers)
        answer = self._http.getresponse()
        told = answer.read()
        taken = 1000 * (time.perf_counter() - began)
        if answer.status != 200:
            raise SystemExit(f"{self._path}: {answer.status} {told[:500]!r}")
        return taken


def alone(caller: Caller, texts: Sequence[str]) -> tuple[float, float]:
    """p50 and p99 in milliseconds of texts asked one after the other."""
    taken = [caller.ask(text) for text in texts][WARM:]
    return float(np.median(taken)), float(np.quantile(taken, 0.99))


def together(make: Callable[[], Caller], texts: Sequence[str]) -> float:
    """Answers a second that `CLIENTS` get who ask as fast as they are answered."""
    until, counted = time.perf_counter() + TOGETHER_S, threading.local()

    def run(place: int) -> int:
        caller, counted.n = make(), 0
        while time.perf_counter() < until:
            caller.ask(texts[(place * 37 + counted.n) % len(texts)])
            counted.n += 1
        return int(counted.n)

    with ThreadPoolExecutor(CLIENTS) as clients:
        return sum(clients.map(run, range(CLIENTS))) / TOGETHER_S


def encoder_rate(payload: Path, texts: Sequence[str]) -> float:
    """Texts a second of the first encoder alone, one at a time on one thread, no head and no HTTP."""
    from features.encoders import OnnxEncoder

    encoder = OnnxEncoder(payload / "encoder-0", threads=1)
    encoder.encode(texts[:WARM])
    began = time.perf_counter()
    for text in texts:
        encoder.encode([text])
    return len(texts) / (time.perf_counter() - began)


def until_up(caller: Caller, text: str, *, within_s: float = 120.0) -> None:
    """Wait for the first answer."""
    began = time.perf_counter()
    while time.perf_counter() - began < within_s:
        try:
            caller.ask(text)
            return
        except OSError:
            caller._http.close()
            time.sleep(0.5)
    raise SystemExit("no answer")


def through_parley(desk: Desk, english: Sequence[str], chinese: Sequence[str]) -> dict[str, float]:
    """The figures of `parley serve --only intent`."""
    with desk.serving("--only", "intent") as client:
        address, process = str(client.base_url), desk.home / "serving.json"

        def make(language: str = "en") -> Caller:
            turns = lambda text: {"contact_id": "c-1", "turns": [{"speaker": "customer", "text": text}]}  # noqa: E731
            return Caller(
                address, "/v1/intent", desk.headers("desktop"), lambda text: {**turns(text), "language": language}
            )

        until_up(make(), english[0])
        p50, p99 = alone(make(), english)
        zh50, zh99 = alone(make("zh"), chinese)
        rate = together(make, english)
        memory = memory_mb(int(json.loads(process.read_text())["pid"])) or float("nan")
    return {"p50": p50, "p99": p99, "zh50": zh50, "zh99": zh99, "rate": rate, "memory": memory}


def through_mlflow(payload: Path, texts: Sequence[str]) -> float:
    """Answers a second of the same model behind `mlflow models serve`."""
    with mlflow_serving(payload) as address:

        def make() -> Caller:
            body = lambda text: {"dataframe_split": {"columns": ["text", "language"], "data": [[text, "en"]]}}  # noqa: E731
            return Caller(address, "/invocations", {}, body)

        until_up(make(), texts[0])
        return together(make, texts)


def main() -> None:
    """All figures."""
    english, chinese = texts_of("banking77/valid.csv", ALONE), texts_of("smp2017_zh/train.csv", ALONE)
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(REPOSITORY, Path(folder) / "home")
        payload = taught(desk)
        told = through_parley(desk, english, chinese)
        own, mlflow_rate = encoder_rate(payload, english), through_mlflow(payload, english)
    print("| what | measured |\n| --- | --- |")
    print(f"| one text through POST /v1/intent, English, p50 / p99 ms | {told['p50']:.2f} / {told['p99']:.2f} |")
    print(f"| the same, Chinese | {told['zh50']:.2f} / {told['zh99']:.2f} |")
    print(f"| {CLIENTS} clients, answers a second | {told['rate']:.0f} |")
    print(f"| the encoder alone, one thread, texts a second | {own:.0f} ({told['rate'] / own:.0%} of it over HTTP) |")
    times = told["rate"] / mlflow_rate
    print(f"| mlflow models serve, {CLIENTS} clients, answers a second | {mlflow_rate:.1f} (Parley {times:.1f}x) |")
    print(f"| memory of parley serve --only intent, MB | {told['memory']:.0f} |")


if __name__ == "__main__":
    main()
