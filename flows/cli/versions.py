"""Where an answer or a version comes from, and taking one away: trace, pull."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.printing import AsJson, facts, out, say


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("trace")(trace)
    app.command("pull")(pull)


def trace(prediction: Annotated[str, typer.Argument(help="A prediction_id.")], as_json: AsJson = False) -> None:
    """From an answer to version, approval, the features it saw, data and commit."""
    from flows import tracing
    from flows.compose import workspace

    result = tracing.prediction_trace(workspace(), prediction)
    if as_json:
        out(result)
        return
    for part, content in result.items():
        say(f"{part}:")
        facts(content, indent="  ") if isinstance(content, dict) else say(f"  {content}")


def pull(
    family: Annotated[str, typer.Argument(help="intent, routing or forecast")],
    to: Annotated[Path, typer.Option("--to", help="Folder that gets the champion's files.")],
    as_json: AsJson = False,
) -> None:
    """Fetch the champion after verifying chain, signature and digest; from the last good copy if need be."""
    from dataclasses import asdict

    from data_contracts.errors import InputError
    from flows.compose import workspace
    from flows.request import FAMILIES
    from training import pulling

    if family not in FAMILIES:
        raise InputError("unknown family", expected=", ".join(FAMILIES), came=repr(family), where="FAMILY")
    if to.exists() and not to.is_dir():
        raise InputError("not a folder", expected="a folder, or a place for one", came=str(to), where="--to")
    place = workspace()
    pulled = pulling.pull(family, history=place.chain, registry=place.registry, verifier=place.chain.verifier, to=to)
    result = {**asdict(pulled), "folder": str(pulled.folder)}
    out(result) if as_json else facts(result)
