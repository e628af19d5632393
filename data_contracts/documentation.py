"""The reference pages that are written from the contracts, the events and the errors themselves (markdown)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data_contracts import errors
from data_contracts.contracts import CLASSIFICATIONS, Column, Contract, contract, datasets
from data_contracts.events import ATTRIBUTES, DATASET_OF, EXTENSIONS, PLATFORM_TYPES


def contracts_page() -> str:
    """Every dataset: what a row is, its columns, its rules."""
    told = [contract(dataset) for dataset in datasets()]
    parts = [
        "# Contracts",
        "What may be said to Parley, by dataset, from `data_contracts/*.odcs.yaml` (Open Data Contract Standard "
        "v3.1.0). A row that breaks a row rule is quarantined with rule and value; a row whose parent is not known yet "
        "is parked.",
        "## How private a column is",
        _table(("classification", "means"), CLASSIFICATIONS.items()),
        "## The columns of every dataset",
        _columns(column for column in told[0].columns if column.common),
        *(_contract(each) for each in told),
    ]
    return "\n\n".join(parts) + "\n"


def events_page() -> str:
    """Every type of event and the dataset whose row it carries."""
    parts = [
        "# Events",
        "CloudEvents 1.0, in the past tense. `source` and `id` are the key: the same event twice is one event, the "
        "same key with another body is refused, a correction is a new event. "
        f"Attributes: {_listed(ATTRIBUTES)}; extensions: {_listed(EXTENSIONS)}.",
        "## Events that carry a row",
        _table(
            ("type", "dataset", "data must hold"),
            ((f"`{name}`", f"`{dataset}`", _listed(_required_of(dataset))) for name, dataset in DATASET_OF.items()),
        ),
        "## Events of the platform about itself",
        _table(("type",), ((f"`{name}`",) for name in PLATFORM_TYPES)),
    ]
    return "\n\n".join(parts) + "\n"


def errors_page() -> str:
    """The tree of errors with exit codes, HTTP statuses and problem types."""
    rows = (_error(kind, depth) for depth, kind in _tree(errors.ParleyError))
    parts = [
        "# Errors",
        "A message says what was expected, what came, where, and what to do. The command line ends with the exit code; "
        "HTTP answers `application/problem+json` with the status and the type.",
        _table(("error", "type", "exit", "HTTP", "means"), rows),
    ]
    return "\n\n".join(parts) + "\n"


def _contract(told: Contract) -> str:
    parts = [
        f"## {told.dataset}",
        f"{told.purpose} {told.grain} Key: {_listed(told.keys)}. "
        f"Kept {told.retention_days} days. Contract {told.version}.",
        _columns(told.own_columns),
        _table(("rule", "says"), _rules(told)),
    ]
    return "\n\n".join(parts)


def _columns(columns: Iterable[Column]) -> str:
    rows = (
        (
            f"`{column.name}`",
            f"`{column.arrow}`{'' if column.required else ', may be null'}",
            column.unit,
            column.classification,
            column.meaning,
        )
        for column in columns
    )
    return _table(("column", "type", "unit", "classification", "meaning"), rows)


def _rules(told: Contract) -> Iterable[tuple[str, str]]:
    """The rules that a reader cannot see in the columns' table."""
    shared = {column.name for column in told.columns if column.common}
    for rule in told.row_rules:
        if not rule.name.endswith((".required", ".finite")) and rule.points_at not in shared:
            yield f"`{rule.name}`", rule.message
    for reference in told.reference_rules:
        yield f"`{reference.name}`", f"a row is parked until {reference.parent}.{reference.parent_column} is known"
    for batch in told.batch_rules:
        verdict = "stops the batch" if batch.severity == "error" else "is remarked on"
        yield f"`{batch.name}`", f"{batch.message} A breach {verdict}."


def _required_of(dataset: str) -> list[str]:
    return [column.name for column in contract(dataset).own_columns if column.required]


def _tree(kind: type[errors.ParleyError], depth: int = 0) -> Iterable[tuple[int, type[errors.ParleyError]]]:
    yield depth, kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _tree(below, depth + 1)


def _error(kind: type[errors.ParleyError], depth: int) -> tuple[str, ...]:
    name = f"{'&nbsp;' * 4 * depth}`{kind.__name__}`"
    means = (kind.__doc__ or "").strip().splitlines()[0]
    return name, f"`{kind.kind}`", str(kind.exit_code), str(kind.http_status), means


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
