"""Payloads answer by their own file: the same from MLflow, alone and in a batch, and as the floors below would."""

from __future__ import annotations

import ast
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_contracts.errors import NotFound
from features.chinese_scripts import SIMPLIFIED, TRADITIONAL
from features.encoders import HashEncoder
from features.wording import clean
from tests.training import learned
from training import forecast, intent, loaders, payload, routing
from training.loaders import forecast as forecast_loader
from training.loaders import intent as intent_loader
from training.loaders import routing as routing_loader

FAMILIES = ("intent", "routing", "forecast")
TEXTS = [
    "I lost my card",
    "忘记密码",
    "",
    SIMPLIFIED,
    TRADITIONAL,
    "提款卡遺失了 🙏🏽❗",
    "1️⃣",
    "ＦＵＬＬ　ｗｉｄｔｈ\u200b card",
    "a" * 5000,
]


@pytest.fixture(scope="module")
def payloads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One small payload a family."""
    home, params = tmp_path_factory.mktemp("payloads"), learned.params()
    told: dict[str, Any] = {"seed": learned.SEED, "threads": learned.THREADS, "encoder_cache": None}
    intent.fit(learned.write_intents(home / "d1"), params=params.intent, to=home / "intent", **told)
    routing.fit(learned.write_offers(home / "d2"), params=params.routing, to=home / "routing", **told)
    forecast.fit(learned.write_intervals(home / "d3"), params=params.forecast, to=home / "forecast", **told)
    return {family: home / family for family in FAMILIES}


@pytest.mark.parametrize("text", TEXTS)
def test_the_loader_cleans_a_text_as_the_features_do(text: str) -> None:
    assert intent_loader.clean(text) == clean(text)


@pytest.mark.parametrize("text", TEXTS)
def test_the_loaders_hashing_fake_is_that_of_the_features(text: str) -> None:
    ours = intent_loader._hashed(clean(text), dimension=64)

    assert ours.tolist() == HashEncoder(dimension=64).encode([text])[0].tolist()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("ab", [" a", "ab", "b ", " ab", "ab ", " ab "]),
        ("卡丢", ["卡", "丢", " 卡", "卡丢", "丢 "]),
        ("a卡", ["卡", " a", "a卡", "卡 "]),
    ],
)
def test_ngrams_are_ones_and_twos_of_han_and_twos_to_fours_of_the_rest(text: str, pieces: list[str]) -> None:
    found, values = intent_loader.grams(text, buckets=1 << 30)

    assert found.tolist() == sorted(zlib.crc32(piece.encode()) % (1 << 30) for piece in pieces)
    assert set(values.tolist()) == {1.0}


def test_the_weighted_row_has_length_one() -> None:
    counted = intent_loader.grams("hello hello", buckets=64)

    _, values = intent_loader.weighted(counted, inverse_share=np.full(64, 2.0, dtype=np.float32))

    assert float(values @ values) == pytest.approx(1.0)


def test_an_intent_does_not_depend_on_the_batch_it_came_in(payloads: dict[str, Path]) -> None:
    model = loaders.open_payload(payloads["intent"], threads=2)
    together = model.answer(TEXTS * 5, languages=["en"] * 5 * len(TEXTS))

    alone = [model.answer([text], languages=["en"])[0] for text in TEXTS]

    for beside_others, one in zip(together, alone, strict=False):
        learned.assert_alike(beside_others, one)


def test_a_routing_row_does_not_depend_on_the_others(payloads: dict[str, Path]) -> None:
    model = loaders.open_payload(payloads["routing"])
    rows = np.random.default_rng(1).normal(size=(9, len(model.columns)))

    together = model.score(rows)["score"]

    assert together.tolist() == [float(model.score(row[None, :])["score"][0]) for row in rows]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_payload_carries_the_loader_of_its_family_byte_for_byte(family: str, payloads: dict[str, Path]) -> None:
    source = Path(loaders.__file__).with_name(f"{family}.py")

    assert (payloads[family] / loaders.LOADER).read_bytes() == source.read_bytes()


@pytest.mark.parametrize("family", FAMILIES)
def test_opening_a_payload_leaves_its_digest_as_it_was(family: str, payloads: dict[str, Path]) -> None:
    before = payload.digest(payloads[family])

    loaders.open_payload(payloads[family])

    assert payload.digest(payloads[family]) == before


@pytest.mark.parametrize("module", [intent_loader, routing_loader, forecast_loader])
def test_a_loader_needs_nothing_of_ours_and_nothing_heavy_at_import(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    outside = {name.split(".")[0] for name in named} - set(sys.stdlib_module_names)

    assert outside <= {"numpy", "onnxruntime", "tokenizers", "lightgbm", "mlflow", "pandas"}  # MLflow brings pandas
    assert not any(heavy in ast.dump(node) for node in top for heavy in ("lightgbm", "mlflow", "pandas"))


@pytest.mark.parametrize("module", [intent_loader, routing_loader, forecast_loader])
def test_a_payload_of_another_family_is_refused(module: Any, payloads: dict[str, Path]) -> None:
    family = Path(module.__file__).stem
    other = "routing" if family == "intent" else "intent"

    with pytest.raises(ValueError, match=f"not an? {family} payload"):
        module.load(payloads[other])


def test_a_payload_without_its_loader_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="without its loader"):
        loaders.open_payload(tmp_path)


def test_a_matrix_of_another_width_is_refused_with_the_width(payloads: dict[str, Path]) -> None:
    for family, call in (("routing", "score"), ("forecast", "predict")):
        model = loaders.open_payload(payloads[family])
        with pytest.raises(ValueError, match=str(len(model.columns))):
            getattr(model, call)(np.zeros((2, 3)))


def test_the_propensities_of_one_decision_are_the_policys_own(payloads: dict[str, Path]) -> None:
    model = loaders.open_payload(payloads["routing"])

    found = model.propensities([0.0, 0.5, -40.0])

    assert found.sum() == pytest.approx(1.0)
    assert found[2] == pytest.approx(model.explore_share / 3)
    odds = (found[1] - found[2]) / (found[0] - found[2])
    assert odds == pytest.approx(np.exp(0.5 / model.temperature_min))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_mlflow_answers_as_the_plain_loader_does(family: str, payloads: dict[str, Path], tmp_path: Path) -> None:
    import mlflow.pyfunc
    import pandas as pd

    plain = loaders.open_payload(payloads[family])
    code = tmp_path / "loader.py"
    code.write_bytes((payloads[family] / loaders.LOADER).read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            str(tmp_path / "model"), python_model=str(code), artifacts={"payload": str(payloads[family])},
            pip_requirements=[],
        )  # fmt: skip
        served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    if family == "intent":
        asked: Any = pd.DataFrame({"text": TEXTS, "language": ["en", "zh", *["en"] * (len(TEXTS) - 2)]})
        expected: Any = plain.answer(TEXTS, languages=list(asked["language"]))
        assert served.predict(asked) == expected
        return
    rows = np.abs(np.random.default_rng(1).normal(size=(6, len(plain.columns))))
    found = served.predict(pd.DataFrame(rows, columns=plain.columns))
    if family == "routing":
        assert found["score"].tolist() == plain.score(rows)["score"].tolist()
    else:
        assert found["volume_0.5"].tolist() == plain.predict(rows)["volume"][:, plain.quantiles.index(0.5)].tolist()


def test_an_encoder_is_opened_when_a_text_is_first_read_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(
        intent_loader, "_opened", lambda folder: opened.append(folder) or (lambda text: np.ones(3, np.float32))
    )

    encoder = intent_loader._encoder(tmp_path, {"kind": "onnx"})

    assert (len(encoder("a text", False)), opened) == (0, [])
    assert [len(encoder("a text", True)) for _ in range(2)] == [3, 3]
    assert opened == [tmp_path]
