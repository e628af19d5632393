"""The one place that picks implementations from settings, and hands them to whoever works in a workspace."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from centre.clock import Clock, SystemClock
from centre.settings import Settings
from centre.settings import load as load_settings
from data_contracts.errors import InputError

if TYPE_CHECKING:
    from centre.archive import Archive
    from centre.log import Log
    from centre.people import People, Person
    from serving.doors import Doors, Proposals
    from serving.shelf import Shelf
    from training.history import FileHistory
    from training.registry import Registry
    from training.standing import Standing

# What the platform itself says in the log is said under this name.
SOURCE = "parley/flows"


class Workspace:
    """One centre's state, its doors opened when first asked for. No dataclass: Prefect would look into its fields."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        """Opens nothing and writes nothing."""
        self.settings = settings
        self.clock: Clock = clock or SystemClock()

    @cached_property
    def log(self) -> Log:
        """The event log."""
        from centre.log import open_log

        self.settings.home.mkdir(parents=True, exist_ok=True)
        return open_log(self.settings.log_url)

    @cached_property
    def archive(self) -> Archive:
        """The archive of checked records."""
        from centre.archive import Archive

        return Archive(self.settings.archive_dir)

    @cached_property
    def people(self) -> People:
        """People and their credentials."""
        from centre.people import People

        self.settings.home.mkdir(parents=True, exist_ok=True)
        return People(self.settings.people_file, session_hours=self.settings.session_hours)

    @cached_property
    def history(self) -> FileHistory:
        """The hash chain of promotions for those who decide; the workspace's signing key is made on first use."""
        from training.history import FileHistory

        return FileHistory.open(self.settings.history_file, keys_dir=self.settings.keys_dir)

    @cached_property
    def chain(self) -> FileHistory:
        """The hash chain for those who only read, checked by the pinned key. Raises NotFound before the first entry."""
        from training.history import FileHistory

        return FileHistory.watch(
            self.settings.history_file, keys_dir=self.settings.keys_dir, pinned=self.settings.public_key
        )

    @cached_property
    def registry(self) -> Registry:
        """MLflow's registry on SQLite."""
        from training.registry import MlflowRegistry

        return MlflowRegistry(self.settings.mlflow_dir)

    def standing(self) -> Standing:
        """What the chain says now: champions, waiting requests (what is late is expired), switched-off capabilities."""
        from training.standing import Standing, standing

        nothing_decided = not self.settings.keys_dir.is_dir() and not self.settings.history_file.exists()
        return Standing() if nothing_decided else standing(self.chain, at=self.clock.now())


def workspace(home: Path | None = None, *, clock: Clock | None = None) -> Workspace:
    """The workspace in `home` (or `PARLEY_HOME`, or `./.parley`). InputError where there can be no folder."""
    settings = load_settings(home)
    _refuse_no_folder(settings.home)
    return Workspace(settings, clock)


def _refuse_no_folder(home: Path) -> None:
    place = next((one for one in (home, *home.absolute().parents) if one.exists()), home)
    if place.exists() and not place.is_dir():
        raise InputError(
            "a workspace is a folder", expected="a folder, or a place where one can be made", came=f"{place}, a file",
            where="PARLEY_HOME", remedy="Set PARLEY_HOME to a folder.",
        )  # fmt: skip


def doors(place: Workspace, *, only: frozenset[str] = frozenset()) -> Doors:
    """What the application is handed: it starts retrainings and promotions in child processes and never waits."""
    from flows import labelling, recalling, tracing
    from serving.doors import Doors

    return Doors(
        settings=place.settings,
        clock=place.clock,
        log=place.log,
        people=place.people,
        history=place.history,
        shelf=_shelf(place, only),
        mirror_dir=place.settings.mirror_dir,
        issued_dir=place.settings.issued_dir,
        staffing_dir=place.settings.staffing_dir,
        launch_retraining=lambda asked: launch_retraining(place, asked),
        run_progress=lambda run_id: run_progress(place, run_id),
        act_on_approval=lambda request_id: act_on_approval(place, request_id),
        find_report=lambda family, version: tracing.report_page(place, family, version),
        find_record=lambda prediction_id: tracing.prediction_record(place, prediction_id),
        trace_version=lambda family, version: tracing.version_trace(place, family, version),
        only=only,
        registry_problem=lambda: registry_problem(place),
        find_latest=lambda contact, capability, until: tracing.latest_record(place, contact, capability, until),
        find_decisions=lambda ids: recalling.decisions_held(place, ids),
        find_intents=lambda: recalling.intents_defined(place),
        find_questions=lambda: labelling.asked(place),
        find_proposals=deciding_intents(place),
        hear_planner=lambda act, told, person: hear_planner(place, act, told, person),
        find_intent_changes=lambda version, champion: intent_changes_of(place, version, champion),
    )


def deciding_intents(place: Workspace) -> Proposals:
    """The proposed intents of a workspace for those who decide over HTTP."""
    from flows.intents import Proposed

    return Proposed(place)


def launch_retraining(place: Workspace, asked: dict[str, Any]) -> str:
    """Write the run down, start `parley retrain` as a child of its own, and return the run's name at once."""
    from flows import launching

    return launching.retraining(place, asked)


def hear_planner(place: Workspace, act: str, told: dict[str, Any], person: Person) -> dict[str, Any]:
    """Do what a planner asks in a child process, and wait for it."""
    from flows import planners

    return planners.hear(place, act, told, person)


def run_progress(place: Workspace, run_id: str) -> dict[str, Any] | None:
    """How far a run is, or None if there is no such run."""
    from data_contracts.errors import NotFound
    from flows import runs

    try:
        run = runs.load(place.settings, run_id)
    except NotFound:
        return None
    return {**run.to_json(), "status": run.state, "progress": runs.progress(place.settings, run_id)}


def registry_problem(place: Workspace) -> str:
    """Why the registry cannot give the champions again, or "". Serving goes on with the copies that it verified."""
    from data_contracts.errors import NotFound, RegistryUnavailable, TamperedHistory

    try:
        for family, champion in place.standing().champions.items():
            place.registry.get(family, champion.version)
    except (NotFound, RegistryUnavailable, OSError) as error:
        return str(error)
    except TamperedHistory:
        return ""  # told by every family already
    return ""


def intent_changes_of(place: Workspace, version: str, champion: str) -> dict[str, Any] | None:
    """What an intent version changes for those who read intents, or None where the registry cannot tell."""
    from data_contracts.errors import NotFound, RegistryUnavailable
    from flows import intent_changes

    try:
        return intent_changes.of(place, version, champion=champion)
    except (NotFound, RegistryUnavailable):
        return None


def act_on_approval(place: Workspace, request_id: str) -> None:
    """Start the flow `promote` for an approved request as a child of its own."""
    from flows import launching

    launching.promotion(place, request_id)


def _shelf(place: Workspace, only: frozenset[str]) -> Shelf:
    from serving.doors import families_for
    from serving.shelf import Shelf

    # Made here and not on the first decision: who serves must be able to check from the first look on.
    place.history  # noqa: B018
    return Shelf(place.settings, place.chain, families=families_for(only))
