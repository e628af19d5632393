"""Pulling: what lies on the shelf is what was approved, or it does not lie there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from data_contracts.errors import NotFound, RegistryUnavailable, TamperedArtefact, TamperedHistory
from tests.training.lives import ERIN, RITA, House
from tests.training.mlflow_template import prepared
from training import payload, promotion, pulling
from training.history import FileHistory
from training.pulling import CURRENT, Pulled, pull
from training.signing import Signer


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "house")
    made.folder.mkdir()
    return made


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    return tmp_path / "shelf" / "intent"


def pulled(house: House, shelf: Path) -> Pulled:
    return pull("intent", history=house.history, registry=house.registry, verifier=house.history.verifier, to=shelf)


def stored(house: House, version: str = "1") -> Path:
    return house.folder / "registry" / "intent" / version / "payload"


def test_the_champion_is_brought_whole_and_named(house: House, shelf: Path) -> None:
    version = house.champion()

    got = pulled(house, shelf)

    champion = house.now.champion("intent")
    assert champion is not None
    assert got == Pulled(shelf / version.artefact, "intent", "1", version.artefact, champion.approval)
    assert payload.digest(got.folder) == version.artefact
    assert json.loads((shelf / CURRENT).read_text()) == {
        "family": "intent", "version": "1", "artefact": version.artefact, "approval": champion.approval}  # fmt: skip
    assert sorted(path.name for path in shelf.iterdir()) == sorted([CURRENT, version.artefact])


def test_what_is_not_signed_does_not_come_along(house: House, shelf: Path) -> None:
    house.champion()
    (stored(house) / "requirements.txt").write_text("evil==1")

    assert not (pulled(house, shelf).folder / "requirements.txt").exists()


def test_without_a_champion_there_is_nothing_to_pull(house: House, shelf: Path) -> None:
    house.request(house.register())

    with pytest.raises(NotFound, match="baseline answers"):
        pulled(house, shelf)
    assert not shelf.exists()


@pytest.mark.parametrize("how", ["changed", "added", "removed", "linked"])
def test_an_artefact_that_is_not_the_approved_one_is_refused(house: House, shelf: Path, how: str) -> None:
    house.champion()
    head = stored(house) / "weights" / "head.txt"
    if how == "changed":
        head.write_text("b" + head.read_text()[1:])
    elif how == "added":
        (stored(house) / "extra.py").write_text("")
    elif how == "removed":
        head.unlink()
    else:
        (stored(house) / "__pycache__").mkdir()
        (stored(house) / "__pycache__" / "loader.cpython-311.pyc").write_bytes(b"planted")

    with pytest.raises(TamperedArtefact):
        pulled(house, shelf)
    assert list(shelf.iterdir()) == []


def test_a_refused_successor_leaves_the_shelf_as_it_was(house: House, shelf: Path) -> None:
    house.champion(marker="a")
    before = pulled(house, shelf)
    house.champion(marker="b")
    (stored(house, "2") / "loader.py").write_text("import os")

    with pytest.raises(TamperedArtefact):
        pulled(house, shelf)

    assert json.loads((shelf / CURRENT).read_text())["version"] == "1"
    good = pulling.last_good("intent", history=house.history, verifier=house.history.verifier, to=shelf)
    assert good is not None
    assert (good.folder, good.from_last_good) == (before.folder, True)


def test_a_copy_on_the_shelf_needs_no_registry(house: House, shelf: Path) -> None:
    house.champion()
    before = pulled(house, shelf)
    house.registry.down = True

    again = pulled(house, shelf)

    assert (again.folder, again.from_last_good) == (before.folder, False)
    assert "does not answer" in again.warnings[0]


def test_the_last_good_copy_answers_while_the_registry_is_down(house: House, shelf: Path) -> None:
    house.champion(marker="a")
    before = pulled(house, shelf)
    house.champion(marker="b")
    house.registry.down = True

    got = pulled(house, shelf)

    assert (got.version, got.folder, got.from_last_good) == ("1", before.folder, True)
    house.registry.down = False
    assert pulled(house, shelf).version == "2"


def test_a_version_that_the_registry_lost_is_no_reason_for_the_baseline(house: House, shelf: Path) -> None:
    house.champion()
    house.registry._cards.clear()

    with pytest.raises(RegistryUnavailable, match="lost"):
        pulled(house, shelf)


def test_a_revoked_copy_is_not_good_however_long_the_registry_is_down(house: House, shelf: Path) -> None:
    house.champion(marker="a")
    pulled(house, shelf)
    house.champion(marker="b")
    promotion.revoke(house.history, house.registry, "intent", "1", person=RITA, reason="leak", clock=house.clock)
    house.registry.down = True

    with pytest.raises(RegistryUnavailable):
        pulled(house, shelf)


def test_a_copy_changed_on_the_shelf_is_told_and_fetched_again(house: House, shelf: Path) -> None:
    version = house.champion()
    folder = pulled(house, shelf).folder
    (folder / "loader.py").write_text("import os")

    got = pulled(house, shelf)

    assert "changed copy" in got.warnings[0]
    assert payload.digest(got.folder) == version.artefact


def test_a_copy_changed_on_the_shelf_with_the_registry_down_is_refused(house: House, shelf: Path) -> None:
    house.champion()
    (pulled(house, shelf).folder / "loader.py").write_text("import os")
    house.registry.down = True

    with pytest.raises(TamperedArtefact, match="no other now"):
        pulled(house, shelf)


def test_an_alias_moved_by_hand_is_told_and_ignored(house: House, shelf: Path) -> None:
    house.champion(marker="a")
    house.register(marker="b")
    house.registry.set_alias("intent", "2")

    got = pulled(house, shelf)

    assert got.version == "1"
    assert "moved by hand" in got.warnings[0]


def test_a_rollback_brings_the_earlier_bytes_back(house: House, shelf: Path) -> None:
    first = house.champion(marker="a")
    house.champion(marker="b")
    assert pulled(house, shelf).version == "2"
    promotion.roll_back(house.history, house.registry, "intent", to="1", person=ERIN, reason="x", clock=house.clock)

    assert pulled(house, shelf).artefact == first.artefact


def test_a_promotion_does_not_end_by_a_date(house: House, shelf: Path) -> None:
    house.champion()
    house.clock.advance(timedelta(days=4000))

    assert pulled(house, shelf).version == "1"


def test_a_history_signed_by_another_key_is_refused(house: House, shelf: Path) -> None:
    house.champion()

    with pytest.raises(TamperedHistory):
        pull("intent", history=house.history, registry=house.registry, verifier=Signer.fresh().verifier, to=shelf)
    assert not shelf.exists()


def test_the_child_process_pulls_by_the_workspaces_settings(
    home: Path, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.history = FileHistory.open(home / "history" / "promotions.jsonl", keys_dir=home / "keys")  # type: ignore[assignment]
    house.registry = prepared(home / "mlflow")  # type: ignore[assignment]
    version = house.champion()

    def child(*told: str) -> tuple[int, dict[str, str]]:
        done = subprocess.run([sys.executable, "-m", "training.pulling", *told], capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout)

    code, got = child("intent")
    assert (code, got["version"], got["artefact"]) == (0, "1", version.artefact)
    assert Path(got["folder"]).is_dir()
    assert pulling.main(["forecast", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["error"] == "not-found"

    shutil.rmtree(home / "shelf", ignore_errors=True)
    history = home / "history" / "promotions.jsonl"
    history.write_bytes(history.read_bytes().replace(b"erin", b"eric", 1))
    assert pulling.main(["intent", "--to", str(home / "elsewhere")]) == 6
    refused = json.loads(capsys.readouterr().out)
    assert refused["error"] == "tampered-history"
    assert "line 1 " in refused["detail"]
    assert not (home / "elsewhere").exists()
