"""The application: the routers that are asked for, over the doors that are handed in."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from data_contracts.errors import UnknownParameter
from serving import desk as desks
from serving import operations, problems
from serving.doors import PARTS, Doors
from serving.shell import Shell

# The module of each part; each stands alone, so that `--only intent` loads nothing of the others.
_MODULES: Final = {"route": "routing"}

_DESCRIPTION: Final = """
The contact centre's questions, answered by approved models: what does this customer want, who should take the contact,
how many will come. Every answer has one envelope: `source` (model, baseline, rule, off), `version`, `approval`,
`degraded` with reasons, `prediction_id`. Every refusal is `application/problem+json` and tells what was expected, what
came, where, and the remedy. Sign in with `Authorization: Bearer TOKEN`; each operation names the roles that it takes.
"""


def create(doors: Doors) -> FastAPI:
    """The application over these doors. Starts nothing: the shelf and the writer start and stop with its lifespan.

    Raises UnknownParameter for a part in `doors.only` that nobody knows.
    """
    _refuse_unknown(doors.only)
    desk = desks.furnish(doors)
    app = FastAPI(
        title="Parley",
        version="1",
        summary="Answers for a contact centre",
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.desk = desk
    for part in [name for name in PARTS if name in (doors.only or PARTS)]:
        app.include_router(importlib.import_module(f"serving.{_MODULES.get(part, part)}").router)
    app.include_router(operations.router)
    problems.install(app)
    app.add_middleware(Shell, max_body_bytes=doors.settings.max_body_bytes, metrics=desk.metrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    await run_in_threadpool(app.state.desk.start)
    try:
        yield
    finally:
        await run_in_threadpool(app.state.desk.stop)


def _refuse_unknown(only: frozenset[str]) -> None:
    unknown = sorted(only - PARTS.keys())
    if unknown:
        raise UnknownParameter(
            "no such part to serve",
            expected="of " + ", ".join(PARTS),
            came=", ".join(unknown),
            where="--only",
            remedy="Name the parts with commas between.",
        )
