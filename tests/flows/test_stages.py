"""dvc.yaml and the code say the same; a stage runs the code that lies beside it, and says why it has nothing to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_contracts.errors import InputError, IntegrityError, NotEnoughData
from flows import stages
from flows.checkout import source_folder
from flows.request import FAMILIES, NO_CHAMPION

PIPELINE: dict[str, Any] = yaml.safe_load((source_folder() / "dvc.yaml").read_text())["stages"]


def told(stage: str) -> dict[str, Any]:
    """A stage, or the template of a stage that stands for each family."""
    return dict(PIPELINE[stage].get("do", PIPELINE[stage]))


def test_every_stage_of_the_pipeline_is_code_and_every_code_a_stage() -> None:
    assert set(PIPELINE) == set(stages.STAGES)


@pytest.mark.parametrize("stage", PIPELINE)
def test_a_stage_calls_itself_by_its_name(stage: str) -> None:
    words = told(stage)["cmd"].split()

    assert words[:4] == ["python", "-m", "flows.stages", stage]
    assert words[4:] == (["${item}"] if "foreach" in PIPELINE[stage] else [])


def test_the_families_of_the_pipeline_are_the_families() -> None:
    assert [PIPELINE[stage]["foreach"] for stage in ("train", "judge")] == [list(FAMILIES)] * 2


@pytest.mark.parametrize("stage", PIPELINE)
def test_what_a_stage_needs_is_in_the_repository_or_made_by_an_earlier_one(stage: str) -> None:
    made = {out for one in PIPELINE for out in told(one)["outs"]} | {"data/champion/${item}"}
    made = {out.replace("${item}", family) for out in made for family in FAMILIES}
    needed = {dep.replace("${item}", family) for dep in told(stage)["deps"] for family in FAMILIES}

    missing = [dep for dep in needed if dep not in made and not (source_folder() / dep).exists()]

    assert missing == []


@pytest.mark.parametrize("stage", PIPELINE)
def test_a_stage_depends_on_every_package_of_ours_that_its_code_imports(stage: str) -> None:
    import inspect

    code = inspect.getsource(stages.STAGES[stage])
    imported = {name.partition(".")[0] for name in re.findall(r"from ([\w.]+) import", code)} & {
        "data_contracts", "centre", "features", "training",
    }  # fmt: skip

    tops = {dep.partition("/")[0] for dep in told(stage)["deps"]}

    assert imported - tops == set()


def test_everything_a_stage_is_asked_is_a_declared_parameter() -> None:
    asked = {name for stage in PIPELINE for one in told(stage)["params"] for name in one.get("data/request.yaml", [])}

    assert asked == {"as_of", "until", "archive_batch", "archive_digest", "seed", "threads"}


def test_a_stage_refuses_to_run_code_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(IntegrityError, match="own folder"):
        stages.run("collect")


def test_an_unknown_stage_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="collect, check, build, train, judge"):
        stages.run("publish")


@pytest.mark.parametrize(
    ("families", "why"),
    [
        ({"intent": {"data": False, "why": "no texts"}}, "no texts"),
        ({}, "no entry"),
        ({"intent": {"rows": 10}}, ""),
    ],
)
def test_why_a_family_has_nothing_to_learn_from(families: dict[str, Any], why: str) -> None:
    assert why in stages.why_no_data({"families": families}, "intent")
    assert bool(stages.why_no_data({"families": families}, "intent")) is bool(why)


def test_a_batch_fault_stops_the_run_and_names_the_dataset() -> None:
    with pytest.raises(NotEnoughData, match="contacts: too few"):
        stages._refuse_broken([{"dataset": "contacts", "message": "too few"}])


def test_without_a_champion_the_word_for_it_is_laid_out(tmp_path: Path) -> None:
    stages.place_champion("intent", folder=tmp_path, payload=None)

    assert json.loads((tmp_path / "data/champion/intent/none.json").read_text()) == {"champion": NO_CHAMPION}


def test_a_champions_payload_takes_the_place_of_that_word(tmp_path: Path) -> None:
    payload = tmp_path / "payload"
    payload.mkdir()
    (payload / "head.json").write_text("{}")
    stages.place_champion("intent", folder=tmp_path, payload=None)

    stages.place_champion("intent", folder=tmp_path, payload=payload)

    assert [path.name for path in (tmp_path / "data/champion/intent").iterdir()] == ["head.json"]
