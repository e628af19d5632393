"""The one door to MLflow: runs, versions and the alias that mirrors the champion, on SQLite and a folder.

MLflow is imported on the first write and asked through its client alone, so that nothing depends on its globals; reads
go to its tables (`tables`), for a fresh process that pulls a model has no five seconds. What it says is never believed
by serving: the history names the champion and `pulling` verifies the bytes.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from data_contracts.errors import InputError, NotFound, RegistryUnavailable
from training import canonical, tables
from training.cards import LOADER, MemoryRegistry, Offered, Registry, VersionCard, mirror, offered, same_version

__all__ = ["MemoryRegistry", "MlflowRegistry", "Registry", "VersionCard", "mirror"]

ALIAS = "champion"
DATABASE = "mlflow.db"
ARTEFACTS = "artifacts"
# The key under which the payload stands in the pyfunc model: loaders read `context.artifacts["payload"]`.
PAYLOAD = "payload"
# A registered model's tag may hold 100,000 characters in MLflow 3.
CARD_LIMIT = 100_000
# Values of params longer than this are refused by MLflow.
PARAM_LIMIT = 6_000
# Nothing phones home, and nothing is drawn on a terminal; set before the import, for MLflow reads them then.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


class MlflowRegistry:
    """Versions in an MLflow database `mlflow.db` and a folder `artifacts` below one folder."""

    def __init__(self, folder: Path) -> None:
        """Touches nothing; the database comes with the first version (six seconds of migrations)."""
        self.folder = folder
        self._open_client: Any = None

    @property
    def uri(self) -> str:
        """What MLflow calls the tracking and registry URI."""
        return f"sqlite:///{(self.folder / DATABASE).resolve()}"

    def prepare(self) -> None:
        """Make the database if nothing was ever here. RegistryUnavailable when it is gone but its artefacts are not."""
        if (self.folder / DATABASE).exists():
            return
        if (self.folder / ARTEFACTS).exists():
            raise self._gone()
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two first processes must not both migrate
            if not (self.folder / DATABASE).exists():
                self._create()

    def register(self, family: str, *, payload: Path, report: Path, card: Mapping[str, Any]) -> VersionCard:
        """See `cards.Registry.register`. The version appears last: a killed registration leaves an unnamed run."""
        found = offered(family, payload=payload, report=report)
        told = canonical.text(dict(card))
        if len(told) > CARD_LIMIT:
            raise InputError("the card is too long", expected=f"{CARD_LIMIT} characters", came=str(len(told)))
        self.prepare()
        for kept in self.list(family):
            if same_version(kept, found, card):
                return kept
        with self._asked() as client:
            run_id = self._log_run(client, family, card, found, report)
            model = self._log_model(client, family, run_id, payload, found)
            # The place and not `models:/<id>`, which MLflow would look up in its global store instead of this one.
            made = client.create_model_version(
                family, source=model.artifact_location, run_id=run_id, model_id=model.model_id,
                tags=_tags(card, found, told),
            )  # fmt: skip
        return VersionCard(family, str(made.version), found.artefact, found.report_digest, json.loads(told))

    def get(self, family: str, version: str) -> VersionCard:
        """See `cards.Registry.get`."""
        return _card(family, self._kept(family, version))

    def list(self, family: str) -> tuple[VersionCard, ...]:
        """See `cards.Registry.list`."""
        if self._never_used():
            return ()
        return tuple(_card(family, one) for one in tables.versions(self._database(), family))

    def fetch(self, family: str, version: str, to: Path) -> Path:
        """See `cards.Registry.fetch`."""
        return self._copy(f"{self._kept(family, version).model}/{ARTEFACTS}/{PAYLOAD}", to)

    def fetch_report(self, family: str, version: str, to: Path) -> Path:
        """See `cards.Registry.fetch_report`."""
        return self._copy(f"{self._kept(family, version).run_files}/report", to)

    def set_alias(self, family: str, version: str | None) -> None:
        """See `cards.Registry.set_alias`."""
        if (named := version and self._kept(family, version).version) == self.alias(family):
            return
        with self._asked() as client:
            if named:
                client.set_registered_model_alias(family, ALIAS, named)
            else:
                client.delete_registered_model_alias(family, ALIAS)

    def alias(self, family: str) -> str | None:
        """See `cards.Registry.alias`."""
        if self._never_used():
            return None
        return tables.alias(self._database(), family, name=ALIAS)

    def _database(self) -> Path:
        """The database's file. RegistryUnavailable when it is gone: MLflow would make an empty one."""
        if not (self.folder / DATABASE).exists():
            raise self._gone()
        return self.folder / DATABASE

    def _kept(self, family: str, version: str) -> tables.Kept:
        if self._never_used():
            raise NotFound("no such version", expected="a version that was trained", came=f"{family}/{version}",
                           where="the registry, which is empty", remedy="Train one: parley retrain.")  # fmt: skip
        for one in tables.versions(self._database(), family):
            if one.version == version:
                return one
        raise NotFound("no such version", came=f"{family}/{version}", where="the registry")

    def _never_used(self) -> bool:
        return not (self.folder / DATABASE).exists() and not (self.folder / ARTEFACTS).exists()

    def _gone(self) -> RegistryUnavailable:
        return RegistryUnavailable("the registry's database is gone", expected=DATABASE, where=str(self.folder),
                                   remedy="Restore it from a copy; what was pulled goes on answering.")  # fmt: skip

    def _create(self) -> None:
        """Migrate a new database under another name and rename it: half a migration is never taken for a registry."""
        half = self.folder / f"{DATABASE}.new"
        half.unlink(missing_ok=True)
        with _named_errors():
            _client(f"sqlite:///{half.resolve()}").search_experiments(max_results=1)
        half.replace(self.folder / DATABASE)

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        """The client, for one act, with MLflow's errors turned into ours."""
        self._database()
        with _named_errors():
            if self._open_client is None:
                self._open_client = _client(self.uri)
            yield self._open_client

    def _log_run(self, client: Any, family: str, card: Mapping[str, Any], found: Offered, report: Path) -> str:
        from mlflow.entities import Metric, Param, RunTag

        experiment = client.get_experiment_by_name(family)
        place = (self.folder / ARTEFACTS / family).resolve()
        number = experiment.experiment_id if experiment else client.create_experiment(family, place.as_uri())
        run = client.create_run(number, run_name=str(card.get("run_id") or ""))
        at = run.info.start_time
        figures = {one.name: one.value for one in found.report.metrics} | dict(card.get("metrics") or {})
        client.log_batch(
            run.info.run_id,
            metrics=[Metric(_key(name), float(value), at, 0) for name, value in figures.items() if value is not None],
            params=[Param(_key(name), str(value)[:PARAM_LIMIT]) for name, value in _flat(card.get("params") or {})],
            tags=[RunTag(name, value) for name, value in _tags(card, found, "").items()],
        )
        _log_data(client, run.info.run_id, card.get("data") or {}, found)
        client.log_artifacts(run.info.run_id, str(report), "report")
        client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    def _log_model(self, client: Any, family: str, run_id: str, payload: Path, found: Offered) -> Any:
        """Keep the payload as a pyfunc model from code: no pickle, no environment guessed, no example run."""
        import mlflow.pyfunc

        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".register-") as folder:
            named = shutil.copytree(payload, Path(folder) / PAYLOAD)  # the folder's name is the artefact's path
            # MLflow runs the file once; from a copy outside, or its bytecode would land in the payload.
            code = shutil.copy(payload / LOADER, folder)
            model = Path(folder) / "model"
            # It warns of the missing example, which is left out on purpose (9 s against 0.2). For good and not for this
            # call only: families register in threads, and what one restores another loses.
            warnings.filterwarnings("ignore", category=UserWarning, module="mlflow")
            mlflow.pyfunc.save_model(
                str(model), python_model=str(code), artifacts={PAYLOAD: str(named)},
                signature=_signature(found.about), pip_requirements=_requirements(found.about),
            )  # fmt: skip
            number = client.get_run(run_id).info.experiment_id
            logged = client.create_logged_model(number, name=family, source_run_id=run_id, model_type="pyfunc")
            client.log_model_artifacts(logged.model_id, str(model))
            logged = client.finalize_logged_model(logged.model_id, "READY")
        if family not in [one.name for one in client.search_registered_models(f"name = '{family}'")]:
            client.create_registered_model(family)
        return logged

    def _copy(self, uri: str, to: Path) -> Path:
        """Copy a folder of ours into one beside `to`, then rename: `to` is whole or not there.

        The database says where the folder is, and others may write to it: a place outside of ours is not copied, and
        links come along as links, which a payload may not hold.
        """
        place = Path(unquote(urlsplit(uri).path)).resolve()
        if not place.is_relative_to((self.folder / ARTEFACTS).resolve()) or not place.is_dir():
            raise RegistryUnavailable("the files of a version are gone", expected=f"a folder below {ARTEFACTS}",
                                      came=uri, where=str(self.folder))  # fmt: skip
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=to.parent, prefix=".fetch-") as folder:
                return shutil.copytree(place, Path(folder) / "copy", symlinks=True).rename(to)
        except (OSError, shutil.Error) as broken:
            raise RegistryUnavailable("the files of a version cannot be read", came=str(broken)[:300]) from broken


def _client(uri: str) -> Any:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def _named_errors() -> Iterator[None]:
    """MLflow's and the database's errors by our names: not there, or not answering."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MlflowException as refused:
        if refused.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise NotFound("the registry does not have it", came=str(refused)[:300]) from refused
        raise RegistryUnavailable("the registry does not answer", came=str(refused)[:300]) from refused
    except (SQLAlchemyError, OSError) as broken:
        raise RegistryUnavailable("the registry does not answer", came=str(broken)[:300]) from broken


def _card(family: str, kept: tables.Kept) -> VersionCard:
    told = json.loads(kept.tags.get("card") or "{}")
    return VersionCard(family, kept.version, kept.tags.get("artefact", ""), kept.tags.get("report", ""), told)


def _tags(card: Mapping[str, Any], found: Offered, told: str) -> dict[str, str]:
    """Short facts one a tag, so that MLflow's own search finds them, and the whole card."""
    short = {name: str(card[name]) for name in ("run_id", "commit", "dirty", "dvc_lock", "trained_by") if name in card}
    judged = {"artefact": found.artefact, "report": found.report_digest, "verdict": found.report.verdict}
    return {**short, **judged, **({"card": told} if told else {})}


def _log_data(client: Any, run_id: str, data: Mapping[str, Any], found: Offered) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    judged = found.report.data
    told = canonical.text({"as_of": judged.as_of, **data})
    kept = Dataset(name="snapshot", digest=(judged.digest or "unknown")[:36], source_type="parley", source=told)
    tags = [InputTag("mlflow.data.context", "training"), InputTag("simulated", judged.simulated)]
    client.log_inputs(run_id, [DatasetInput(kept, tags)])


def _signature(about: Mapping[str, Any]) -> Any:
    """The columns in and out that payload.json names; where it names none, anything in and anything out."""
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    def schema(columns: Any) -> Any:
        named = [ColSpec(kind, name) for name, kind in columns]
        return Schema(named or [ColSpec(AnyType())])

    told = about.get("signature") or {}
    return ModelSignature(inputs=schema(told.get("inputs") or ()), outputs=schema(told.get("outputs") or ()))


def _requirements(about: Mapping[str, Any]) -> list[str]:
    """The packages that the loader needs, pinned to what is installed here."""
    named = sorted({"mlflow", *(about.get("requirements") or ("numpy",))})
    return [f"{name}=={metadata.version(name)}" for name in named]


def _flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _key(name: str) -> str:
    """A name as MLflow allows it: letters, digits, _ - . and /."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "_-./ ") else "_" for char in name)
