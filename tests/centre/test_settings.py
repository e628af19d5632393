"""Settings: variables over the file over the profile; what is unknown or cannot be meant is refused helpfully."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from centre.settings import Settings, describe, load, quiet_environment
from data_contracts.errors import InputError, UnavailableError, UnknownParameter


def test_an_empty_environment_gives_the_defaults_and_writes_nothing(tmp_path: Path) -> None:
    settings = load(tmp_path / "new", env={})

    assert (settings.profile, settings.port, settings.threads, settings.time_zone) == ("local", 8080, 2, "UTC")
    assert settings.log_url == f"sqlite:///{tmp_path}/new/log.sqlite"
    assert not (tmp_path / "new").exists()


def test_a_variable_wins_over_the_file_and_the_file_over_the_profile(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("port: 9000\npoll_s: 2.5\nprofile: test\n")

    settings = load(tmp_path, env={"PARLEY_PORT": "9001"})

    assert (settings.profile, settings.port, settings.poll_s) == ("test", 9001, 2.5)


def test_the_profile_test_takes_a_free_port_and_looks_often(tmp_path: Path) -> None:
    settings = load(tmp_path, env={"PARLEY_PROFILE": "test"})

    assert (settings.port, settings.poll_s) == (0, 0.1)


def test_the_home_comes_from_the_argument_then_the_variable(tmp_path: Path) -> None:
    env = {"PARLEY_HOME": str(tmp_path / "named")}

    assert load(env=env).home == tmp_path / "named"
    assert load(tmp_path / "given", env=env).home == tmp_path / "given"


def test_every_folder_lies_below_the_home(tmp_path: Path) -> None:
    settings = load(tmp_path, env={})
    paths = [name for name, value in vars(Settings).items() if isinstance(value, property)]

    assert len(paths) >= 14
    assert all(tmp_path in getattr(settings, name).parents for name in paths)


def test_an_unknown_variable_names_the_nearest_known_setting(tmp_path: Path) -> None:
    with pytest.raises(UnknownParameter) as refused:
        load(tmp_path, env={"PARLEY_THREAD": "3"})

    assert "PARLEY_THREAD" in str(refused.value)
    assert "Did you mean threads?" in str(refused.value)
    assert "verdict_share" in refused.value.expected


def test_an_unknown_key_of_the_file_is_refused_with_the_file_named(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("prot: 9000\n")

    with pytest.raises(UnknownParameter, match=r"settings\.yaml.*Did you mean port"):
        load(tmp_path, env={})


@pytest.mark.parametrize(
    "text", ["port: [", "- port", "port: \xff".encode("latin-1")], ids=["broken", "list", "latin-1"]
)
def test_a_file_that_is_no_mapping_in_yaml_is_refused(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / "settings.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(InputError, match=r"settings\.yaml"):
        load(tmp_path, env={})


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("# nothing set\n")

    assert load(tmp_path, env={}) == load(tmp_path, env={})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PARLEY_PORT", "many"),
        ("PARLEY_PORT", "70000"),
        ("PARLEY_PORT", "8080.5"),
        ("PARLEY_THREADS", "0"),
        ("PARLEY_VERDICT_SHARE", "1.5"),
        ("PARLEY_VERDICT_SHARE", "nan"),
        ("PARLEY_MIX_SIMULATED", "perhaps"),
        ("PARLEY_TIME_ZONE", "Mars/Olympus"),
        ("PARLEY_LOG_LEVEL", "LOUD"),
        ("PARLEY_PROFILE", "lokal"),
        ("PARLEY_POLL_S", "0"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, env={variable: value})

    assert value in str(refused.value)
    assert variable.removeprefix("PARLEY_").lower().replace("_", " ") in str(refused.value).lower().replace("_", " ")


@pytest.mark.parametrize(("text", "meant"), [("1", True), ("Yes", True), ("off", False), ("FALSE", False)])
def test_a_flag_is_read_from_the_usual_words(tmp_path: Path, text: str, meant: bool) -> None:
    assert load(tmp_path, env={"PARLEY_MIX_SIMULATED": text}).mix_simulated is meant


def test_an_empty_variable_is_as_if_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, env={"PARLEY_PORT": "", "PARLEY_PUBLIC_KEY": ""}).port == 8080


def test_a_true_port_in_the_file_is_no_number(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("port: true\n")

    with pytest.raises(InputError, match="port"):
        load(tmp_path, env={})


def test_the_cluster_profile_says_that_it_is_not_there_yet(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="not built yet"):
        load(tmp_path, env={"PARLEY_PROFILE": "cluster"})


def test_a_workspace_cannot_move_itself(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("home: /elsewhere\n")

    with pytest.raises(InputError, match="PARLEY_HOME"):
        load(tmp_path, env={})


def test_the_description_covers_every_setting_with_a_reason() -> None:
    told = describe()

    assert [field.name for field in told] == [field.name for field in fields(Settings)]
    assert all(len(field.reason) > 10 and field.variable == f"PARLEY_{field.name.upper()}" for field in told)


def test_a_quiet_environment_speaks_the_words_that_the_libraries_parse() -> None:
    env = quiet_environment()

    assert env["DO_NOT_TRACK"] == "true"  # the word: "1" is not understood by all
    assert env["OMP_WAIT_POLICY"] == "PASSIVE"
    assert set(env) >= {
        "MLFLOW_DISABLE_TELEMETRY",
        "PREFECT_SERVER_ANALYTICS_ENABLED",
        "DVC_NO_ANALYTICS",
        "HF_HUB_OFFLINE",
    }
