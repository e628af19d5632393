"""The door to Great Expectations: the contract's rules as a suite, run over whole tables, told as Data Docs.

The suite does not decide which rows pass: the predicates of `checking` do, and the tests hold both to one verdict on
every row. It is the second pair of eyes on what the archive gives to training, and the page that people read.

A rule is a native expectation where one exists. Where none does, our predicate fills a boolean column `rule: <name>`,
which must be true everywhere. Nothing phones home, and no value of a row is written to the pages, only counts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.contracts import Contract, contract
from data_contracts.data_docs import DocsSite
from data_contracts.errors import ContractError
from data_contracts.suites import Check, checks_of, frame_of

QUIET: Final[Mapping[str, str]] = {"GX_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "true"}
"""Set before the library is imported: it reads them once."""

COUNTS_ONLY: Final = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class RuleQuality:
    """One rule over one table: how many rows it judged and how many of them broke it."""

    rule: str
    expectation: str
    severity: str
    success: bool
    evaluated_count: int
    unexpected_count: int


@dataclass(frozen=True)
class DatasetQuality:
    """One table. `success` says that no rule of severity error is broken."""

    dataset: str
    contract_version: str
    rows: int
    success: bool
    rules: tuple[RuleQuality, ...]


@dataclass(frozen=True)
class QualityReport:
    """Every table that was validated, in the order given; `docs` is the page to open, relative to `docs_to`."""

    success: bool
    datasets: tuple[DatasetQuality, ...]
    docs: str | None = None


def validate(tables: Mapping[str, pa.Table], *, docs_to: Path | None, as_of: datetime | None = None) -> QualityReport:
    """Run each dataset's suite over its table (of the contract's schema) and write Data Docs under `docs_to`.

    `as_of` is what "not in the future" is measured from; without one, the newest `known_at` of all the tables.
    Raises ContractError where the library could not evaluate a rule: what was not measured has not passed.
    """
    at = as_of or _newest(tables)
    if at is None:
        return QualityReport(success=True, datasets=())
    context = quiet_context()
    site = DocsSite(context, docs_to) if docs_to is not None else None
    told = [_validated(context, contract(dataset), table, as_of=at) for dataset, table in tables.items()]
    docs = site.build() if site is not None else None
    return QualityReport(success=all(dataset.success for dataset in told), datasets=tuple(told), docs=docs)


def refuse_disagreement(report: QualityReport, *, where: str) -> None:
    """Raises ContractError where a suite refuses rows that the predicates of the same contract accepted.

    The two are compiled from one rule: if they disagree, one of them is wrong, and nobody knows which rows are good.
    """
    broken = [
        f"{dataset.dataset}: {rule.rule} ({rule.unexpected_count} of {rule.evaluated_count} rows)"
        for dataset in report.datasets
        for rule in dataset.rules
        if rule.severity == "error" and not rule.success
    ]
    if broken or not report.success:
        raise ContractError(
            "Great Expectations refuses rows that the row rules accepted",
            expected="one verdict on every row, as both come from one contract",
            came="; ".join(broken) or "no success, and no rule that says why",
            where=where,
            remedy="open data_docs/index.html beside it, and mend the rule's compilation in data_contracts",
        )


def _newest(tables: Mapping[str, pa.Table]) -> datetime | None:
    newest = [pc.max(table["known_at"]).as_py() for table in tables.values() if table.num_rows]
    return max((moment for moment in newest if moment is not None), default=None)


def quiet_context() -> Any:
    """A context of the library that lives in memory, shows no progress and tells nobody."""
    os.environ.update(QUIET)
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context


def outcome(
    context: Any,
    told: Contract,
    table: pa.Table,
    checks: Sequence[Check],
    *,
    result_format: Mapping[str, Any] = COUNTS_ONLY,
) -> Any:
    """The library's own result of a dataset's checks, in the detail of `result_format`."""
    import great_expectations as gx

    # The suite is filled before the context knows it: adding to a known one writes the whole suite each time.
    filled = gx.ExpectationSuite(name=told.dataset, expectations=[check.expectation for check in checks])
    suite = context.suites.add(filled)
    source = context.data_sources.add_pandas(name=told.dataset)
    batch = source.add_dataframe_asset(name=told.dataset).add_batch_definition_whole_dataframe("all")
    definition = gx.ValidationDefinition(name=told.dataset, data=batch, suite=suite)
    context.validation_definitions.add(definition)
    return definition.run(batch_parameters={"dataframe": frame_of(table, checks)}, result_format=dict(result_format))


def _validated(context: Any, told: Contract, table: pa.Table, *, as_of: datetime) -> DatasetQuality:
    checks = checks_of(told, table, as_of=as_of)
    results = outcome(context, told, table, checks).results
    by_rule = {result.expectation_config.meta["rule"]: result for result in results}
    rules = tuple(_rule(told, check, by_rule[check.rule], table.num_rows) for check in checks)
    success = all(rule.success for rule in rules if rule.severity == "error")
    return DatasetQuality(told.dataset, told.version, table.num_rows, success, rules)


def _rule(told: Contract, check: Check, result: Any, rows: int) -> RuleQuality:
    raised = _raised(result.exception_info)
    if raised:
        raise ContractError("a rule could not be evaluated", came=raised, where=f"{told.dataset}: {check.rule}")
    figures = result.result
    judged = int(figures.get("element_count") or rows) - int(figures.get("missing_count") or 0)
    unexpected = int(figures.get("unexpected_count") or 0)
    kind = type(check.expectation).__name__
    return RuleQuality(check.rule, kind, check.severity, bool(result.success), judged, unexpected)


def _raised(told: Any) -> str:
    """The exception that the library kept to itself, which it files in two forms; empty where there was none."""
    if not isinstance(told, Mapping):
        return ""
    if told.get("raised_exception"):
        return str(told.get("exception_message"))
    return next((found for found in map(_raised, told.values()) if found), "")
