"""How fast an approved intent model answers over HTTP, and what it costs: `make bench-intent`.

A workspace of its own learns Banking77's ten-shot draw and SMP2017 (Chinese) with the frozen recipe, a reviewer
approves, and `parley serve --only intent` answers. One client asks texts one after the other; then 16 clients ask at
once, beside the encoders alone in this process and the same payload behind `mlflow models serve`, asked by the same
clients (`http_load`, a process of their own on the same cores). Prints Markdown rows. With a folder as argument the
workspace is kept there, and taught only once.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np

from benchmarks.http_load import Asking, Told, asked
from benchmarks.intent_files import REAL_DATA, REPOSITORY
from features.encoders import Encoder, OnnxEncoder
from flows.compose import workspace
from flows.measuring import memory_mb, processor_s
from tests.journeys.desk import Desk
from training.loaders.intent import heard

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
def mlflow_serving(payload: Path) -> Iterator[tuple[str, int]]:
    """The same payload behind MLflow's own server: its address and its process."""
    import mlflow

    model = payload.parent / "mlflow-model"
    shutil.rmtree(model, ignore_errors=True)  # of a run before, in a workspace that was kept
    mlflow.pyfunc.save_model(str(model), python_model=str(payload / "loader.py"), artifacts={"payload": str(payload)})
    command = [str(Path(sys.executable).with_name("mlflow")), "models", "serve", "-m", str(model), "-p", "18181",
               "--env-manager", "local", "--workers", "1"]  # fmt: skip
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as child:
        try:
            yield "http://127.0.0.1:18181", child.pid
        finally:
            subprocess.run(["pkill", "-P", str(child.pid)], check=False)
            child.terminate()


@dataclass(frozen=True)
class Load:
    """What many clients got at once, and the milliseconds of processor that the server spent on each answer."""

    rate: float
    processor_ms: float


def alone(asking: Asking) -> tuple[float, float]:
    """p50 and p99 in milliseconds of texts asked one after the other."""
    taken = asked(replace(asking, answers=len(asking.bodies))).taken_ms[WARM:]
    return float(np.median(taken)), float(np.quantile(taken, 0.99))


def together(asking: Asking, *, pid: int) -> Load:
    """What `CLIENTS` get who ask as fast as they are answered."""
    began = processor_s(pid)
    told: Told = asked(replace(asking, clients=CLIENTS, seconds=TOGETHER_S))
    return Load(told.rate, 1000 * (processor_s(pid) - began) / len(told.taken_ms))


def encoder_rates(payload: Path, texts: Sequence[str], *, language: str) -> tuple[float, float]:
    """Texts a second, one at a time on one thread, no head and no HTTP: of the first encoder that an answer reads, and
    of all that it reads."""
    about = json.loads((payload / "payload.json").read_text(encoding="utf-8"))
    places = heard(about["languages"].get(language, about["languages"]["*"])["mix"])
    encoders = [OnnxEncoder(payload / f"encoder-{place}", threads=1) for place in places]
    return _rate(encoders[:1], texts), _rate(encoders, texts)


def _rate(encoders: Sequence[Encoder], texts: Sequence[str]) -> float:
    for encoder in encoders:
        encoder.encode(texts[:WARM])
    began = time.perf_counter()
    for text in texts:
        for encoder in encoders:
            encoder.encode([text])
    return len(texts) / (time.perf_counter() - began)


def until_up(asking: Asking, *, within_s: float = 120.0) -> None:
    """Wait for the first answer. Raises SystemExit with what the server says where that is no answer."""
    headers = {"Content-Type": "application/json", **asking.headers}
    began = time.perf_counter()
    while time.perf_counter() - began < within_s:
        try:
            answer = httpx.post(asking.address + asking.path, content=asking.bodies[0], headers=headers, timeout=60)
        except httpx.TransportError:
            time.sleep(0.5)
            continue
        if answer.status_code == httpx.codes.OK:
            return
        raise SystemExit(f"{asking.path}: {answer.status_code} {answer.text[:500]}")
    raise SystemExit("no answer")


def through_parley(desk: Desk, english: Sequence[str], chinese: Sequence[str]) -> dict[str, float]:
    """The figures of `parley serve --only intent`."""
    with desk.serving("--only", "intent") as client:

        def asking(texts: Sequence[str], language: str) -> Asking:
            turns = [[{"speaker": "customer", "text": text}] for text in texts]
            bodies = [json.dumps({"contact_id": "c-1", "turns": one, "language": language}) for one in turns]
            return Asking(str(client.base_url), "/v1/intent", bodies, desk.headers("desktop"))

        until_up(asking(english, "en"))
        pid = int(json.loads((desk.home / "serving.json").read_text())["pid"])
        p50, p99 = alone(asking(english, "en"))
        zh50, zh99 = alone(asking(chinese, "zh"))
        load = together(asking(english, "en"), pid=pid)
        memory = memory_mb(pid) or float("nan")
    return {"p50": p50, "p99": p99, "zh50": zh50, "zh99": zh99, "rate": load.rate, "cpu": load.processor_ms,
            "memory": memory}  # fmt: skip


def through_mlflow(payload: Path, texts: Sequence[str]) -> Load:
    """The same model behind `mlflow models serve`."""
    columns = ["text", "language"]
    bodies = [json.dumps({"dataframe_split": {"columns": columns, "data": [[text, "en"]]}}) for text in texts]
    with mlflow_serving(payload) as (address, pid):
        asking = Asking(address, "/invocations", bodies)
        until_up(asking)
        return together(asking, pid=pid)


def taught_once(folder: Path) -> tuple[Desk, Path]:
    """The desk and the payload that `folder` holds, taught now if it holds none."""
    desk, tokens, payload = Desk(REPOSITORY, folder / "home"), folder / "tokens.json", folder / "payload"
    if tokens.is_file():
        desk.tokens.update(json.loads(tokens.read_text(encoding="utf-8")))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        payload = taught(desk)
        tokens.write_text(json.dumps(desk.tokens), encoding="utf-8")
    return desk, payload


def main(arguments: Sequence[str]) -> None:
    """All figures."""
    english, chinese = texts_of("banking77/valid.csv", ALONE), texts_of("smp2017_zh/train.csv", ALONE)
    with nullcontext(arguments[0]) if arguments else tempfile.TemporaryDirectory() as folder:
        desk, payload = taught_once(Path(folder).resolve())
        told = through_parley(desk, english, chinese)
        first, every = encoder_rates(payload, english, language="en")
        other = through_mlflow(payload, english)
    print("| what | measured |\n| --- | --- |")
    print(f"| one text through POST /v1/intent, English, p50 / p99 ms | {told['p50']:.2f} / {told['p99']:.2f} |")
    print(f"| the same, Chinese | {told['zh50']:.2f} / {told['zh99']:.2f} |")
    print(f"| {CLIENTS} clients, answers a second | {told['rate']:.0f} |")
    print(
        f"| the first encoder alone, one thread, texts a second | {first:.0f} ({told['rate'] / first:.0%} over HTTP) |"
    )
    print(f"| all encoders that an answer reads, the same | {every:.0f} ({told['rate'] / every:.0%} over HTTP) |")
    print(f"| processor of the server, ms an answer | {told['cpu']:.2f} ({other.processor_ms:.2f} with MLflow) |")
    times = told["rate"] / other.rate
    print(f"| mlflow models serve, {CLIENTS} clients, answers a second | {other.rate:.1f} (Parley {times:.1f}x) |")
    print(f"| memory of parley serve --only intent, MB | {told['memory']:.0f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
