"""The shelf: swaps at once and loses no request, refuses what the chain does not approve, keeps the last good model."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from centre.people import Person
from centre.settings import Settings
from data_contracts.errors import RegistryUnavailable
from serving.shelf import Shelf
from serving.slots import Slot
from tests.serving.house import Client, House, IntentModel, Office
from training import payload, promotion
from training.history import FileHistory, MemoryHistory
from training.pulling import pull
from training.registry import MemoryRegistry

REVIEWER = Person("rita", frozenset({"reviewer"}))
ENGINEER = Person("erin", frozenset({"engineer"}))
ASKED = {"contact_id": "c-1", "turns": [{"speaker": "customer", "text": "my password is gone"}]}


@pytest.fixture
def office(tmp_path: Path, clock: FixedClock) -> Office:
    return Office(MemoryHistory(), MemoryRegistry(tmp_path / "registry"), clock, tmp_path)


def marked(family: str, folder: Path) -> IntentModel:
    """A model that answers with the marker of its payload: what was loaded shows in what is answered."""
    return IntentModel(json.loads((folder / "payload.json").read_text())["marker"])


def shelf_of(office: Office, home: Path, **told: Any) -> Shelf:
    settings = Settings(home=home, profile="test", poll_s=0.05)

    def pulled(family: str) -> dict[str, Any]:
        found = pull(family, history=office.history, registry=office.registry, verifier=office.history.verifier,
                     to=settings.shelf_dir / family)  # fmt: skip
        return {"folder": str(found.folder), "artefact": found.artefact, "from_last_good": found.from_last_good}

    return Shelf(settings, office.history, **{"pull": pulled, "load": marked, **told})


def test_with_an_empty_history_the_baseline_answers(office: Office, home: Path) -> None:
    shelf = shelf_of(office, home)

    shelf.look()

    assert [slot.source for slot in shelf.slots()] == ["baseline"] * 3
    assert [slot.problems for slot in shelf.slots()] == [()] * 3


def test_a_promotion_is_taken_up_with_its_approval(office: Office, home: Path) -> None:
    shelf = shelf_of(office, home)
    office.promote(marker="first")

    shelf.look()

    slot = shelf.slot("intent")
    assert (slot.source, slot.version, slot.model.intent) == ("model", "intent/1", "first")
    assert slot.approval == office.history.entries()[1].digest


def test_an_approval_alone_is_no_promotion(office: Office, home: Path) -> None:
    shelf = shelf_of(office, home)
    asked, _ = office.request()
    promotion.approve(office.history, asked.body["id"], person=Person("rita", frozenset({"reviewer"})), comment="ok",
                      clock=office.clock, credential="session:r", admissions=(), profile="test")  # fmt: skip

    shelf.look()

    assert shelf.slot("intent").source == "baseline"


def test_a_roll_back_is_taken_up_without_the_registry(office: Office, home: Path) -> None:
    shelf = shelf_of(office, home)
    for marker in ("first", "second"):
        office.promote(marker=marker)
        shelf.look()
    office.registry.down = True
    promotion.roll_back(office.history, office.registry, "intent", to="1", person=ENGINEER, reason="worse",
                        clock=office.clock)  # fmt: skip

    shelf.look()

    assert shelf.slot("intent").model.intent == "first"
    assert shelf.slot("intent").problems == ()


def test_a_roll_back_to_the_baseline_takes_the_model_away(office: Office, home: Path) -> None:
    shelf = shelf_of(office, home)
    office.promote()
    shelf.look()
    promotion.roll_back(office.history, office.registry, "intent", to="baseline", person=ENGINEER, reason="bad",
                        clock=office.clock)  # fmt: skip

    shelf.look()

    assert (shelf.slot("intent").source, shelf.slot("intent").model) == ("baseline", None)


def test_a_capability_that_is_switched_off_is_off_until_it_is_on(office: Office, home: Path) -> None:
    shelf = shelf_of(office, home)
    office.promote()
    states = []
    for on in (False, True):
        promotion.switch(office.history, "intent", on, person=ENGINEER, reason="night", clock=office.clock)
        shelf.look()
        states.append(shelf.slot("intent").source)

    assert states == ["off", "model"]


def test_with_the_registry_gone_the_model_goes_on_and_the_slot_says_so(office: Office, home: Path) -> None:
    shelf = shelf_of(office, home)
    office.promote(marker="first")
    shelf.look()
    office.promote(marker="second")
    office.registry.down = True

    shelf.look()

    slot = shelf.slot("intent")
    assert (slot.version, slot.model.intent) == ("intent/1", "first")
    assert slot.problems[0]["reason"] == "not_loaded"


def test_a_failed_pull_is_not_tried_again_at_once(office: Office, home: Path) -> None:
    tried = []

    def refuse(family: str) -> dict[str, Any]:
        tried.append(family)
        raise RegistryUnavailable("down")

    shelf = shelf_of(office, home, pull=refuse)
    office.promote()

    for _ in range(5):
        shelf.look()

    assert tried == ["intent"]
    assert shelf.slot("intent").problems[0]["reason"] == "not_loaded"


def test_a_pull_that_hangs_keeps_no_switch_from_being_seen(office: Office, home: Path) -> None:
    hangs, let_go = threading.Event(), threading.Event()

    def hang(family: str) -> dict[str, Any]:
        hangs.set()
        let_go.wait(10)
        raise RegistryUnavailable("down")

    shelf = shelf_of(office, home, pull=hang)
    shelf.start()
    office.promote()
    assert hangs.wait(5)
    promotion.switch(office.history, "route", False, person=ENGINEER, reason="night", clock=office.clock)
    until = time.monotonic() + 3
    while shelf.slot("routing").source != "off" and time.monotonic() < until:
        time.sleep(0.01)
    seen = shelf.slot("routing").source
    let_go.set()
    shelf.stop()

    assert seen == "off"


def test_a_champion_that_was_undone_while_it_loaded_is_not_taken_up(office: Office, home: Path) -> None:
    def slow(family: str, folder: Path) -> Any:
        promotion.roll_back(office.history, office.registry, "intent", to="baseline", person=ENGINEER, reason="bad",
                            clock=office.clock)  # fmt: skip
        shelf.look()
        return marked(family, folder)

    shelf = shelf_of(office, home, load=slow)
    office.promote()

    shelf.look()

    assert shelf.slot("intent").source == "baseline"


def test_a_cold_start_without_the_registry_serves_the_copy_at_hand(office: Office, home: Path) -> None:
    office.promote(marker="first")
    shelf_of(office, home).look()
    office.registry.down = True

    shelf = shelf_of(office, home)
    shelf.look()

    assert shelf.slot("intent").model.intent == "first"


def test_a_cold_start_without_the_champion_serves_the_last_good_copy(office: Office, home: Path) -> None:
    office.promote(marker="first")
    shelf_of(office, home).look()
    office.promote(marker="second")
    office.registry.down = True

    shelf = shelf_of(office, home)
    shelf.look()

    assert shelf.slot("intent").version == "intent/1"
    assert "intent/2" in shelf.slot("intent").problems[0]["version"]


def test_a_revoked_last_good_copy_is_not_served(office: Office, home: Path) -> None:
    office.promote(marker="first")
    shelf_of(office, home).look()
    promotion.revoke(office.history, office.registry, "intent", version="1", person=REVIEWER, reason="leak",
                     clock=office.clock)  # fmt: skip
    office.promote(marker="second")
    office.registry.down = True

    shelf = shelf_of(office, home)
    shelf.look()

    assert shelf.slot("intent").source == "baseline"


def test_one_byte_changed_in_the_registry_is_refused(office: Office, home: Path) -> None:
    shelf = shelf_of(office, home)
    office.promote(marker="first")
    shelf.look()
    office.promote(marker="second")
    for weights in office.registry.folder.rglob("head.txt"):
        weights.write_text(weights.read_text()[:-1] + "?")

    shelf.look()

    slot = shelf.slot("intent")
    assert slot.model.intent == "first"
    assert slot.problems[0]["reason"] == "artefact_refused"


def test_one_byte_changed_on_the_shelf_is_pulled_anew(office: Office, home: Path) -> None:
    office.promote(marker="first")
    first = shelf_of(office, home)
    first.look()
    folder = first.slot("intent").folder
    assert folder is not None
    (folder / "payload.json").write_text('{"marker": "evil"}')

    shelf = shelf_of(office, home)
    shelf.look()

    assert shelf.slot("intent").model.intent == "first"
    assert payload.digest(folder) == folder.name


def test_what_a_pull_leaves_is_verified_here_too(office: Office, home: Path) -> None:
    card = office.promote(marker="first")
    evil = home / "evil"
    evil.mkdir()
    (evil / "payload.json").write_text('{"marker": "evil"}')
    shelf = shelf_of(office, home, pull=lambda family: {"folder": str(evil), "artefact": card.artefact})

    shelf.look()

    assert shelf.slot("intent").source == "baseline"
    assert shelf.slot("intent").problems[0]["reason"] == "artefact_refused"


def test_an_edited_line_of_history_changes_nothing_and_is_told(tmp_path: Path, home: Path, clock: FixedClock) -> None:
    history = FileHistory.open(tmp_path / "promotions.jsonl", keys_dir=tmp_path / "keys")
    office = Office(history, MemoryRegistry(tmp_path / "registry"), clock, tmp_path)
    office.promote(marker="first")
    shelf = shelf_of(office, home)
    shelf.look()
    text = history.path.read_text()
    history.path.write_text(text.replace("erin", "eric", 1))

    shelf.look()
    told = shelf.slot("intent")
    history.path.write_text(text)
    shelf.look()

    assert told.model.intent == "first"
    assert told.problems[0]["reason"] == "history_tampered"
    assert "line 1" in told.problems[0]["detail"]
    assert shelf.slot("intent").problems == ()


def test_a_cold_start_on_an_edited_history_trusts_nothing(tmp_path: Path, home: Path, clock: FixedClock) -> None:
    history = FileHistory.open(tmp_path / "promotions.jsonl", keys_dir=tmp_path / "keys")
    office = Office(history, MemoryRegistry(tmp_path / "registry"), clock, tmp_path)
    office.promote(marker="first")
    shelf_of(office, home).look()
    history.path.write_text(history.path.read_text().replace("erin", "eric", 1))
    read_anew = FileHistory.watch(history.path, keys_dir=tmp_path / "keys")

    shelf = Shelf(Settings(home=home), read_anew, load=marked)
    shelf.look()

    assert shelf.slot("intent").source == "baseline"
    assert shelf.slot("intent").problems[0]["reason"] == "history_tampered"


def test_an_alias_moved_by_hand_changes_nothing(office: Office, home: Path) -> None:
    shelf = shelf_of(office, home)
    office.promote(marker="first")
    office.request(marker="second")
    office.registry.set_alias("intent", "2")

    shelf.look()

    assert shelf.slot("intent").model.intent == "first"


def test_a_loader_that_fails_leaves_the_baseline_and_says_so(office: Office, home: Path) -> None:
    def fail(family: str, folder: Path) -> Any:
        raise ValueError("not a payload of format 1")

    shelf = shelf_of(office, home, load=fail)
    office.promote()

    shelf.look()

    assert shelf.slot("intent").source == "baseline"
    assert "format 1" in shelf.slot("intent").problems[0]["detail"]


def test_only_the_families_asked_for_are_loaded(office: Office, home: Path) -> None:
    loaded = []
    shelf = shelf_of(office, home, families=("routing",), load=lambda family, folder: loaded.append(family))
    office.promote()

    shelf.look()

    assert loaded == []
    assert [slot.family for slot in shelf.slots()] == ["routing"]


def test_swaps_under_load_drop_no_request_and_come_within_five_seconds(house: House, office: Office) -> None:
    office.promote(marker="first")
    shelf = shelf_of(office, house.doors.settings.home)
    answers: list[tuple[int, str, str]] = []
    stop = threading.Event()

    def hammer(client: Client) -> None:
        while not stop.is_set():
            answer = client.post("/v1/intent", ASKED)
            told = answer.json()
            answers.append((answer.status_code, told["version"], told["answer"]["intent"]))

    with house.open(shelf=shelf) as client:
        threads = [threading.Thread(target=hammer, args=(client,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        waits = []
        for version, marker in ((2, "second"), (3, "third")):
            office.promote(marker=marker)
            promoted = time.monotonic()
            while shelf.slot("intent").version != f"intent/{version}" and time.monotonic() - promoted < 10:
                time.sleep(0.01)
            waits.append(time.monotonic() - promoted)
            time.sleep(0.3)
        stop.set()
        for thread in threads:
            thread.join()

    assert max(waits) < 5.0
    assert {status for status, _, _ in answers} == {200}
    assert {(version, intent) for _, version, intent in answers} == {
        ("intent/1", "first"), ("intent/2", "second"), ("intent/3", "third")
    }  # fmt: skip


def test_a_slot_without_a_model_is_never_the_model() -> None:
    assert Slot("intent").source == "baseline"
    assert replace(Slot("intent"), off={"capability": "intent"}).source == "off"
