"""One contract for MLflow's registry and the one in memory; then what only MLflow's files can suffer."""

from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from data_contracts.errors import InputError, NotFound, RegistryUnavailable
from tests.training.mlflow_template import prepared
from tests.training.reports import card, passed_report, payload_folder, report_folder
from training import cards, payload
from training.registry import ARTEFACTS, DATABASE, MemoryRegistry, MlflowRegistry, Registry, VersionCard, mirror


@pytest.fixture(params=["mlflow", "memory"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    return MemoryRegistry(tmp_path / "memory") if request.param == "memory" else prepared(tmp_path / "mlflow")


@pytest.fixture
def register(tmp_path: Path) -> Callable[..., VersionCard]:
    def act(registry: Registry, marker: str = "a", family: str = "intent", **told: Any) -> VersionCard:
        at = tmp_path / f"{family}-{marker}"
        if not at.exists():
            payload_folder(at / "payload", marker=marker)
            report_folder(at / "report", passed_report(family=family))
        return registry.register(family, payload=at / "payload", report=at / "report", card=card(**told))

    return act


class TestContract:
    def test_versions_are_numbered_by_family_and_come_back_whole(self, registry: Registry, register: Any) -> None:
        first, second = register(registry, "a", params={"head": {"c": 1.5}}), register(registry, "b")
        other = register(registry, "a", family="forecast")

        assert [first.version, second.version, other.version] == ["1", "2", "1"]
        assert registry.get("intent", "1") == first
        assert first.card["params"] == {"head": {"c": 1.5}}
        assert first.report == passed_report().digest()
        assert registry.list("intent") == (first, second)
        assert registry.list("routing") == ()

    def test_what_is_fetched_is_what_was_registered(self, registry: Registry, register: Any, tmp_path: Path) -> None:
        version = register(registry)

        folder = registry.fetch("intent", "1", tmp_path / "deep" / "copy")
        report = registry.fetch_report("intent", "1", tmp_path / "report-copy")

        assert payload.digest(folder) == version.artefact
        assert sorted(path.name for path in report.iterdir()) == ["page.html", "report.json"]
        assert (report / "report.json").read_text() == passed_report().to_json()

    def test_the_same_run_registered_again_is_the_same_version(self, registry: Registry, register: Any) -> None:
        assert register(registry) == register(registry)
        assert register(registry, run_id="another-run").version == "2"

    def test_the_alias_mirrors_and_can_be_taken_away(self, registry: Registry, register: Any) -> None:
        register(registry, "a"), register(registry, "b")
        assert registry.alias("intent") is None

        registry.set_alias("intent", "2")
        registry.set_alias("intent", "1")
        assert registry.alias("intent") == "1"

        registry.set_alias("intent", None)
        registry.set_alias("intent", None)
        assert registry.alias("intent") is None

    @pytest.mark.parametrize("version", ["2", "0", "latest", "-1"])
    def test_what_is_not_there_is_not_found(
        self, registry: Registry, register: Any, version: str, tmp_path: Path
    ) -> None:
        register(registry)

        for act in (
            lambda: registry.get("intent", version),
            lambda: registry.fetch("intent", version, tmp_path / "no"),
            lambda: registry.set_alias("intent", version),
            lambda: registry.get("routing", "1"),
        ):
            with pytest.raises(NotFound):
                act()
        assert not (tmp_path / "no").exists()

    @pytest.mark.parametrize("missing", ["loader.py", "payload.json", "report.json"])
    def test_half_a_version_is_refused(self, registry: Registry, register: Any, tmp_path: Path, missing: str) -> None:
        register(registry)
        at = tmp_path / "intent-a"
        next(at.rglob(missing)).unlink()

        with pytest.raises(InputError, match=missing):
            registry.register("intent", payload=at / "payload", report=at / "report", card=card())
        assert len(registry.list("intent")) == 1

    def test_a_report_that_judged_other_bytes_is_refused(self, registry: Registry, tmp_path: Path) -> None:
        bytes_of_a = payload_folder(tmp_path / "a", marker="a")
        for marker, fine in (("b", False), ("a", True)):
            other = payload.digest(payload_folder(tmp_path / f"judged-{marker}", marker=marker))
            report = report_folder(tmp_path / f"report-{marker}", passed_report(artefact=other))
            if fine:
                assert registry.register("intent", payload=bytes_of_a, report=report, card=card()).artefact == other
                continue
            with pytest.raises(InputError, match="another payload"):
                registry.register("intent", payload=bytes_of_a, report=report, card=card())

    def test_a_report_of_another_family_is_refused(self, registry: Registry, register: Any, tmp_path: Path) -> None:
        register(registry)
        at = tmp_path / "intent-a"

        with pytest.raises(InputError, match="another family"):
            registry.register("routing", payload=at / "payload", report=at / "report", card=card())


class TestMlflow:
    @pytest.fixture
    def ours(self, tmp_path: Path) -> MlflowRegistry:
        return prepared(tmp_path / "mlflow")

    def test_nothing_is_made_by_looking(self, tmp_path: Path) -> None:
        registry = MlflowRegistry(tmp_path / "none")

        assert (registry.list("intent"), registry.alias("intent")) == ((), None)
        with pytest.raises(NotFound, match="which is empty"):
            registry.get("intent", "1")
        assert not (tmp_path / "none").exists()

    def test_a_run_is_logged_with_params_figures_data_and_tags(self, ours: MlflowRegistry, register: Any) -> None:
        from mlflow import MlflowClient

        register(ours, params={"head": {"c": 1.5}}, metrics={"fit_s": 3.0}, data={"until": "2026-04-15"})

        client = MlflowClient(tracking_uri=ours.uri)
        run = client.search_runs([client.get_experiment_by_name("intent").experiment_id])[0]
        assert run.info.status == "FINISHED"
        assert run.data.params == {"head.c": "1.5"}
        assert run.data.metrics["fit_s"] == 3.0
        assert run.data.metrics["accuracy"] == pytest.approx(passed_report().metrics[0].value)
        assert (run.data.tags["commit"], run.data.tags["dirty"]) == ("c" * 40, "False")
        (data,) = run.inputs.dataset_inputs
        assert json.loads(data.dataset.source)["until"] == "2026-04-15"
        assert data.dataset.digest == "e" * 36

    def test_mlflow_loads_the_champion_by_alias_with_no_pickle_and_no_stray_store(
        self, ours: MlflowRegistry, register: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import mlflow

        register(ours, "a"), register(ours, "b")
        ours.set_alias("intent", "2")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", ours.uri)

        told = mlflow.pyfunc.load_model("models:/intent@champion").predict(["x"])

        assert told == ["b"]
        assert list((tmp_path / "elsewhere").iterdir()) == []
        left = [path for path in ours.folder.rglob("*") if path.suffix in (".pkl", ".pickle", ".pyc", ".joblib")]
        assert [path for path in left if "__pycache__" not in path.parts] == []
        assert not any("payload" in path.parts for path in left)

    def test_registering_writes_nothing_into_the_working_folder(
        self, ours: MlflowRegistry, register: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")

        register(ours)

        assert list((tmp_path / "here").iterdir()) == []
        assert not list((tmp_path / "intent-a").rglob("__pycache__"))

    def test_a_database_that_is_gone_is_told_and_not_begun_anew(self, ours: MlflowRegistry, register: Any) -> None:
        register(ours)
        (ours.folder / DATABASE).rename(ours.folder / "aside.db")

        for act in (lambda: ours.get("intent", "1"), lambda: ours.list("intent"), lambda: ours.alias("intent"),
                    lambda: register(ours, "b")):  # fmt: skip
            with pytest.raises(RegistryUnavailable, match="gone"):
                act()
        assert not (ours.folder / DATABASE).exists()

    def test_a_database_that_is_broken_is_unavailable(self, ours: MlflowRegistry) -> None:
        (ours.folder / DATABASE).write_bytes(b"no database at all, but long enough to look like a file " * 50)

        with pytest.raises(RegistryUnavailable):
            MlflowRegistry(ours.folder).get("intent", "1")

    def test_lost_artefacts_are_unavailable_and_leave_no_half_copy(
        self, ours: MlflowRegistry, register: Any, tmp_path: Path
    ) -> None:
        register(ours)
        (ours.folder / ARTEFACTS).rename(ours.folder / "aside")

        with pytest.raises(RegistryUnavailable):
            ours.fetch("intent", "1", tmp_path / "copy")
        assert not (tmp_path / "copy").exists()

    def test_what_the_tables_say_is_what_mlflows_client_says(self, ours: MlflowRegistry, register: Any) -> None:
        from mlflow import MlflowClient

        register(ours, "a"), register(ours, "b"), register(ours, "c")
        ours.set_alias("intent", "2")
        client = MlflowClient(tracking_uri=ours.uri, registry_uri=ours.uri)
        client.delete_model_version("intent", "3")

        told = {one.version: one for one in client.search_model_versions("name = 'intent'")}
        assert [card.version for card in ours.list("intent")] == sorted(map(str, told)) == ["1", "2"]
        for ours_says in ours.list("intent"):
            tags = next(one.tags for version, one in told.items() if str(version) == ours_says.version)
            assert (ours_says.artefact, dict(ours_says.card)) == (tags["artefact"], json.loads(tags["card"]))
        assert ours.alias("intent") == str(client.get_model_version_by_alias("intent", "champion").version)

    def test_a_place_outside_of_the_registry_is_not_copied(
        self, ours: MlflowRegistry, register: Any, tmp_path: Path
    ) -> None:
        register(ours)
        outside = payload_folder(tmp_path / "outside" / "artifacts" / "payload")
        with closing(sqlite3.connect(ours.folder / DATABASE)) as database, database:
            database.execute("UPDATE model_versions SET source = ?", (outside.parent.parent.as_uri(),))

        with pytest.raises(RegistryUnavailable, match="gone"):
            ours.fetch("intent", "1", tmp_path / "copy")
        assert not (tmp_path / "copy").exists()

    def test_reading_does_not_import_mlflow(self, ours: MlflowRegistry, register: Any) -> None:
        register(ours)
        ours.set_alias("intent", "1")
        looking = ("import sys; from pathlib import Path; from training.registry import MlflowRegistry; "
                   "r = MlflowRegistry(Path(sys.argv[1])); print(r.get('intent', '1').version, r.alias('intent'), "
                   "r.fetch('intent', '1', Path(sys.argv[2])).name, 'mlflow' in sys.modules)")  # fmt: skip

        told = subprocess.run([sys.executable, "-c", looking, str(ours.folder), str(ours.folder / "copy")],
                              capture_output=True, text=True, check=True)  # fmt: skip

        assert told.stdout.split() == ["1", "1", "copy", "False"]

    def test_a_card_too_long_for_a_tag_is_refused(self, ours: MlflowRegistry, register: Any) -> None:
        with pytest.raises(InputError, match="too long"):
            register(ours, notes="x" * 100_001)


def test_a_mirror_that_cannot_follow_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry = MemoryRegistry(tmp_path)
    registry.down = True

    with caplog.at_level(logging.WARNING, logger=cards.__name__):
        mirror(registry, "intent", "1")

    assert "could not follow" in caplog.text
