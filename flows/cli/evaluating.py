"""For engineers: evaluate, outside the registry, on any files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.printing import AsJson, facts, out, progress, say, table


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    evaluate = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Try a family on files; nothing is kept.")
    evaluate.command("intent")(intent)
    evaluate.command("forecast")(forecast)
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
    """Three blocks, what was done, how right, what is refused; then what to know before believing it."""
    rows, deployed = told["rows"], told["deployed"]
    facts({
        "learned": f"{rows['train']:,} texts of {rows['labels']:,} labels, {told['recipe']}, {told['train_s']:.1f} s",
        "asked": f"{rows['test']:,} texts, {told['text_ms']:.2f} ms each; artefact {told['artefact_mb']:.1f} MB",
        "accuracy": f"{told['accuracy']:.1%} (macro F1 {told['macro_f1']:.1%})",
        "ece": f"{told['ece']:.4f} (a perfectly calibrated model would show {told['ece_expected']:.4f})",
        "answered": _answered(deployed),
        "false refusal": "-" if deployed["false_refusal"] is None else
                         f"{deployed['false_refusal']:.1%} of the texts whose label was learned",
    })  # fmt: skip
    outside = [
        (Path(name).name, *(f"{share:.1%}" for share in (one["auroc"], *one["recall"].values(), refused)))
        for (name, one), refused in zip(told["oos"].items(), deployed["oos_recall"].values(), strict=True)
    ]
    if outside:
        say("\nfound of the texts outside every intent, where so many of the test's own are refused")
        table(("file", "auroc", "at 1%", "at 5%", "at 10%", "deployed"), outside, empty="")
    left_out = [f"{path}: {count} rows hold no text or no label" for path, count in told["left_out"].items()]
    for remark in (*left_out, *told["remarks"]):
        say(f"note: {remark}")


def _answered(deployed: dict[str, Any]) -> str:
    right = deployed["accuracy_on_answered"]
    return f"{deployed['coverage']:.1%}" + ("" if right is None else f", of these right {right:.1%}")


def forecast(
    history: Annotated[Path, typer.Option(help="interval_start,queue,offered_count, at any regular interval.")],
    test_days: Annotated[int, typer.Option(help="The last days that hold data: these are judged, and teach nothing.")],
    origin_step_days: Annotated[int, typer.Option(help="Judged days between one origin and the next.")] = 1,
    update_at: Annotated[str | None, typer.Option(help="HH:MM: also judge the rest of each day as told then.")] = None,
    country: Annotated[str | None, typer.Option(help="ISO code, for public holidays; none without it.")] = None,
    page: Annotated[Path | None, typer.Option(help="Write the evaluation as a page with its pictures (HTML).")] = None,
    events: Annotated[
        Path | None, typer.Option(help="kind,name,starts_at,ends_at,known_at (and queues): what planners knew of.")
    ] = None,
    time_zone: Annotated[str | None, typer.Option(help="Of times without an offset, and of days; or UTC.")] = None,
    rivals: Annotated[bool, typer.Option("--rivals", help="Also MSTL with AutoETS (minutes).")] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    threads: Annotated[int, typer.Option(help="Processor threads; the figures do not depend on them.")] = 2,
    changes: Annotated[list[str] | None, typer.Option("--set", help="section.key=value of params.yaml.")] = None,
    as_json: AsJson = False,
) -> None:
    """Learn demand from a file's first days and forecast its last, each as it would have been issued."""
    from flows.evaluating_forecast import evaluate_forecast

    with progress("evaluate forecast", quiet=as_json):
        told = evaluate_forecast(
            history=history, test_days=test_days, origin_step_days=origin_step_days, update_at=update_at,
            country=country, time_zone=time_zone, rivals=rivals, changes=changes or (), seed=seed, threads=threads,
            events=events, page=page,
        )  # fmt: skip
    out(told) if as_json else _say_forecast(told)


def _say_forecast(told: dict[str, Any]) -> None:
    """What was done, how far off beside what planners do by hand, how honest, and what to know of the file."""
    days = told["days"]
    facts({
        "learned": f"{days['train'] + days['held']} days of {told['queues']} queues, intervals of "
                   f"{told['interval_s'] / 60:g} minutes, {told['train_s']:.1f} s, {told['peak_mb']:.0f} MB",
        "judged": f"{days['test']} days, {told['rows']:,} intervals",
        "pinball": "-" if told["pinball"] is None else f"{told['pinball']:.4f} of the mean count",
        **{f"{level}% intervals": f"hold {_share(one['interval'], 1)} of the counts and {_share(one['day'], 1)} of the "
                                  f"days' totals"
           for level, one in told["coverage"].items()},
        **_by_residuals(told["by_residuals"]),
    })  # fmt: skip
    grains = [grain for grain, value in told["wape"].items() if value is not None]
    rows = [("forecast", told), *told["baselines"].items()]
    say("\nWAPE: the sum of errors over the sum of counts, by length of interval")
    table(("", *grains, "rest of day"), [
        (name, *(_share(one["wape"][grain]) for grain in grains), _share(one["rest_of_day_wape"])) for name, one in rows
    ], empty="")  # fmt: skip
    for remark in told["remarks"]:
        say(f"note: {remark}")


def _by_residuals(told: dict[str, Any] | None) -> dict[str, str]:
    """How wide intervals of days are beside those drawn by the errors of the days before."""
    return {} if told is None else {
        f"{level}% by past errors": f"hold {told['coverage'][level]:.1%} of the days' totals, {width:,.0f} wide; "
                                    f"ours {told['mean_width_of_model'][level]:,.0f}"
        for level, width in told["mean_width"].items()
    }  # fmt: skip


def _share(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}%}"
