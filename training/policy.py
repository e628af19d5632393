"""What is asked of a candidate before anybody is asked to promote it: gates, and the rules of slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from data_contracts.errors import InputError, UnknownParameter
from training import canonical
from training.report import Better

Comparator = Literal["champion", "baseline", "absolute"]


@dataclass(frozen=True)
class Gate:
    """One demand on a candidate.

    `margin`: against the champion, how much worse the bound may be; against the baseline, how much better it must at
    least be; absolute, the limit itself. In the metric's unit, or a share of the other's value when `relative`.
    `slices`: dimensions in which the same is asked of each part, by the policy's slice rules.
    """

    name: str
    metric: str
    comparator: Comparator
    margin: float = 0.0
    # Fewest judged rows: with 200 the 95% interval of a share is at most 7 points to each side.
    rows: int = 200
    slices: tuple[str, ...] = ()
    better: Better = "higher"
    relative: bool = False
    # The other's name in the comparisons, when it is not simply the champion or the baseline.
    other: str = ""
    # False: judged in its slices alone.
    overall: bool = True
    # Against a limit (absolute), the fewest rows of a part; 0: as the policy says.
    slice_rows: int = 0
    # Against a limit, whether a part must reach it with its 95% bound and not with its estimate alone.
    by_bound: bool = False

    @property
    def against(self) -> str:
        """The name under which the comparison for this gate is filed."""
        return self.other or self.comparator


@dataclass(frozen=True)
class GatePolicy:
    """The gates of a family and the rules of slices. Its digest is part of what approval signs."""

    family: str
    gates: tuple[Gate, ...]
    # Below 100 rows the interval of a share is wider than 10 points to each side: no ground for a verdict.
    slice_rows: int = 100
    # A part may lose 3 points before it counts; less is not told from noise at such sizes.
    slice_margin: float = 0.03
    # Family-wise level of Holm's test over the slices of one gate.
    slice_level: float = 0.05

    def digest(self) -> str:
        """SHA-256 of the policy's canonical JSON: any changed number is another policy."""
        return canonical.digest(self)

    @classmethod
    def from_mapping(cls, family: str, raw: Mapping[str, Any]) -> GatePolicy:
        """From `params.yaml`: {gates: [{name, metric, …}], slice_rows, …}. UnknownParameter names the known keys."""
        _refuse_unknown(raw, cls, where=f"gates.{family}")
        listed = raw.get("gates") or ()
        if not listed:
            raise InputError("a policy without gates would pass anything", expected="gates", where=f"gates.{family}")
        gates = tuple(_gate(one, where=f"gates.{family}.gates[{index}]") for index, one in enumerate(listed))
        rest = {key: value for key, value in raw.items() if key not in ("gates", "family")}
        return cls(family=family, gates=gates, **rest)


def _gate(raw: Mapping[str, Any], *, where: str) -> Gate:
    _refuse_unknown(raw, Gate, where=where)
    try:
        gate = Gate(**{**raw, "slices": tuple(raw.get("slices", ()))})
    except TypeError as refused:
        raise InputError("not a gate", expected="name, metric, comparator", came=str(refused), where=where) from refused
    if gate.comparator not in ("champion", "baseline", "absolute") or gate.better not in ("higher", "lower"):
        raise InputError("not a gate", expected="comparator champion, baseline or absolute; better higher or lower",
                         came=f"{gate.comparator}, {gate.better}", where=where)  # fmt: skip
    return gate


def _refuse_unknown(raw: Mapping[str, Any], shape: Any, *, where: str) -> None:
    known = [one.name for one in fields(shape)]
    unknown = sorted(set(raw) - set(known))
    if unknown:
        raise UnknownParameter("unknown key", expected=", ".join(known), came=", ".join(unknown), where=where)
