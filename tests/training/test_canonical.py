"""One thing, one text: whatever order or type it came in."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from training import canonical
from training.subject import Scope


def test_order_of_keys_and_kind_of_sequence_do_not_matter() -> None:
    assert canonical.text({"b": (1, 2), "a": "é"}) == canonical.text({"a": "é", "b": [1, 2]}) == '{"a":"é","b":[1,2]}'


def test_numpy_numbers_and_dataclasses_are_written_as_plain_ones() -> None:
    assert canonical.text({"x": np.float64(0.5), "n": np.arange(2)}) == '{"n":[0,1],"x":0.5}'
    assert '"share":1.0' in canonical.text(Scope())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_a_number_that_is_not_finite_is_written_as_not_measured(value: float) -> None:
    assert canonical.text([value]) == "[null]"


def test_the_digest_is_sha256_of_the_text() -> None:
    assert canonical.digest({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError):
        canonical.text({"when": object()})
