"""A policy is read from params, and any change of it is another policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data_contracts.errors import InputError, UnknownParameter
from training.policy import Gate, GatePolicy

RAW = {
    "gates": [{"name": "beats", "metric": "wape", "comparator": "champion", "margin": 0.02, "relative": True,
               "better": "lower", "slices": ["queue"]}],
    "slice_rows": 120,
}  # fmt: skip


def test_a_policy_is_read_as_written() -> None:
    read = GatePolicy.from_mapping("forecast", RAW)

    gate = Gate("beats", "wape", "champion", margin=0.02, slices=("queue",), better="lower", relative=True)
    assert read == GatePolicy("forecast", (gate,), slice_rows=120)


def test_any_changed_number_is_another_policy() -> None:
    read = GatePolicy.from_mapping("forecast", RAW)

    assert read.digest() == GatePolicy.from_mapping("forecast", dict(reversed(RAW.items()))).digest()
    assert replace(read, slice_margin=0.0300001).digest() != read.digest()
    assert replace(read, gates=(replace(read.gates[0], margin=0.021),)).digest() != read.digest()


def test_an_unknown_key_names_the_known_ones() -> None:
    with pytest.raises(UnknownParameter, match="slice_margin"):
        GatePolicy.from_mapping("intent", {**RAW, "slice_margn": 1})
    with pytest.raises(UnknownParameter, match="comparator"):
        GatePolicy.from_mapping("intent", {"gates": [{**RAW["gates"][0], "treshold": 1}]})  # type: ignore[index,dict-item]


@pytest.mark.parametrize(
    "raw",
    [{}, {"gates": []}, {"gates": [{"name": "x", "metric": "y"}]},
     {"gates": [{"name": "x", "metric": "y", "comparator": "champoin"}]}],
)  # fmt: skip
def test_a_policy_that_asks_nothing_or_something_unknown_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(InputError):
        GatePolicy.from_mapping("intent", raw)
