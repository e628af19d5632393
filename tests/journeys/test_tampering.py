"""Somebody writes where they should not: refused and reported, and serving goes on with what was approved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.asking import answered_by_model, ask, champion, wait_until, waiting_for
from tests.journeys.desk import Desk

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def desk(small_centre: Desk) -> Iterator[Desk]:
    """A workspace with an approved intent model, which must be as good after a test as before it."""
    if champion(small_centre, "intent") is None:
        if waiting_for(small_centre, "intent") is None:
            small_centre.parley("review", "request", "intent/1", person="ada")
        request = waiting_for(small_centre, "intent")
        assert request is not None
        small_centre.parley("review", "approve", request["request_id"], person="rui")
    yield small_centre
    small_centre.parley("doctor")


def complaints(desk: Desk) -> str:
    """What the doctor finds wrong."""
    checks = desk.parley("doctor", "--json", code=6).told["checks"]
    return "; ".join(f"{one['check']}: {one['told']}" for one in checks if not one["ok"])


def flip_a_byte(path: Path) -> bytes:
    """Change one byte in the middle of a file; returns what it was."""
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.chmod(0o644)
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    return whole


def test_with_the_mlflow_database_gone_serving_goes_on_and_readyz_says_so(desk: Desk) -> None:
    with desk.serving() as client:
        version = answered_by_model(client, desk, "I forgot my password")["version"]
    database = desk.home / "mlflow" / "mlflow.db"
    aside = database.rename(database.with_suffix(".gone"))
    try:
        with desk.serving() as client:
            answer = answered_by_model(client, desk, "I forgot my password")
            ready = client.get("/readyz")
            pulled = desk.parley("pull", "intent", "--to", desk.home / "shelf" / "intent", "--json")
    finally:
        aside.rename(database)

    assert answer["version"] == version
    assert "registry" in ready.text
    assert pulled.told["artefact"]


def test_an_alias_moved_by_hand_changes_nothing_and_is_reported(desk: Desk) -> None:
    from training.registry import MlflowRegistry

    registry = MlflowRegistry(desk.home / "mlflow")
    held = registry.alias("intent")
    registry.set_alias("intent", None)
    try:
        told = complaints(desk)
        with desk.serving() as client:
            answer = answered_by_model(client, desk, "I forgot my password")
    finally:
        registry.set_alias("intent", held)

    assert "alias was moved" in told
    assert answer["version"] == champion(desk, "intent")


def test_a_changed_byte_of_the_registered_artefact_is_refused(desk: Desk, tmp_path: Path) -> None:
    artefact = desk.parley("pull", "intent", "--to", tmp_path / "good", "--json").told["artefact"]
    victims = [path for path in (desk.home / "mlflow").rglob("head*") if path.is_file()]
    victims = victims or [path for path in (desk.home / "mlflow").rglob("payload.json") if path.is_file()]
    wholes = {path: flip_a_byte(path) for path in victims}
    try:
        refused = desk.parley("pull", "intent", "--to", tmp_path / "fresh", code=6)
        told = complaints(desk)
    finally:
        for path, whole in wholes.items():
            path.write_bytes(whole)

    assert artefact[:12] in refused.err
    assert not list((tmp_path / "fresh").glob(artefact))
    assert "artefacts" in told


def test_a_changed_byte_on_the_shelf_is_never_loaded(desk: Desk) -> None:
    with desk.serving() as client:
        version = answered_by_model(client, desk, "I forgot my password")["version"]
    folders = [path.parent for path in (desk.home / "shelf").rglob("payload.json")]
    assert folders
    for folder in folders:
        flip_a_byte(folder / "payload.json")

    with desk.serving() as client:
        answer = answered_by_model(client, desk, "I forgot my password")

    assert answer["version"] == version


def test_an_edited_line_of_the_history_is_refused_and_named(desk: Desk) -> None:
    path = desk.home / "history" / "promotions.jsonl"
    whole = path.read_bytes()
    with desk.serving() as client:
        answered_by_model(client, desk, "I forgot my password")
        path.write_bytes(whole.replace(b'"rui"', b'"eve"', 1))
        try:
            refused = desk.parley("review", "list", code=6)
            told = complaints(desk)
            wait_until(lambda: "history" in client.get("/readyz").text)
            answer = ask(client, desk, "I forgot my password")
        finally:
            path.write_bytes(whole)

    assert "line " in refused.err
    assert "history" in told
    assert answer["source"] == "model"
