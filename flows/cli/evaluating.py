"""For engineers: evaluate, outside the registry, on any files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.printing import AsJson, facts, out, progress, table


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    evaluate = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Try a family on files; nothing is kept.")
    evaluate.command("intent")(intent)
    evaluate.callback()(_families)
    app.add_typer(evaluate, name="evaluate")


def _families() -> None:
    """Try a family on files; nothing is kept."""


def intent(
    train: Annotated[Path, typer.Option(help="text,label: what is learned from.")],
    test: Annotated[Path, typer.Option(help="text,label: what is asked.")],
    valid: Annotated[Path | None, typer.Option(help="text,label: held out; without it, folds of the others.")] = None,
    oos: Annotated[list[Path] | None, typer.Option(help="text: outside every intent; asked only; repeatable.")] = None,
    recipe: Annotated[str, typer.Option(help="frozen, contrastive or full; what suits the data without it.")] = "auto",
    language: Annotated[str | None, typer.Option(help="en or zh, of all texts; told from each without it.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    threads: Annotated[int, typer.Option(help="Processor threads; part of what makes the bytes.")] = 2,
    changes: Annotated[list[str] | None, typer.Option("--set", help="section.key=value of params.yaml.")] = None,
    as_json: AsJson = False,
) -> None:
    """Learn intents from one file and be asked another: accuracy, truthfulness, refusal, time and size."""
    from flows import evaluating

    with progress("evaluate intent", quiet=as_json):
        told = evaluating.evaluate_intent(
            train=train, valid=valid, test=test, oos=oos or (), language=language, seed=seed, threads=threads,
            changes=(f"intent.recipe={recipe}", *(changes or ())),
        )  # fmt: skip
    out(told) if as_json else _say(told)


def _say(told: dict[str, Any]) -> None:
    facts({name: told[name] for name in ("recipe", "accuracy", "macro_f1", "ece", "ece_expected")})
    facts({name: value for name, value in told["deployed"].items() if name != "oos_recall"})
    rows = [
        (name, one["auroc"], *one["recall"].values(), told["deployed"]["oos_recall"][name])
        for name, one in told["oos"].items()
    ]
    if rows:
        table(("outside every intent", "auroc", "at 1%", "at 5%", "at 10%", "deployed"), rows, empty="")
    facts({name: told[name] for name in ("train_s", "text_ms", "artefact_mb", "left_out")})
