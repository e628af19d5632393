"""The contracts: one Open Data Contract Standard v3.1.0 file for each dataset, read and compiled once.

`<dataset>.odcs.yaml` is the one place where a column, its type, unit, meaning, keys, classification, retention and
rules are written; `common.odcs-part.yaml` holds what every dataset shares. From them come the Arrow schema (arrow.py),
the predicates that split rows (checking.py), the Great Expectations suite (expectations.py), the normalisers and the
documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import yaml

from data_contracts.compiling import batch_rules, reference_rules, row_rules
from data_contracts.errors import ContractError, UnknownDataset
from data_contracts.rules import BatchRule, ReferenceRule, RowRule

API_VERSION: Final = "v3.1.0"
FOLDER: Final = Path(__file__).parent
COMMON_PART: Final = FOLDER / "common.odcs-part.yaml"

DATASETS: Final = (
    "customers",
    "agents",
    "intents",
    "contacts",
    "segments",
    "agent_states",
    "utterances",
    "recordings",
    "operations",
    "decisions",
    "predictions",
    "verdicts",
    "ratings",
    "articles",
    "roster",
    "volumes",
    "calendar_events",
    "assignments",
)
"""Every dataset, parents before what refers to them."""

ARROW_TYPES: Final[Mapping[str, pa.DataType]] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "date32[day]": pa.date32(),
    "timestamp[us, tz=UTC]": pa.timestamp("us", tz="UTC"),
    "list<string>": pa.list_(pa.string()),
}
"""The physical types that a contract may name, as Arrow writes them."""

CLASSIFICATIONS: Final[Mapping[str, str]] = {
    "public": "may be shown to anybody",
    "internal": "about the centre's work, not about a person",
    "pseudonym": "points to a person for whoever holds another table; erased or replaced with the person",
    "personal": "tells something of a person by itself; never in logs, reports or artefacts",
}


@dataclass(frozen=True)
class Column:
    """One column: its name, types, unit, meaning, how private it is, and what is done to a value before judging."""

    name: str
    logical: str
    arrow: pa.DataType
    required: bool
    unit: str
    meaning: str
    classification: str
    key: bool
    common: bool
    holds_json: bool
    normalisers: tuple[str, ...]


@dataclass(frozen=True)
class Contract:
    """A compiled contract: what a row of the dataset is, and the rules that it must keep."""

    dataset: str
    version: str
    title: str
    purpose: str
    grain: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    row_rules: tuple[RowRule, ...]
    batch_rules: tuple[BatchRule, ...]
    reference_rules: tuple[ReferenceRule, ...]
    retention_days: int

    @property
    def own_columns(self) -> tuple[Column, ...]:
        """The columns of the dataset itself, without those that every dataset shares."""
        return tuple(column for column in self.columns if not column.common)

    def column(self, name: str) -> Column:
        """The column of that name; raises ContractError for one that the contract does not have."""
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(column.name for column in self.columns)
        raise ContractError("no such column", expected=f"one of {known}", came=name, where=f"{self.dataset}.odcs.yaml")


def datasets() -> tuple[str, ...]:
    """Every dataset, parents before what refers to them."""
    return DATASETS


@cache
def contract(dataset: str) -> Contract:
    """The compiled contract of a dataset.

    Raises UnknownDataset for a name without a file and ContractError for a file that cannot be compiled.
    """
    if dataset not in DATASETS:
        raise UnknownDataset("no such dataset", expected="one of " + ", ".join(DATASETS), came=repr(dataset))
    path = FOLDER / f"{dataset}.odcs.yaml"
    return compiled(read_yaml(path), common=read_yaml(COMMON_PART), where=path.name)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping, read safely; raises ContractError where it is none."""
    try:
        told = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContractError("cannot be read", came=str(error), where=path.name) from error
    if not isinstance(told, dict):
        raise ContractError("not a contract", expected="a YAML mapping", came=type(told).__name__, where=path.name)
    return told


def compiled(document: Mapping[str, Any], *, common: Mapping[str, Any], where: str) -> Contract:
    """Compile one ODCS document together with the common part. Raises ContractError for what it cannot compile."""
    if document.get("apiVersion") != API_VERSION or document.get("kind") != "DataContract":
        expected = f"apiVersion {API_VERSION}, kind DataContract"
        came = f"{document.get('apiVersion')}, {document.get('kind')}"
        raise ContractError("not a contract", expected=expected, came=came, where=where)
    body = _only_object(document, where)
    own, shared = list(body.get("properties", ())), list(common.get("properties", ()))
    columns = tuple(_column(told, common=told in shared, where=where) for told in (*own, *shared))
    _no_twins(columns, where)
    quality = [*body.get("quality", ()), *common.get("quality", ())]
    types = {str(told["name"]): str(told["physicalType"]) for told in (*own, *shared)}
    return Contract(
        dataset=str(body["name"]),
        version=str(document["version"]),
        title=str(document.get("name", body["name"])),
        purpose=str(body.get("description", "")),
        grain=str(body.get("dataGranularityDescription", "")),
        columns=columns,
        keys=_keys(body, where),
        row_rules=row_rules([*own, *shared], quality, types=types, where=where),
        batch_rules=batch_rules(quality, document.get("slaProperties", ()), types=types, where=where),
        reference_rules=reference_rules(own, where=where),
        retention_days=_retention_days(document, where),
    )


def _only_object(document: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    objects = document.get("schema") or []
    if len(objects) != 1 or not isinstance(objects[0], Mapping) or "name" not in objects[0]:
        expected = "schema with one named object"
        raise ContractError("not one dataset", expected=expected, came=str(len(objects)), where=where)
    body: Mapping[str, Any] = objects[0]
    return body


def custom_properties(told: Mapping[str, Any]) -> dict[str, Any]:
    """The `customProperties` list of an ODCS element as a mapping."""
    return {entry["property"]: entry["value"] for entry in told.get("customProperties") or ()}


def _column(told: Mapping[str, Any], *, common: bool, where: str) -> Column:
    name, physical = str(told.get("name")), str(told.get("physicalType"))
    if physical not in ARROW_TYPES:
        expected = "one of " + ", ".join(ARROW_TYPES)
        raise ContractError("unknown physical type", expected=expected, came=physical, where=f"{where}: {name}")
    if told.get("classification") not in CLASSIFICATIONS:
        came, expected = str(told.get("classification")), "one of " + ", ".join(CLASSIFICATIONS)
        raise ContractError("unknown classification", expected=expected, came=came, where=f"{where}: {name}")
    custom = custom_properties(told)
    return Column(
        name=name,
        logical=str(told.get("logicalType")),
        arrow=ARROW_TYPES[physical],
        required=bool(told.get("required", False)),
        unit=str(custom.get("unit", "")),
        meaning=str(told.get("description", "")),
        classification=str(told["classification"]),
        key=bool(told.get("primaryKey", False)),
        common=common,
        holds_json=(told.get("logicalTypeOptions") or {}).get("format") == "json",
        normalisers=tuple(custom.get("normalise", ())),
    )


def _no_twins(columns: tuple[Column, ...], where: str) -> None:
    names = [column.name for column in columns]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ContractError("a column stands twice", came=", ".join(twins), where=where)


def _keys(body: Mapping[str, Any], where: str) -> tuple[str, ...]:
    keyed = [told for told in body.get("properties", ()) if told.get("primaryKey")]
    ordered = sorted(keyed, key=lambda told: int(told.get("primaryKeyPosition", -1)))
    if not ordered or not all(told.get("required") for told in ordered):
        expected = "primaryKey properties, each required"
        raise ContractError("no key", expected=expected, came=str(len(ordered)), where=where)
    return tuple(str(told["name"]) for told in ordered)


def _retention_days(document: Mapping[str, Any], where: str) -> int:
    for told in document.get("slaProperties") or ():
        if told.get("property") == "retention" and told.get("unit") == "d":
            return int(told["value"])
    raise ContractError("no retention", expected="an slaProperties entry retention in d", came="none", where=where)
