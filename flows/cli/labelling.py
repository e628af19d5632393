"""For engineers and team leads: what to ask people next, and what wrap-up codes are worth."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.cli.printing import AsJson, out, progress, say, table


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    label = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What people should be asked about intents.")
    label.command("next")(next_)
    label.callback()(_questions)
    app.add_typer(label, name="label")
    app.command("wrap-ups")(wrap_ups)


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


def wrap_ups(as_json: AsJson = False) -> None:
    """Wrap-up codes as recorded: how often, which intent each stands for, and how often agents' corrections agree."""
    from flows import wrapping_up
    from flows.compose import workspace

    told = wrapping_up.seen(workspace())
    out(told) if as_json else _say_codes(told)


def _interval(one: dict[str, Any]) -> str | None:
    """As 0.57 (0.52 to 0.62)."""
    return f"{one['agreement']:.2f} ({one['low']:.2f} to {one['high']:.2f})" if one["checked"] else None


def _say_codes(told: dict[str, Any]) -> None:
    say(f"mapped by {told['file'] or 'no file: only codes that are intents (labels.wrap_up_codes names one)'}")
    table(
        ("code", "where", "legs", "stands for", "weight", "checked", "agreed", "learned"),
        [(one["code"], one["scope"], one["legs"], one["intent"] or one["state"], one["weight"], one["checked"],
          _interval(one), one["learned"]) for one in told["codes"]],
        empty="no leg has a wrap-up code",
    )  # fmt: skip
    if told["unmapped"]:
        say("unmapped wrap-up codes: " + ", ".join(f"{code} ({count})" for code, count in told["unmapped"]))
    if told["ambiguous_contacts"]:
        say(f"{told['ambiguous_contacts']} contact(s) have codes of different intents: they teach nothing by codes")
