"""What to ask people next: contacts whose label would teach the intent model most, and labels that are in doubt."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from data_contracts.errors import NotEnoughData
from features.checkers import FLIP_AGENTS
from flows.compose import Workspace

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["teach", "settle"]
Question = dict[str, Any]
# Where the questions lie for those who serve them, in the workspace.
QUESTIONS = "questions.json"
# The latest contacts without a person's word that are looked at: reading a text takes about two milliseconds.
LOOKED_AT = 2000


def ask(place: Workspace, *, count: int, seed: int) -> dict[str, Any]:
    """Find `count` questions of each kind and leave them for serving; returns {at, version, teach, settle}.

    teach: contacts that nobody labelled, most doubtful first and unlike each other. settle: training examples whose
    label is likely wrong, least trusted first. A question: contact_id, text, language, guess, confidence (of teach),
    label and likely (of settle). NotEnoughData before the first intent model.
    """
    version, champion = _version(place)
    with tempfile.TemporaryDirectory() as folder:
        payload = place.registry.fetch("intent", version, Path(folder) / "payload")
        told = {
            "at": place.clock.now().isoformat(), "version": f"intent/{version}", "champion": champion,
            "teach": _teach(place, payload, count=count, seed=seed), "settle": _settle(place, payload, count=count),
        }  # fmt: skip
    _write(place.settings.home / QUESTIONS, told)
    return told


def asked(place: Workspace) -> dict[str, Any] | None:
    """The questions as they were last found, or None before."""
    try:
        return dict(json.loads((place.settings.home / QUESTIONS).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _version(place: Workspace) -> tuple[str, bool]:
    """The version that asks: the champion, or the newest one."""
    champion = place.standing().champion("intent")
    if champion is not None:
        return champion.version, True
    cards = place.registry.list("intent")
    if not cards:
        raise NotEnoughData("no intent model to ask what it is unsure of", expected="a version of intent", came="none",
                            where="registry", remedy="Train the first: parley retrain intent.")  # fmt: skip
    return cards[-1].version, False


def _teach(place: Workspace, payload: Path, *, count: int, seed: int) -> list[Question]:
    from training import intent_teaching, loaders

    pool = _unlabelled(place)
    if not len(pool):
        return []
    model, texts, languages = loaders.open_payload(payload, threads=2), list(pool["text"]), list(pool["language"])
    shares, vectors = model.shares(texts, languages=languages), model.vectors(texts, languages=languages)
    rows = intent_teaching.most_telling(shares, vectors, count=count, seed=seed)
    return [
        {**_said(pool, int(row)), "guess": model.labels[int(shares[row].argmax())],
         "confidence": round(float(shares[row].max()), 4)}
        for row in rows
    ]  # fmt: skip


def _unlabelled(place: Workspace) -> pd.DataFrame:
    from features import intent
    from flows.issuing import running_params

    names = ("verdicts", "segments", "predictions", "contacts", "utterances")
    params = running_params(place)
    return intent.unlabelled(
        {name: place.archive.read(name) for name in names},
        params=params.intent, labels=params.labels, as_of=place.clock.now(), most=LOOKED_AT,
    )  # fmt: skip


def _said(pool: pd.DataFrame, row: int) -> Question:
    return {name: pool.at[row, name] for name in ("contact_id", "text", "language", "channel")}


def _settle(place: Workspace, payload: Path, *, count: int) -> list[Question]:
    """The doubts of the version's training that nobody has settled since."""
    from flows.explaining import texts_of

    doubts = json.loads((payload / "doubts.json").read_text(encoding="utf-8"))["doubts"]
    said = _answers(place)
    left = [one for one in doubts if not _settled(one["label"], said.get(one["example_id"], {}))][:count]
    texts = texts_of(place, [one["example_id"] for one in left])
    return [
        {"contact_id": one["example_id"], "text": texts[one["example_id"]], "label": one["label"],
         "likely": one["likely"], "trust": one["trust"]}
        for one in left
        if one["example_id"] in texts
    ]  # fmt: skip


def _answers(place: Workspace) -> dict[str, dict[str, str]]:
    """What each agent said of the contacts that they were asked to settle: contact, agent, intent."""
    names = ["contact_id", "asked", "agent_id", "instead"]
    told = place.archive.columns("verdicts", names).to_pylist()
    found: dict[str, dict[str, str]] = {}
    for one in told:
        if one["asked"] == "settle":
            found.setdefault(str(one["contact_id"]), {})[str(one["agent_id"])] = str(one["instead"])
    return found


def _settled(label: str, said: Mapping[str, str]) -> bool:
    """One agent who agrees with the label settles it; to overturn it takes two (`features.checkers`)."""
    return label in said.values() or len(said) >= FLIP_AGENTS


def _write(path: Path, told: Mapping[str, Any]) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    fresh.chmod(0o600)  # customers' words
    fresh.replace(path)
