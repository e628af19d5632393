"""Intent: what a customer wants, with a truthful confidence, or the word that a person should ask.

Sentence vectors and character n-grams, a logistic regression on each, mixed by language on held-out rows, and a
threshold below which the model refuses.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features import text as texts
from training import (
    gates,
    intent_context,
    intent_costs,
    intent_doubts,
    intent_explained,
    intent_figures,
    intent_labels,
    intent_languages,
    intent_refusal,
    intent_reliability,
    intent_remarks,
    intent_strangers,
    intent_variation,
    loaders,
    payload,
    rows,
)
from training import intent_recipes as recipes
from training.calibration import Mix
from training.intent_head import Examples
from training.loaders.intent import FORMAT, heard
from training.params import IntentParams, Params
from training.report import Report

# Beside the payload's parts: the training rows whose labels are likely wrong (`intent_doubts`), by id.
DOUBTS = intent_labels.DOUBTS
COLUMNS = ("example_id", "text", "language", "channel", "label", "weight", "part")


def fit(
    data: Path, *, params: IntentParams, seed: int, threads: int, to: Path, encoder_cache: Path | None
) -> dict[str, Any]:
    """Learn from the `train` rows, calibrate on the `calibrate` rows, write the payload into folder `to`.

    data: the folder with examples.parquet. seed: of folds, pairs and their order. encoder_cache: vectors and
    exported encoders kept between runs. Returns what was measured (`fit_s`, `peak_mb`, `rows`, `recipe`).
    NotEnoughData with fewer than two labels, or one example of each and nothing to calibrate on.
    """
    return rows.measured(lambda: _fit(data, params=params, seed=seed, threads=threads, to=to, cache=encoder_cache))


def judge(data: Path, *, candidate: Path, champion: Path | None, params: Params, seed: int, threads: int) -> Report:
    """Judge a payload on the frozen `judge` rows, beside the baseline and the champion, which answers as it answers.

    data: as in `fit`. params: all of them, for the gates. NotEnoughData with fewer than two rows to judge on.
    """
    table = rows.read(data / "examples.parquet", columns=COLUMNS)
    rows.enough(rows.part(table, rows.JUDGE).num_rows, needed=2, of="rows to judge on", where=str(data))
    model = loaders.open_payload(candidate, threads=threads)
    before = loaders.open_payload(champion, threads=threads) if champion else None
    answered = intent_figures.answered(table, candidate=model, champion=before)
    known, costs = intent_costs.taxonomy(data), params.intent.costs
    figures = (
        intent_figures.figures(answered, seed=seed)
        + intent_reliability.figures(answered, seed=seed)
        + intent_variation.figures(intent_variation.judged_rows(table, answered), model=model, seed=seed)
        + intent_costs.figures(answered, known=known, costs=costs, seed=seed)
        + intent_context.figures(table, candidate=model, seed=seed)
        + intent_explained.figures(table, answered, model=model)
        + intent_refusal.figures(table, answered, model=model, params=params.intent)
        + intent_labels.figures(
            data, table, candidate=candidate, champion=champion, model=model, params=params.intent, seed=seed
        )
    )
    return gates.report(
        params.policy("intent"),
        champion="none" if champion is None else payload.digest(champion),
        artefact=payload.digest(candidate),
        rows=rows.described(table, id_of=lambda part: part["example_id"].to_pylist(), time_column="happened_at"),
        data=rows.provenance(data, family="intent"),
        metrics=figures.metrics,
        comparisons=figures.comparisons,
        slices=figures.slices,
        charts=figures.charts,
        limits=figures.limits
        + _other_intents(model.labels, None if before is None else before.labels)
        + _remarks(table, max_chars=params.intent.max_chars),
    )


def _remarks(table: pa.Table, *, max_chars: int) -> tuple[str, ...]:
    taught = rows.part(table, rows.TRAIN)
    told = intent_remarks.of_taught(taught["text"].to_pylist(), taught["label"].to_pylist(), max_chars=max_chars)
    return tuple(f"training rows: {one}" for one in told)


def _other_intents(labels: Sequence[str], before: Sequence[str] | None) -> tuple[str, ...]:
    """Which intents come and go with this version: whoever reads them must know."""
    if before is None:
        return ()
    added, dropped = sorted(set(labels) - set(before)), sorted(set(before) - set(labels))
    told = (("answers intents that the champion does not know", added), ("no longer answers", dropped))
    return tuple(f"{words}: {', '.join(names)}" for words, names in told if names)


def _fit(data: Path, *, params: IntentParams, seed: int, threads: int, to: Path, cache: Path | None) -> dict[str, Any]:
    table = rows.read(data / "examples.parquet", columns=COLUMNS)
    train, held = rows.part(table, rows.TRAIN), rows.part(table, rows.CALIBRATE)
    labels = sorted(set(train["label"].to_pylist()))
    rows.enough(len(labels), needed=2, of="different labels", where=str(data / "examples.parquet"))
    with _school(labels, params=params, seed=seed, threads=threads, cache=cache) as school:
        said, asked = (
            recipes.said_of(part, labels, max_chars=params.max_chars) for part in (train, _known(held, labels))
        )
        recipe, why = recipes.chosen(said, params=params)
        school = school.reading_abroad(said, recipe=recipe)
        made, evidence = recipes.learned_and_asked(said, asked, recipe=recipe, school=school)
        held_out = intent_languages.HeldOut.everybody(evidence.parts)
        untaught = recipes.examples(said, school.bases)
        _write(to, made=made, told={
            "labels": labels, "languages": _languages(held_out, evidence, untaught, school),
            **intent_costs.caution(intent_costs.taxonomy(data), labels, costs=params.costs),
            "recipe": recipes.SAYS[recipe], "recipe_name": recipe, "recipe_why": why,
            "lightness": [one and {**asdict(one), "light": one.allowed} for one in made.lightness],
            "false_refusal": params.false_refusal, "max_chars": params.max_chars, "alternatives": params.alternatives,
        })  # fmt: skip
        doubts = _doubts(untaught, said.ids, school)
        rows.write_json(to / DOUBTS, {"doubts": [one.to_json() for one in doubts]})
    return {"rows": train.num_rows, "calibrated_on": held_out.rows, "labels": len(labels), "recipe": recipe,
            "strength": made.head.of_vectors[0].strength, "labels_in_doubt": len(doubts)}  # fmt: skip


def _doubts(untaught: Examples, ids: Sequence[str], school: recipes.School) -> list[intent_doubts.Doubt]:
    """The labels that are likely wrong, by what all encoders see as they came."""
    vectors = untaught.vectors[: len(school.params.encoders)]
    joined = np.hstack(vectors) / np.sqrt(len(vectors))
    return intent_doubts.doubted(joined, untaught.labels, ids=ids, names=school.names, seed=school.seed)


def _languages(
    held_out: intent_languages.HeldOut, evidence: recipes.Evidence, untaught: Examples, school: recipes.School
) -> dict[str, Any]:
    """How each language is spoken; what gives strangers away is learned once for each set of encoders heard."""
    found: dict[tuple[int, ...], intent_strangers.Strangers] = {}

    def sign_weights(mix: Mix) -> list[float]:
        key = tuple(heard(mix))
        if key not in found:
            found[key] = intent_strangers.met(untaught, mix=mix, params=school.params, seed=school.seed)
        return found[key].weights

    told = intent_languages.told(
        held_out, evidence=evidence, sign_weights=sign_weights, params=school.params, abroad=school.abroad
    )
    for one in told.values():  # nobody answers by it: the report shows it
        met = found.get(tuple(heard(one["mix"])))
        one["left_out"] = None if met is None else intent_refusal.told_apart(met.known, met.strange)
    return told


@contextmanager
def _school(
    labels: Sequence[str], *, params: IntentParams, seed: int, threads: int, cache: Path | None
) -> Iterator[recipes.School]:
    """The encoders and a place to work in; without a cache, they lie there too and are gone afterwards."""
    with tempfile.TemporaryDirectory() as passing:
        kept = cache or Path(passing) / "cache"
        bases = tuple(texts.open_encoder(name, threads=threads, cache=kept) for name in params.encoders)
        yield recipes.School(bases, labels, params, seed, threads, Path(passing))


def _known(held: pa.Table, labels: Sequence[str]) -> pa.Table:
    """Rows whose label was learned: no score can be calibrated for a label that has none."""
    import pyarrow.compute as pc

    return held.filter(pc.is_in(held["label"], value_set=pa.array(labels, pa.string())))


def _write(to: Path, *, made: recipes.Learned, told: dict[str, Any]) -> None:
    to.mkdir(parents=True, exist_ok=True)
    head = made.head
    asked = {place for language in told["languages"].values() for place in heard(language["mix"])}
    for name, array in head.arrays(places=asked).items():
        np.save(to / f"{name}.npy", array, allow_pickle=False)
    loaders.place("intent", to=to)
    rows.write_json(to / "payload.json", {
        "family": "intent", "format": FORMAT, **told,
        "encoders": [
            _write_encoder(one, to / f"encoder-{place}") if place in asked else {"kind": "none", "name": one.name}
            for place, one in enumerate(made.encoders)
        ],
        "requirements": ["numpy", "onnxruntime", "tokenizers"],
        "signature": {"inputs": [["text", "string"], ["language", "string"]]},
        "known_ids": list(made.known_ids),
        "arrays": sorted(head.arrays(places=asked)), "strengths": [one.strength for one in head.of_vectors],
        "gram_strength": head.gram_strength,
    })  # fmt: skip


def _write_encoder(encoder: texts.Encoder, to: Path) -> dict[str, Any]:
    """Copy what an encoder is made of, and say what it is."""
    folder: Path | None = getattr(encoder, "folder", None)
    if folder is not None:
        to.mkdir()
        for name in texts.EXPORTED_FILES:
            shutil.copyfile(folder / name, to / name)
    return {"kind": "onnx" if folder else "hash", "name": encoder.name, "digest": encoder.digest,
            "dimension": encoder.dimension}  # fmt: skip
