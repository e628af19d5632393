"""The stages `check` and `build` in a folder of their own: what stops a run, and what the manifest tells a report."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data_contracts import expectations
from data_contracts.arrow import schema, table
from data_contracts.contracts import datasets
from data_contracts.errors import ContractError
from flows import request as requests
from flows import stages
from flows.checkout import source_folder
from flows.outputs import write_table
from flows.request import FAMILIES, NO_CHAMPION, Request
from tests.features.centre import START, common, tiny_centre
from training import rows

AS_OF = START + timedelta(days=35)
DIGEST = "d" * 64


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a run has it, before its first stage."""
    asked = Request(
        as_of=AS_OF.isoformat(), until=AS_OF.isoformat(), seed=1, archive_batch=1, archive_digest=DIGEST, threads=1,
        champion=dict.fromkeys(FAMILIES, NO_CHAMPION),
    )  # fmt: skip
    requests.write(asked, folder=tmp_path)
    shutil.copy(source_folder() / "params.yaml", tmp_path)
    (tmp_path / "data_contracts").mkdir()
    shutil.copy(source_folder() / "data_contracts/wrap_up_codes.yaml", tmp_path / "data_contracts")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lay(folder: Path, tables: dict[str, pa.Table]) -> None:
    """The tables as the stage before left them; datasets without rows are empty."""
    folder.mkdir(parents=True)
    for name in datasets():
        write_table(tables.get(name, schema(name).empty_table()), folder / f"{name}.parquet")


def registered(name: str, *, at: datetime = START) -> dict[str, Any]:
    """A customer's row."""
    return {"customer_id": name, "revision": 0, "language": "en"} | common(at)


def refused(report: expectations.QualityReport) -> expectations.QualityReport:
    """The same report, as if the library had refused one row by one rule of severity error."""
    (first, *others) = report.datasets
    place = next(n for n, rule in enumerate(first.rules) if rule.severity == "error")
    changed = list(first.rules)
    changed[place] = replace(changed[place], success=False, unexpected_count=1)
    return replace(report, success=False, datasets=(replace(first, success=False, rules=tuple(changed)), *others))


def test_the_snapshot_passes_where_both_readings_of_the_contract_agree(run: Path) -> None:
    lay(stages.COLLECTED, {"customers": table("customers", [registered("k-1"), registered("k-2")])})

    stages.check()

    assert (run / "data/checked/customers.parquet").is_file()
    assert json.loads((run / "data/quality/quality.json").read_text())["success"] is True


def test_a_row_that_the_predicates_accept_and_great_expectations_refuses_stops_the_run(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(stages.COLLECTED, {"customers": table("customers", [registered("k-1")])})
    honest = expectations.validate
    monkeypatch.setattr(expectations, "validate", lambda *given, **told: refused(honest(*given, **told)))

    with pytest.raises(ContractError, match=r"customers: \S+ \(1 of 1 rows\)"):
        stages.check()

    assert not (run / "data/checked").exists()
    assert (run / "data/quality/quality.json").is_file()


def test_both_readings_judge_the_future_from_the_same_moment(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(stages.COLLECTED, {"customers": table("customers", [registered("k-1", at=AS_OF - timedelta(days=9))])})
    seen: list[datetime | None] = []
    honest = expectations.validate

    def watched(*given: Any, as_of: datetime | None = None, **told: Any) -> expectations.QualityReport:
        seen.append(as_of)
        return honest(*given, as_of=as_of, **told)

    monkeypatch.setattr(expectations, "validate", watched)

    stages.check()

    assert seen == [AS_OF.astimezone(UTC)]


def test_a_report_names_the_snapshot_and_the_sources_of_its_family(run: Path) -> None:
    tables = tiny_centre(days=35)
    told = tables["segments"].to_pylist()
    for row in told[::2]:
        row |= {"source": "bank", "simulated": False}
    lay(stages.CHECKED, tables | {"segments": pa.Table.from_pylist(told, schema=tables["segments"].schema)})

    stages.build()

    found = {family: rows.provenance(stages.FEATURES / family, family=family) for family in FAMILIES}
    assert {one.digest for one in found.values()} == {DIGEST}
    assert {one.as_of for one in found.values()} == {AS_OF.isoformat()}
    assert found["routing"].sources == ("bank", "tiny")
    assert found["routing"].simulated == "some"
    assert found["intent"].sources == found["forecast"].sources == ("tiny",)
    assert found["intent"].simulated == found["forecast"].simulated == "all"
