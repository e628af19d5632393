"""From an answer to what it rests on: version, approval, features as served, data and commit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.errors import InputError, NotFound
from data_contracts.events import RESERVED_SOURCE
from flows.compose import Workspace
from flows.recalling import in_log
from flows.request import FAMILIES

if TYPE_CHECKING:
    from training.report import Report


def named(version: str) -> tuple[str, str]:
    """`intent/3` as family and number. Raises InputError for anything else."""
    family, slash, number = version.partition("/")
    if not slash or family not in FAMILIES or not number.isdigit():
        raise InputError("not a version", expected="FAMILY/NUMBER, such as intent/3", came=version, where="VERSION")
    return family, number


def versions(place: Workspace) -> list[dict[str, Any]]:
    """Every registered version: family, version, standing, verdict, run, commit; newest last in each family."""
    from training.standing import OPEN

    standing = place.standing()
    found = []
    for family in FAMILIES:
        champion = standing.champion(family)
        approved = {one.version for one in standing.approved_versions(family)}
        asked = {one.version: one.state for one in standing.requests.values() if one.family == family}
        told = {version: state for version, state in asked.items() if state in (*OPEN, "expired")}
        for card in place.registry.list(family):
            stands = told.get(card.version, "approved before" if card.version in approved else "")
            found.append(
                {
                    "family": family,
                    "version": card.version,
                    "standing": "champion" if champion and champion.version == card.version else stands,
                    "verdict": card.card.get("verdict", ""),
                    "run_id": card.card.get("run_id", ""),
                    "commit": card.card.get("commit", ""),
                    "dirty": bool(card.card.get("dirty")),
                    "artefact": card.artefact,
                    "reason": card.card.get("reason", ""),
                }
            )
    return found


def report_folder(place: Workspace, family: str, version: str) -> Path:
    """The folder with report.json and page.html of a version, fetched from the registry once."""
    folder = place.settings.home / "reports" / family / version
    if not (folder / "report.json").is_file():
        place.registry.get(family, version)  # NotFound before anything is made
        place.registry.fetch_report(family, version, folder)
    return folder


def report_page(place: Workspace, family: str, version: str) -> Path | None:
    """The report's folder, or None where there is no such version: what the inbox asks for."""
    try:
        return report_folder(place, family, version)
    except NotFound:
        return None


def report_of(place: Workspace, version: str) -> tuple[Report, Path]:
    """The judged report of a version, and the path of its page."""
    from training.report import Report

    family, number = named(version)
    folder = report_folder(place, family, number)
    return Report.from_json((folder / "report.json").read_text(encoding="utf-8")), folder / "page.html"


def version_trace(place: Workspace, family: str, version: str) -> dict[str, Any]:
    """Where a version comes from: its card, its approval as the chain tells it, and its run."""
    from flows.outputs import plain

    card = place.registry.get(family, version)
    approvals = [
        {
            "request_id": one.id,
            "requested_by": one.subject.requester,
            "state": one.state,
            "approved_by": one.decided_by,
            "approved_at": one.decided_at,
            "approval": one.approval,
            "scope": one.subject.scope,
            "conditions": one.subject.conditions,
            "comment": one.comment,
        }
        for one in place.standing().requests.values()
        if (one.family, one.version) == (family, version)
    ]
    return dict(
        plain(
            {
                "version": f"{family}/{version}",
                "artefact": card.artefact,
                "report": card.report,
                "card": card.card,
                "requests": approvals,
            }
        )
    )


def prediction_record(place: Workspace, prediction_id: str) -> dict[str, Any] | None:
    """The row of `predictions` of one answer, from the archive or, if younger, from the log."""
    import pyarrow.compute as pc

    table = place.archive.read("predictions")
    ours = pc.starts_with(table["source"], RESERVED_SOURCE)
    found = table.filter(pc.and_(ours, pc.equal(table["prediction_id"], prediction_id))).to_pylist()
    if found:
        return dict(found[-1])
    young = _young(place, "prediction.served")
    return next((row for row in young if row.get("prediction_id") == prediction_id), None)


def latest_record(place: Workspace, contact_id: str, capability: str, until: Any) -> dict[str, Any] | None:
    """The last answer given for a contact until a moment, from the archive."""
    import pyarrow.compute as pc

    table = place.archive.read("predictions")
    of_contact = pc.and_(pc.equal(table["contact_id"], contact_id), pc.equal(table["capability"], capability))
    rows = table.filter(pc.and_(pc.starts_with(table["source"], RESERVED_SOURCE), of_contact)).to_pylist()
    known = [row for row in rows if until is None or row["happened_at"] <= until]
    return max(known, key=lambda row: row["happened_at"], default=None)


def prediction_trace(place: Workspace, prediction_id: str) -> dict[str, Any]:
    """Everything that an answer rests on. Raises NotFound for an id that nobody served."""
    record = prediction_record(place, prediction_id)
    if record is None:
        raise NotFound(
            "no such prediction", expected="a prediction_id of an answer", came=prediction_id, where="log and archive"
        )
    answer = {
        name: record.get(name)
        for name in (
            "prediction_id",
            "capability",
            "answer_source",
            "version",
            "approval",
            "contact_id",
            "confidence",
            "happened_at",
        )
    }
    traced: dict[str, Any] = {
        "answer": {**answer, "answer": _parsed(record.get("answer")), "degraded": _parsed(record.get("degraded"))},
        "features_as_served": _parsed(record.get("features")) or "none",
    }
    version = record.get("version")
    if not version:
        return {**traced, "version": "none: " + str(record.get("answer_source"))}
    family, number = named(str(version)) if "/" in str(version) else (_family(record), str(version))
    told = version_trace(place, family, number)
    approval = next((one for one in told["requests"] if one["approval"] == record.get("approval")), "not in the chain")
    card = told["card"]
    if family == "intent":
        from flows import explaining

        traced["why"] = explaining.why(place, record, version=number)
    return {
        **traced,
        "version": {"version": told["version"], "artefact": told["artefact"], "report": told["report"]},
        "approval": approval,
        "data": {**card["request"], "period": card.get("period"), "rows": card.get("rows")},
        "code": {"commit": card["commit"], "dvc_lock": card["dvc_lock"], "run_id": card["run_id"]},
    }


def _family(record: Mapping[str, Any]) -> str:
    return {"route": "routing"}.get(str(record["capability"]), str(record["capability"]))


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) and text else text
    except ValueError:
        return text


def _young(place: Workspace, kind: str) -> list[dict[str, Any]]:
    """The platform's own rows of one type that the log holds, younger than the archive's last batch."""
    from data_contracts.events import dataset_row

    told = in_log(place, kind)
    return [dataset_row(stored.event) for stored in told if stored.event.source.startswith(RESERVED_SOURCE)]
