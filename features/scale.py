"""The scale on which counts are learned: chance looks alike at every level, and causes add up."""

from __future__ import annotations

import numpy as np

from features.grid import Floats

# Variance grows with the count plus this times its square: chance alone below some hundreds of contacts, a common
# cause's proportion above. Errors on `bank_calls` (counts of 150 to 1,000) and on `emergency_hourly` (of 10) are the
# same to .004 from .001 to .03.
DISPERSION = 0.003
_ROOT = DISPERSION**0.5
_SHIFT = 0.375  # Anscombe's, for small counts


def scaled(count: Floats) -> Floats:
    """Counts on the scale where a negative binomial's variance is about 1 (Anscombe 1948, "The transformation of
    Poisson, binomial and negative-binomial data"): 2 sqrt(count) for small ones, logarithms for large ones."""
    found: Floats = 2.0 / _ROOT * np.arcsinh(_ROOT * np.sqrt(count + _SHIFT))
    return found


def counted(value: Floats) -> Floats:
    """The counts of values on the scale: never below 0."""
    found: Floats = np.maximum(np.sinh(np.maximum(value, 0.0) * _ROOT / 2.0) ** 2 / DISPERSION - _SHIFT, 0.0)
    return found


def expected(value: Floats, *, size: Floats) -> Floats:
    """The mean count where the scale's value has this mean and deviation: above `counted`, which is the median.

    To the second order: counted'' is cosh(value sqrt(DISPERSION)) / 2.
    """
    middle = counted(value)
    found: Floats = middle + size**2 * (1.0 + 2.0 * DISPERSION * (middle + _SHIFT)) / 4.0
    return found


def steepness(count: Floats) -> Floats:
    """How far the scale moves when a count grows by a small share of itself."""
    found: Floats = count / np.sqrt((count + _SHIFT) * (1.0 + DISPERSION * (count + _SHIFT)))
    return found
