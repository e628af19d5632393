"""What answers for a family at this moment, and what the application asks of a shelf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from training.standing import Promotion
from training.subject import Scope

FAMILIES: Final = ("intent", "routing", "forecast")

Problem = dict[str, str]


@dataclass(frozen=True)
class Slot:
    """What answers for one family now. No model: the baseline answers (or nobody, when switched off)."""

    family: str
    model: Any = None
    promotion: Promotion | None = None
    folder: Path | None = None
    off: Mapping[str, str] | None = None
    problems: tuple[Problem, ...] = ()
    # Artefacts of this family that stand approved, each with the scope of its last approval: a table that one of them
    # issued may still be answered within it.
    approved: Mapping[str, Scope] = field(default_factory=dict)

    @property
    def source(self) -> Literal["model", "baseline", "off"]:
        """Who answers. A forecast is answered from the table that a model issued, so there no model is loaded."""
        if self.off is not None:
            return "off"
        at_hand = self.model is not None or self.family == "forecast"
        return "model" if at_hand and self.promotion is not None else "baseline"

    @property
    def version(self) -> str | None:
        """The version as people write it, such as `intent/3`."""
        return None if self.promotion is None else f"{self.family}/{self.promotion.version}"

    @property
    def approval(self) -> str | None:
        """The digest of the approval under which the model answers."""
        return None if self.promotion is None else self.promotion.approval


class Shelving(Protocol):
    """What the application asks of a shelf."""

    def slot(self, family: str) -> Slot:
        """What answers for the family at this moment. Cheap: one look-up."""
        ...

    def slots(self) -> tuple[Slot, ...]:
        """All families that this process serves."""
        ...

    def start(self) -> None:
        """Load what is approved and keep watching."""
        ...

    def stop(self) -> None:
        """Stop watching."""
        ...


class StillShelf:
    """A shelf that holds what it is given: for tests, and for whoever brings models of their own."""

    def __init__(self, *slots: Slot) -> None:
        self._slots = {slot.family: slot for slot in slots}

    def put(self, slot: Slot) -> None:
        """Swap."""
        self._slots = {**self._slots, slot.family: slot}

    def slot(self, family: str) -> Slot:
        """See `Shelving.slot`."""
        return self._slots.get(family) or Slot(family)

    def slots(self) -> tuple[Slot, ...]:
        """See `Shelving.slots`."""
        return tuple(self.slot(family) for family in FAMILIES)

    def start(self) -> None:
        """Nothing to watch."""

    def stop(self) -> None:
        """Nothing to stop."""
