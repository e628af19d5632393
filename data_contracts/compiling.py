"""From what a contract says to rules that run. A rule that cannot be compiled is a ContractError, never skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from functools import partial
from typing import Any, Final

from data_contracts.batch_rules import DuplicateShare, Freshness, RowCount
from data_contracts.column_rules import Between, Finite, NotAncient, NotFuture, Required
from data_contracts.cross_rules import AbsentWhen, AnyOf, Different, NotBefore, OfListed, RequiredWhen, Sum, Within
from data_contracts.errors import ContractError
from data_contracts.rules import COMPARATORS, BatchRule, ReferenceRule, RowRule
from data_contracts.text_rules import HoldsJson, ItemsMatch, Length, NotBlank, OneOf, Pattern, anchored_body

Told = Mapping[str, Any]
Types = Mapping[str, str]

CUSTOM: Final[Mapping[str, Callable[..., RowRule]]] = {
    "notFuture": NotFuture,
    "notBlank": NotBlank,
    "json": HoldsJson,
    "notBefore": NotBefore,
    "after": partial(NotBefore, strict=True),
    "within": Within,
    "sum": Sum,
    "different": Different,
    "requiredWhen": RequiredWhen,
    "absentWhen": AbsentWhen,
    "anyOf": AnyOf,
    "memberOf": OfListed,
    "keysWithin": partial(OfListed, keys=True),
}
"""The rules that a contract may name in `implementation` of a quality entry of type custom, engine parley."""

DESCRIPTIVE: Final = frozenset({"timezone", "defaultTimezone", "format"})
"""Options that say what a type is and judge no value: the reader of the type already holds to them."""


def row_rules(properties: Iterable[Told], quality: Iterable[Told], *, types: Types, where: str) -> tuple[RowRule, ...]:
    """The row rules of a dataset: those on each property, then the custom ones, in the contract's order."""
    found = [rule for told in properties for rule in _property_rules(told, where=f"{where}: {told['name']}")]
    found += [_custom(told, where=where) for told in quality if told.get("type") == "custom"]
    for rule in found:
        _reads_what_it_can(rule, types, where)
    _named_once([rule.name for rule in found], where)
    return tuple(found)


def reference_rules(properties: Iterable[Told], *, where: str) -> tuple[ReferenceRule, ...]:
    """The references whose late parent parks a row; those that only document (`lateParent: allow`) are none."""
    found = []
    for told in properties:
        for link in told.get("relationships") or ():
            late = {entry["property"]: entry["value"] for entry in link.get("customProperties") or ()}.get("lateParent")
            parent, _, column = str(link.get("to")).partition(".")
            if late not in ("park", "allow") or not column:
                expected = "to: dataset.column and lateParent park or allow"
                came = str(link)
                raise ContractError("a reference that cannot be compiled", expected=expected, came=came, where=where)
            if late == "park":
                found.append(ReferenceRule(f"{told['name']}.known", str(told["name"]), parent, column))
    return tuple(found)


def batch_rules(quality: Iterable[Told], agreed: Iterable[Told], *, types: Types, where: str) -> tuple[BatchRule, ...]:
    """The batch rules: library metrics on the dataset, and freshness as the service level agrees it."""
    found = [_metric(told, where=where) for told in quality if told.get("type", "library") != "custom"]
    found += [_freshness(told, where=where) for told in agreed if told.get("property") == "freshness"]
    for rule in found:
        columns = rule.columns if isinstance(rule, DuplicateShare) else (rule.points_at,) if rule.points_at else ()
        _columns_exist(columns, types, f"{where}: {rule.name}")
    return tuple(found)


def _property_rules(told: Told, *, where: str) -> list[RowRule]:
    name, found = str(told["name"]), list[RowRule]()
    if told.get("required"):
        found.append(Required(f"{name}.required", f"{name} must be given", name))
    if told.get("unique") and not told.get("primaryKey"):
        raise ContractError("unique holds for keys only", came=name, where=where)
    if told.get("physicalType") == "double":
        found.append(Finite(f"{name}.finite", f"{name} must be a finite number", name))
    found += _option_rules(name, told, where=where)
    found += [_enumeration(name, entry, where=where) for entry in told.get("quality") or ()]
    return found


def _option_rules(name: str, told: Told, *, where: str) -> list[RowRule]:
    options = {key: value for key, value in (told.get("logicalTypeOptions") or {}).items() if key not in DESCRIPTIVE}
    items = dict((told.get("items") or {}).get("logicalTypeOptions") or {})
    found = list[RowRule]()
    if items:
        found.append(_items(name, items, where=where))
    if told.get("logicalType") == "timestamp" and "minimum" in options:
        found.append(_not_ancient(name, str(options.pop("minimum")), where=where))
    bounds = {key: options.pop(key) for key in _BOUNDS if key in options}
    if bounds:
        found.append(_between(name, bounds))
    lengths = {key: options.pop(key) for key in ("minLength", "maxLength") if key in options}
    if lengths:
        low, high = lengths.get("minLength"), lengths.get("maxLength")
        found.append(Length(f"{name}.length", f"{name} must have {_span(low, high)} characters", name, low, high))
    if "pattern" in options:
        pattern = str(options.pop("pattern"))
        anchored_body(pattern, where=where)
        found.append(Pattern(f"{name}.pattern", f"{name} must match {pattern}", name, pattern))
    if options:
        raise ContractError("options that cannot be compiled", came=", ".join(sorted(options)), where=where)
    return found


_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def _not_ancient(name: str, floor: str, *, where: str) -> NotAncient:
    try:
        earliest = datetime.fromisoformat(floor)
    except ValueError:
        earliest = None
    if earliest is None or earliest.tzinfo is None:
        raise ContractError("not a time", expected="as 1970-01-01T00:00:00Z", came=floor, where=where)
    return NotAncient(f"{name}.not_ancient", f"{name} must not be earlier than {floor}", name, earliest)


def _between(name: str, bounds: Told) -> Between:
    low = bounds.get("exclusiveMinimum", bounds.get("minimum"))
    high = bounds.get("exclusiveMaximum", bounds.get("maximum"))
    strict_low, strict_high = "exclusiveMinimum" in bounds, "exclusiveMaximum" in bounds
    wanted = []
    if low is not None:
        wanted.append(f"more than {low}" if strict_low else f"at least {low}")
    if high is not None:
        wanted.append(f"less than {high}" if strict_high else f"at most {high}")
    message = f"{name} must be {' and '.join(wanted)}"
    return Between(f"{name}.between", message, name, low, high, strict_low, strict_high)


def _items(name: str, options: dict[str, Any], *, where: str) -> ItemsMatch:
    low, high, pattern = (options.pop(key, None) for key in ("minLength", "maxLength", "pattern"))
    if options:
        raise ContractError("options of items that cannot be compiled", came=", ".join(sorted(options)), where=where)
    if pattern:
        anchored_body(pattern, where=where)
    form = f" and match {pattern}" if pattern else ""
    message = f"each of {name} must have {_span(low, high)} characters{form}"
    return ItemsMatch(f"{name}.items", message, name, low or 0, high, pattern)


def _span(low: int | None, high: int | None) -> str:
    if high is None:
        return f"{low or 0} or more"
    return f"{low} to {high}" if low else f"at most {high}"


def _enumeration(name: str, told: Told, *, where: str) -> RowRule:
    values = (told.get("arguments") or {}).get("validValues")
    if told.get("metric") != "invalidValues" or not values or told.get("mustBe") != 0:
        expected = "metric invalidValues with validValues and mustBe 0"
        raise ContractError("a quality rule that cannot be compiled", expected=expected, came=str(told), where=where)
    known = tuple(str(value) for value in values)
    return OneOf(str(told["name"]), f"{name} must be one of {', '.join(known)}", name, known)


def _custom(told: Told, *, where: str) -> RowRule:
    given = told.get("implementation")
    if told.get("engine") != "parley" or not isinstance(given, Mapping) or given.get("rule") not in CUSTOM:
        expected = "engine parley and a rule of " + ", ".join(CUSTOM)
        raise ContractError("a custom rule that cannot be compiled", expected=expected, came=str(told), where=where)
    make = CUSTOM[given["rule"]]
    given = {_ALIASES.get(key, key): _frozen(value) for key, value in given.items() if key != "rule"}
    kind = make.func if isinstance(make, partial) else make
    _arguments_fit(kind, given, where=f"{where}: {told.get('name')}")
    return make(name=str(told["name"]), message=str(told.get("description", "")), **given)


_ALIASES: Final = {"list": "listed"}


def _arguments_fit(kind: Any, given: Told, *, where: str) -> None:
    own = [field for field in fields(kind) if field.name not in ("name", "message")]
    known, needed = {field.name for field in own}, {field.name for field in own if field.default is MISSING}
    if given.keys() - known or needed - given.keys():
        expected = f"{', '.join(sorted(needed))}; perhaps {', '.join(sorted(known - needed)) or 'nothing else'}"
        raise ContractError("arguments that do not fit", expected=expected, came=", ".join(sorted(given)), where=where)


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple((key, _frozen(told)) for key, told in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _metric(told: Told, *, where: str) -> BatchRule:
    place = f"{where}: {told.get('name')}"
    operators = [name for name in COMPARATORS if name in told]
    if len(operators) != 1:
        expected = f"one of {', '.join(COMPARATORS)}"
        raise ContractError("not one comparison", expected=expected, came=str(told), where=place)
    bound = told[operators[0]]
    bounds = tuple(map(float, bound)) if isinstance(bound, list) else (float(bound),)
    common = (str(told["name"]), str(told.get("description", "")), _severity(told, place), operators[0], bounds)
    if told.get("metric") == "rowCount":
        return RowCount(*common)
    columns = (told.get("arguments") or {}).get("properties")
    if told.get("metric") == "duplicateValues" and told.get("unit") == "percent" and columns:
        return DuplicateShare(*common, tuple(columns))
    raise ContractError("a batch rule that cannot be compiled", came=str(told), where=place)


def _severity(told: Told, where: str) -> str:
    severity = str(told.get("severity", "error"))
    if severity not in ("error", "warning"):
        raise ContractError("unknown severity", expected="error or warning", came=severity, where=where)
    return severity


def _freshness(told: Told, *, where: str) -> BatchRule:
    column = str(told.get("element", "")).partition(".")[2]
    if told.get("unit") != "d" or not column:
        expected = "value in unit d of element dataset.column"
        raise ContractError("a freshness that cannot be compiled", expected=expected, came=str(told), where=where)
    message = str(told.get("description", ""))
    return Freshness(f"{column}.fresh", message, "error", "mustBeLessOrEqualTo", (float(told["value"]),), column)


def _reads_what_it_can(rule: RowRule, types: Types, where: str) -> None:
    place = f"{where}: {rule.name}"
    _columns_exist(tuple(rule.wants()), types, place)
    for name, wanted in rule.wants().items():
        if types[name] not in wanted:
            expected = f"{name} to be one of {', '.join(sorted(wanted))}"
            raise ContractError("a rule that cannot read its column", expected=expected, came=types[name], where=place)


def _columns_exist(columns: tuple[str, ...], types: Types, where: str) -> None:
    unknown = [name for name in columns if name not in types]
    if unknown:
        expected = "one of " + ", ".join(types)
        raise ContractError("a rule on no column", expected=expected, came=", ".join(unknown), where=where)


def _named_once(names: list[str], where: str) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ContractError("two rules of one name", came=", ".join(twins), where=where)
