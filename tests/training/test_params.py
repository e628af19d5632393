from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from data_contracts.errors import InputError, UnknownParameter
from training import bounds, params

PARAMS_YAML = Path(__file__).resolve().parents[2] / "params.yaml"


def test_the_projects_own_params_are_read_and_every_family_has_gates() -> None:
    found = params.load(PARAMS_YAML)

    assert {family: bool(found.policy(family).gates) for family in params.FAMILIES} == dict.fromkeys(
        params.FAMILIES, True
    )


def test_a_part_of_the_routed_may_lose_three_points_of_resolution_in_minutes() -> None:
    found = params.load(PARAMS_YAML)

    share = found.policy("intent").slice_margin
    assert found.policy("routing").slice_margin == pytest.approx(share * found.routing.resolution_value_min)


def test_what_is_left_out_keeps_its_default() -> None:
    assert params.from_mapping({"intent": {"max_rows": 5}}).intent.false_refusal == params.IntentParams().false_refusal


def test_a_window_that_a_run_is_given_governs_the_bank_too() -> None:
    found = params.override(params.load(PARAMS_YAML), ["labels.repeat_window_days=14"]).labels

    assert (found.windows_days.get("anonymous-bank"), found.usual_window_days) == (None, 14.0)
    assert params.load(PARAMS_YAML).labels.windows_days == {"anonymous-bank": 3.0}


def test_an_unknown_parameter_names_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("intent: {max_row: 5}\n", encoding="utf-8")

    with pytest.raises(UnknownParameter, match=r"max_rows.*came max_row, at .*params.yaml.intent"):
        params.load(path)


def test_an_unknown_section_is_refused() -> None:
    with pytest.raises(UnknownParameter, match="sentiment"):
        params.from_mapping({"sentiment": {}})


def test_gates_of_an_unknown_family_are_refused() -> None:
    with pytest.raises(UnknownParameter, match="sentiment"):
        params.from_mapping({"gates": {"sentiment": {}}})


def test_a_family_without_gates_has_no_policy() -> None:
    with pytest.raises(InputError, match="no gates for this family"):
        params.Params().policy("intent")


@pytest.mark.parametrize("value", ["many", True, 1.5, None, []])
def test_a_value_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="not a value of this parameter"):
        params.from_mapping({"intent": {"max_rows": value}})


def test_a_whole_number_stands_for_a_fraction_and_a_list_for_a_tuple() -> None:
    found = params.from_mapping({"intent": {"false_refusal": 1, "strengths": [1, 2]}, "forecast": {"country": None}})

    assert (found.intent.false_refusal, found.intent.strengths, found.forecast.country) == (1.0, (1.0, 2.0), None)


def test_what_is_not_yaml_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("intent: [", encoding="utf-8")

    with pytest.raises(InputError, match="params cannot be read"):
        params.load(path)


def test_an_override_changes_one_value_and_no_other() -> None:
    before = params.load(PARAMS_YAML)

    after = params.override(before, ["intent.max_rows=12", "gates.intent.slice_rows=50"])

    assert after.intent.max_rows == 12
    assert after.policy("intent").slice_rows == 50
    assert (after.routing, after.forecast, after.intent.encoder) == (
        before.routing,
        before.forecast,
        before.intent.encoder,
    )


@pytest.mark.parametrize("change", ["intent.max_rows", "max_rows=5", "=5"])
def test_an_override_that_names_no_parameter_is_refused(change: str) -> None:
    with pytest.raises(InputError, match="not a change of a parameter"):
        params.override(params.Params(), [change])


@pytest.mark.parametrize(
    ("name", "near", "beyond"),
    [
        ("intent.max_rows", "1", "0"),
        ("intent.max_rows", "1", "-5"),
        ("intent.judge_share", "0.49", "0.5"),
        ("intent.calibrate_share", "0.01", "0"),
        ("intent.strengths", "[0.1, 1]", "[1, 0]"),
        ("intent.false_refusal", "0", "-0.01"),
        ("intent.false_refusal", "0.9", ".nan"),
        ("intent.language_floor", "1", "1.01"),
        ("labels.repeat_window_days", "0", "-1"),
        ("labels.repeat_window_days_by_source.crm", "3.0", "-3.0"),
        ("labels.repeat_window_days_by_source.crm", "3.0", "soon"),
        ("labels.weight_wrap_up", "1", "2"),
        ("routing.leaves", "2", "1"),
        ("routing.temperature_min", "0.01", "0"),
        ("routing.agent_snapshot_h", "0.5", "0"),
        ("routing.max_weight", "1", "0.9"),
        ("routing.leaf_drag", "0", ".inf"),
        ("forecast.interval_s", "60", "59"),
        ("forecast.horizon_days", "56", "57"),
        ("forecast.learning_rate", "1", "0"),
        ("forecast.interval_s", "450", "420"),  # 205 intervals and a piece
        ("forecast.quantiles", "[0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]", "[0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]"),
        (
            "forecast.quantiles",
            "[0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]",
            "[0.975, 0.9, 0.75, 0.5, 0.25, 0.1, 0.025]",
        ),
        ("forecast.quantiles", "[0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]", "[0.1, 0.5, 0.9]"),
        ("forecast.time_zone", "Asia/Shanghai", "Mars/Olympus"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_and_its_neighbour_is_not(name: str, near: str, beyond: str) -> None:
    params.override(params.Params(), [f"{name}={near}"])

    with pytest.raises(InputError, match=r"no sense|cannot be meant") as refused:
        params.override(params.Params(), [f"{name}={beyond}"])

    assert name.split(".")[1] in refused.value.where
    assert refused.value.expected


def test_the_quantiles_that_may_be_asked_are_those_that_are_issued() -> None:
    from training import aggregates

    assert aggregates.LEVELS == bounds.PUBLISHED == params.Params().forecast.quantiles


def test_every_number_of_the_params_has_its_bound() -> None:
    sections = [getattr(params.Params(), name) for name in ("labels", "intent", "routing", "forecast")]
    numeric = {
        name
        for section in (*sections, params.TuningParams(), params.IntentCosts())
        for name, value in vars(section).items()
        if not isinstance(value, bool | str | params.TuningParams | params.IntentCosts | None)
        and not (isinstance(value, tuple) and isinstance(value[0], str))
    }
    may_be_left_out, words_by_name = {"repeat_window_days"}, {"out_of_scope"}

    assert set(bounds.BOUNDS) == (numeric - words_by_name) | may_be_left_out


def test_a_text_with_nothing_behind_the_equals_sign_is_empty() -> None:
    assert params.override(params.Params(), ["intent.multilingual="]).intent.multilingual == ""


def test_labels_of_no_intent_are_named_with_their_kind() -> None:
    changed = params.override(params.Params(), ["intent.out_of_scope={weather: out-of-domain}"])

    assert changed.intent.out_of_scope == {"weather": "out-of-domain"}


@pytest.mark.parametrize(("value", "word"), [("[1", "YAML"), ("many", "a whole number"), ("1.5", "a whole number")])
def test_an_override_with_a_value_that_cannot_be_read_says_what_it_must_be(value: str, word: str) -> None:
    with pytest.raises(InputError) as refused:
        params.override(params.Params(), [f"intent.max_rows={value}"])

    assert refused.value.expected == word


def test_an_override_of_a_gate_that_nobody_can_judge_is_refused() -> None:
    with pytest.raises(InputError):
        params.override(params.load(PARAMS_YAML), ["gates.intent.slice_rowz=50"])


def test_an_override_of_an_unknown_parameter_names_the_known_ones() -> None:
    with pytest.raises(UnknownParameter, match="max_rows"):
        params.override(params.Params(), ["intent.max_row=5"])


def test_params_written_and_read_are_the_same() -> None:
    found = params.load(PARAMS_YAML)

    again = params.from_mapping(yaml.safe_load(yaml.safe_dump(params.as_mapping(found))))

    assert params.as_mapping(again) == params.as_mapping(found)


def test_a_label_out_of_scope_is_of_a_known_kind() -> None:
    with pytest.raises(InputError, match=r"in-domain or out-of-domain.*outdomain"):
        params.override(params.Params(), ["intent.out_of_scope={weather: outdomain}"])
