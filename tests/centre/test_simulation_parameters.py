from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from centre.simulation import parameters
from data_contracts.errors import MissingColumn, UnknownParameter


def written(folder: Path, **changed: object) -> Path:
    told = yaml.safe_load(parameters.FILE.read_text(encoding="utf-8")) | changed
    path = folder / "world.yaml"
    path.write_text(
        yaml.safe_dump({name: entry for name, entry in told.items() if entry is not None}), encoding="utf-8"
    )
    return path


def test_every_parameter_states_its_source() -> None:
    assert all(len(source) > 10 for source in parameters.sources().values())


def test_an_unknown_parameter_is_refused_and_the_known_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownParameter, match=r"agent_count.*came agent_cuont"):
        parameters.load(written(tmp_path, agent_cuont={"value": 1, "source": "a slip of the pen"}))


def test_a_parameter_without_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingColumn, match="agent_count"):
        parameters.load(written(tmp_path, agent_count={"value": 41}))


def test_a_missing_parameter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingColumn, match="agent_count"):
        parameters.load(written(tmp_path, agent_count=None))


def test_every_intent_has_a_group_that_exists_and_is_confused_with_intents_that_exist() -> None:
    told = parameters.load()
    groups, intents = {group.id for group in told.groups}, {intent.id for intent in told.intents}

    assert {intent.group for intent in told.intents} == groups
    assert all(intent.near and set(intent.near) <= intents - {intent.id} for intent in told.intents)
    assert any(intent.critical for intent in told.intents)
    assert len(told.queues) == 4
