"""What an engineer must know of labelled texts before believing a figure about them: counted, each in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from training.intent_head import MOST_LABELS
from training.loaders.intent import clean

# Names that a sentence lists before it only counts.
NAMED = 5


def of_taught(texts: Sequence[str], labels: Sequence[str], *, max_chars: int) -> list[str]:
    """Of the rows that teach: one text under two labels, labels with one example, so many labels that mean rows stand
    for them, texts that are cut."""
    under: dict[str, set[str]] = {}
    for text, label in zip(texts, labels, strict=True):
        under.setdefault(clean(text).casefold(), set()).add(label)
    counts = Counter(labels)
    lone = sorted(label for label, count in counts.items() if count == 1)
    torn = sum(len(found) > 1 for found in under.values())
    return _said({
        f"{torn} texts stand under more than one label: at most one of these can be right": torn,
        f"{len(lone)} labels have one example, so nothing tells how well they are known: {_named(lone)}": len(lone),
        f"{len(counts)} labels are more than {MOST_LABELS}: the mean of its texts stands for each of them":
            len(counts) > MOST_LABELS,
    }) + cut(texts, max_chars=max_chars)  # fmt: skip


def cut(texts: Sequence[str], *, max_chars: int) -> list[str]:
    """Texts of which only the beginning is read."""
    count = sum(len(text) > max_chars and len(clean(text)) > max_chars for text in texts)
    return _said({f"{count} texts are longer than {max_chars} characters: what comes later is not read": count})


def unknown(truth: Sequence[str], known: Sequence[str]) -> list[str]:
    """Rows that are asked whose label was never taught."""
    strange = Counter(label for label in truth if label not in set(known))
    told = f"{strange.total()} texts have a label that was never taught and count as wrong: {_named(sorted(strange))}"
    return _said({told: strange.total()})


def silent(languages: Mapping[str, Mapping[str, Any]], asked: Sequence[str]) -> list[str]:
    """Languages of the texts that were asked in which nobody is answered, and why. languages: of a loaded payload."""
    told = {language: languages.get(language) or languages["*"] for language in sorted(set(asked))}
    return [f"language {name} goes to a person: {one['why']}" for name, one in told.items() if not one["answers"]]


def _said(told: Mapping[str, int | bool]) -> list[str]:
    return [sentence for sentence, counted in told.items() if counted]


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
