"""A stage leaves its whole output or none of it."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from data_contracts.errors import StateConflict
from flows import outputs


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_finished_output_replaces_the_one_before() -> None:
    for text in ("old", "new"):
        with outputs.produced(Path("data/out")) as folder:
            (folder / f"{text}.txt").write_text(text)

    assert [path.name for path in Path("data/out").iterdir()] == ["new.txt"]


def test_a_stage_that_fails_leaves_the_former_output_as_it_was() -> None:
    with outputs.produced(Path("out")) as folder:
        (folder / "good").write_text("good")

    with pytest.raises(RuntimeError), outputs.produced(Path("out")) as folder:
        (folder / "half").write_text("half")
        raise RuntimeError

    assert [path.name for path in Path("out").iterdir()] == ["good"]


def test_what_a_killed_stage_left_behind_does_not_get_into_the_next_output() -> None:
    Path("out.tmp").mkdir()
    Path("out.tmp/leftover").write_text("half")

    with outputs.produced(Path("out")) as folder:
        (folder / "whole").write_text("whole")

    assert [path.name for path in Path("out").iterdir()] == ["whole"]
    assert not Path("out.tmp").exists()


def test_two_stages_never_write_one_output_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "LOCK_WAIT_S", 0.1)
    Path(".locks").mkdir()
    with Path(".locks/models-intent.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        with pytest.raises(StateConflict, match="another process"), outputs.produced(Path("models/intent")):
            pytest.fail("entered")


def test_json_has_the_same_bytes_whatever_the_order_of_its_keys(tmp_path: Path) -> None:
    outputs.write_json(tmp_path / "a.json", {"b": 1, "a": "中文"})
    outputs.write_json(tmp_path / "b.json", {"a": "中文", "b": 1})

    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "中文" in (tmp_path / "a.json").read_text(encoding="utf-8")
