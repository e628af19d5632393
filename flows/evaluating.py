"""Files of labelled texts for an evaluation: read strictly, what cannot be used is counted and said."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from centre.intake.reading import Record, records, refuse_not_text
from data_contracts.errors import InputError, NotEnoughData

LABEL = "label"


def texts_of(path: Path, *, labelled: bool) -> tuple[list[str], list[str], int]:
    """Texts, labels and how many rows have no text (or no label where one is needed), from a `text,label` file.

    Raises NotFound, NotText, MissingColumn, and InputError where no row is left.
    """
    refuse_not_text(path)
    texts, labels, left_out = [], [], 0
    for one in records(path, required=("text", LABEL) if labelled else ("text",), delimiter=","):
        fields = one.fields if isinstance(one, Record) else {}
        text, label = (fields.get(name, "").strip() for name in ("text", LABEL))
        if text and (label or not labelled):
            texts.append(text)
            labels.append(label)
        else:
            left_out += 1
    if not texts:
        raise InputError("no row can be used", expected="a text and a label" if labelled else "a text",
                         came=f"{left_out} rows without" if left_out else "no rows", where=str(path))  # fmt: skip
    return texts, labels, left_out


def evaluate_intent(
    *, train: Path, valid: Path | None, test: Path, oos: Sequence[Path], changes: Sequence[str], language: str | None,
    seed: int, threads: int,
) -> dict[str, Any]:  # fmt: skip
    """`training.intent_evaluation` on files; nothing is registered and no workspace is needed.

    changes: of parameters, as `intent.recipe=frozen`. Adds `left_out`: rows that could not be used, by file.
    """
    from training import intent_evaluation, params
    from training.intent_evaluation import Labelled

    changed = params.override(params.load(_params_file()), changes)
    read = {path: texts_of(path, labelled=True) for path in (train, test, *([valid] if valid else []))}
    strange = {path: texts_of(path, labelled=False) for path in oos}
    _refuse_one_label(read[train][1], where=train)
    with tempfile.TemporaryDirectory(prefix="parley-evaluate-") as folder:
        told = intent_evaluation.evaluate(
            Labelled(*read[train][:2]), valid=Labelled(*read[valid][:2]) if valid else None,
            test=Labelled(*read[test][:2]), oos={str(path): one[0] for path, one in strange.items()}, language=language,
            params=changed.intent, seed=seed, threads=threads, to=Path(folder),
        )  # fmt: skip
    return {**told, "left_out": _left_out({**read, **strange})}


def _refuse_one_label(labels: Sequence[str], *, where: Path) -> None:
    """What the training would refuse later, with the name of the file that holds it."""
    if len(found := sorted(set(labels))) < 2:
        raise NotEnoughData("too few different labels to learn", expected="2 or more", came=f"only {found[0]}",
                            where=str(where), remedy="An intent is told from others: add their examples.")  # fmt: skip


def _left_out(read: Mapping[Path, tuple[list[str], list[str], int]]) -> dict[str, int]:
    return {str(path): count for path, (_, _, count) in read.items() if count}


def _params_file() -> Path:
    from flows.checkout import checkout_of

    return checkout_of().folder / "params.yaml"
