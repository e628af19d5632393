"""For engineers and team leads: what to ask people next."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.cli.printing import AsJson, out, progress, say, table


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    label = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What people should be asked about intents.")
    label.command("next")(next_)
    label.callback()(_questions)
    app.add_typer(label, name="label")


def _questions() -> None:
    """What people should be asked about intents."""


def next_(
    count: Annotated[int, typer.Option(min=1, max=1000, help="Questions of each kind.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the choice among texts that are alike.")] = 0,
    as_json: AsJson = False,
) -> None:
    """The contacts whose label would teach most, and the labels in doubt; GET /v1/labels/next then offers them too."""
    from flows import labelling
    from flows.compose import workspace

    with progress("what to ask next", quiet=as_json):
        told = labelling.ask(workspace(), count=count, seed=seed)
    out(told) if as_json else _say(told)


def _say(told: dict[str, Any]) -> None:
    say(f"asked by {told['version']}; people answer with POST /v1/feedback (verdict labelled, contact_id, instead)")
    table(
        ("contact", "text", "guess", "confidence"),
        [(one["contact_id"], one["text"], one["guess"], one["confidence"]) for one in told["teach"]],
        empty="every contact with words has a person's label",
    )
    say()
    table(
        ("contact", "text", "label", "likely", "trust"),
        [(one["contact_id"], one["text"], one["label"], one["likely"], one["trust"]) for one in told["settle"]],
        empty="no label is in doubt",
    )
