"""How a run ends: what is registered, what is asked for, what is held, and what is said of it in the log."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.errors import ConflictError, ParleyError
from data_contracts.events import Event
from flows import promoting, runs, stages
from flows import request as requests
from flows.compose import SOURCE, Workspace
from flows.runs import Run

if TYPE_CHECKING:
    from training.registry import VersionCard
    from training.report import Report


@dataclass(frozen=True)
class Registered:
    """A version in the registry, and its report."""

    version: VersionCard
    report: Report


def register(place: Workspace, run: Run, family: str) -> Registered:
    """Register a run's payload and report, and keep the card of where they came from."""
    from training import exams, page
    from training.report import Report

    clone = runs.clone_of(place.settings, run.run_id)
    judged = Report.from_json((clone / stages.REPORTS / family / "report.json").read_text(encoding="utf-8"))
    report = exams.counted(judged, history=place.history, registry=place.registry, run_id=run.run_id)
    with tempfile.TemporaryDirectory(prefix="parley-report-") as folder:
        page.write(report, to=Path(folder))
        version = place.registry.register(
            family,
            payload=clone / stages.MODELS / family,
            report=Path(folder),
            card=card_of(run, clone=clone, family=family, report=report),
        )
    return Registered(version, report)


def card_of(run: Run, *, clone: Path, family: str, report: Report) -> dict[str, Any]:
    """Where a version comes from: all that approval signs beside payload and report, and all that repeats it."""
    asked = requests.load(clone)
    manifest = stages.manifest_of(clone / stages.FEATURES)
    made = manifest["families"][family]
    return {
        "run_id": run.run_id,
        "commit": run.commit,
        "dirty": run.dirty,
        "request": asked.to_json(),
        "dvc_lock": _sha256(clone / "dvc.lock"),
        "contracts": _sha256(*sorted((clone / "data_contracts").glob("*.yaml"))),
        "params_file": _sha256(clone / "params.yaml"),
        "params": _parameters(clone / "params.yaml", family),
        "metrics": {metric.name: metric.value for metric in report.metrics if metric.value is not None},
        "data": {"as_of": asked.as_of, "until": asked.until, "digest": asked.archive_digest},
        "parameters_set": list(run.parameters_set),
        "trained_by": run.requester,
        "trained_at": run.created_at,
        "reason": run.reason,
        "champion": asked.champion[family],
        "verdict": report.verdict,
        "feature_service": f"{made['service']}@{made['service_digest']}" if "service" in made else "none",
        **{name: made.get(name) for name in ("simulated", "sources", "timeless", "period", "rows")},
    }


def ask(place: Workspace, run: Run, registered: Registered) -> Run:
    """Ask for a promotion; a run that may not ask says why instead."""
    from training import promotion

    if why_not := why_not_asked(run):
        return _settle(place, run, registered, request="", reasons=(why_not,))
    try:
        entry = promotion.request(
            place.history,
            card=registered.version,
            report=registered.report,
            requester=run.requester,
            clock=place.clock,
            days=place.settings.request_days,
            profile=place.settings.profile,
            credential=str(run.options.get("credential") or ""),
        )
    except ConflictError as refused:
        return _settle(place, run, registered, request="", reasons=(str(refused),))
    return _settle(place, run, registered, request=str(entry.body["id"]), reasons=())


def why_not_asked(run: Run) -> str:
    """Why a passed candidate is not put before a reviewer; empty if it is."""
    if run.dirty:
        return "the run comes from a dirty tree: commit, and retrain"
    if run.options.get("no_request"):
        return "no request was wanted (--no-request)"
    return ""


def held(place: Workspace, run: Run, registered: Registered) -> Run:
    """A gate failed: the version stays in the registry with its reasons, nobody is asked."""
    return _settle(place, run, registered, request="", reasons=registered.report.reasons)


def without_data(place: Workspace, run: Run, family: str, why: str) -> Run:
    """Nothing to learn from: said, and no obstacle to the other families."""
    return _outcome(place, run, family, {"verdict": "no data", "version": None, "reasons": [why]})


def with_failure(place: Workspace, run: Run, family: str, error: ParleyError) -> Run:
    """Training or judging stopped: the family has no candidate."""
    facts = {"verdict": "failed", "version": None, "reasons": [str(error)], "exit_code": error.exit_code}
    return _outcome(place, run, family, facts)


def dry(place: Workspace, run: Run, stale: frozenset[str]) -> Run:
    """Nothing is run: the stages that would, told; the clone goes again."""
    import shutil

    clone = runs.clone_of(place.settings, run.run_id)
    run = replace(run, options={**run.options, "would_run": sorted(stale), "request": requests.load(clone).to_json()})
    shutil.rmtree(clone)
    return runs.note(place.settings, run, stage="dry run", at=place.clock.now(), state="finished")


def finish(place: Workspace, run: Run) -> Run:
    """The run is over; late requests are written down, old clones that no standing version needs are removed."""
    promoting.expire(place)
    all_failed = all(outcome["verdict"] == "failed" for outcome in run.outcomes.values())
    state = "failed" if all_failed else "finished"
    run = runs.note(place.settings, run, stage="finished", at=place.clock.now(), state=state)
    standing = place.standing()
    kept = {champion.version for family in run.families if (champion := standing.champion(family))}
    named = {
        card.card.get("run_id", "") for f in run.families for card in place.registry.list(f) if card.version in kept
    }
    runs.remove_old(place.settings, keep=frozenset(named))
    return run


def broken_off(place: Workspace, run: Run, error: BaseException) -> Run:
    """Whatever ended the run early is kept with it."""
    told = str(error) or type(error).__name__
    return runs.note(
        place.settings, replace(run, error=told), stage=run.stage, at=place.clock.now(), state="failed", error=told
    )


def _settle(place: Workspace, run: Run, registered: Registered, *, request: str, reasons: tuple[str, ...]) -> Run:
    card = registered.version
    facts = {
        "verdict": registered.report.verdict,
        "version": card.version,
        "artefact": card.artefact,
        "request": request or None,
        "reasons": list(reasons),
    }
    return _outcome(place, run, card.family, facts)


def _outcome(place: Workspace, run: Run, family: str, facts: Mapping[str, Any]) -> Run:
    """Keep a family's outcome with the run and say it in the log."""
    now = place.clock.now()
    told = {"run_id": run.run_id, "family": family, **facts}
    event = Event(f"{run.run_id}/{family}/finished", SOURCE, "retraining.finished", now, told, subject=family)
    if place.log.find(SOURCE, event.id) is None:
        place.log.append([event], received_at=now)
    run = replace(run, outcomes={**run.outcomes, family: dict(facts)})
    return runs.note(place.settings, run, stage=f"verdict@{family}", at=now, verdict=facts["verdict"])


def _parameters(path: Path, family: str) -> dict[str, Any]:
    """The family's own section of params.yaml."""
    import yaml

    return dict(yaml.safe_load(path.read_text(encoding="utf-8")).get(family) or {})


def _sha256(*paths: Path) -> str:
    summed = hashlib.sha256()
    for path in paths:
        summed.update(path.name.encode("utf-8") + b"\0" + path.read_bytes())
    return summed.hexdigest()
