"""Which rows may pass: the contract's rules over a whole table at once, and over one row as it arrives by HTTP."""

from __future__ import annotations

from data_contracts.faults import Fault

__all__ = ["Fault"]
