"""`GET /v1/models`: which versions stand approved, who is champion, and its verified files for whoever pulls them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from centre.people import Person
from data_contracts.errors import NotFound
from data_contracts.events import stamp
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.desk import AtDesk, Desk
from serving.forms import REFUSALS, refusal
from serving.slots import FAMILIES, Slot
from training import payload, standing
from training.standing import CAPABILITIES, Promotion, Standing

router = APIRouter(tags=["models"], route_class=ApiRoute)

Family = Literal["intent", "routing", "forecast"]
_READERS = ("engineer", "reviewer", "viewer", "service")
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: refusal("No such thing")}


@router.get(
    "/v1/models",
    summary="All families",
    operation_id="list_models",
    response_model=list[dict[str, Any]],
    responses=REFUSALS,
)
async def families(desk: AtDesk, person: Annotated[Person, allowed(*_READERS)]) -> JSONResponse:
    """Each family's champion, approved versions, waiting requests, and what this process holds of it."""
    now = await run_in_threadpool(standing.standing, desk.doors.history, at=desk.now())
    return JSONResponse([_family(family, now, desk) for family in FAMILIES])


@router.get(
    "/v1/models/{family}/champion",
    summary="The champion",
    operation_id="read_champion",
    response_model=dict[str, Any],
    responses={304: {"description": "Still the same"}, **_NOT_FOUND, **REFUSALS},
)
async def champion(
    family: Family, request: Request, desk: AtDesk, person: Annotated[Person, allowed(*_READERS)]
) -> Response:
    """The promotion record under which a family answers, with an ETag; its files once this process holds them."""
    now = await run_in_threadpool(standing.standing, desk.doors.history)
    held = _champion(now, family)
    etag = f'"{held.artefact[:32]}-{held.sequence}"'
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": etag})
    slot = desk.slot(family)
    files = await run_in_threadpool(_files, slot, held)
    return JSONResponse({**_promotion(held), "files": files}, headers={"ETag": etag})


@router.get(
    "/v1/models/{family}/champion/files/{name:path}",
    summary="A file of the champion",
    operation_id="pull_champion_file",
    response_class=FileResponse,
    responses={**_NOT_FOUND, **REFUSALS},
)
async def champion_file(
    family: Family, name: str, desk: AtDesk, person: Annotated[Person, allowed("engineer", "service")]
) -> FileResponse:
    """One file of the verified payload; hold it against its SHA-256 in the champion's record."""
    now = await run_in_threadpool(standing.standing, desk.doors.history)
    held, slot = _champion(now, family), desk.slot(family)
    files = await run_in_threadpool(_files, slot, held)
    if slot.folder is None or files is None or name not in files:
        raise NotFound(
            "no such file of the champion",
            expected=", ".join(files or ()) or "files of a pulled champion",
            came=name[:100],
            where="path",
            remedy="Read the list at /v1/models/FAMILY/champion.",
        )
    return FileResponse(slot.folder / name, headers={"X-Content-SHA256": files[name]})


def _champion(now: Standing, family: str) -> Promotion:
    held = now.champion(family)
    if held is None:
        raise NotFound(
            f"{family} has no champion",
            expected="a promoted version",
            came="the baseline answers",
            where="history",
            remedy="Approve a waiting request in the inbox.",
        )
    return held


def _files(slot: Slot, held: Promotion) -> dict[str, str] | None:
    """Path and SHA-256 of each file; None while this process does not hold the champion."""
    folder: Path | None = slot.folder
    if folder is None or slot.promotion is None or slot.promotion.artefact != held.artefact:
        return None
    return payload.manifest(folder)


def _family(family: str, now: Standing, desk: Desk) -> dict[str, Any]:
    held, slot = now.champion(family), desk.slot(family)
    return {
        "family": family,
        "capability": CAPABILITIES[family],
        "champion": _promotion(held) if held else None,
        "approved_versions": [f"{family}/{one.version}" for one in now.approved_versions(family)],
        "waiting": [one.id for one in now.waiting() if one.family == family],
        "off": now.is_off(family),
        "answers": {"source": slot.source, "version": slot.version, "problems": list(slot.problems)},
    }


def _promotion(held: Promotion) -> dict[str, Any]:
    told = asdict(held)
    told["version"], told["at"] = f"{held.family}/{held.version}", stamp(held.at)
    return told
