from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features import encoder_light, text
from features.encoders import OnnxEncoder

SAID = ["where is my card", "I cannot log in", "please close my account", "card"] * 4


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The default encoder, and its lighter copy."""
    scratch = tmp_path_factory.mktemp("encoders")
    heavy = text.export_onnx(text.DEFAULT_ENCODER, to=scratch / "heavy")
    return heavy, encoder_light.lightened(heavy, to=scratch / "light")


def test_the_lighter_copy_sees_nearly_the_same_in_a_third_of_the_space(folders: tuple[Path, Path]) -> None:
    heavy, light = (OnnxEncoder(folder, threads=1) for folder in folders)

    assert (heavy.encode(SAID) * light.encode(SAID)).sum(axis=1).min() > 0.97
    sizes = [(folder / "encoder.weights").stat().st_size for folder in folders]
    assert sizes[1] < sizes[0] / 3
    assert light.name == f"{heavy.name}-int8"


def test_a_texts_vector_does_not_depend_on_what_else_is_asked_or_on_the_threads(folders: tuple[Path, Path]) -> None:
    alone, together = (OnnxEncoder(folders[1], threads=threads) for threads in (1, 2))

    assert np.array_equal(together.encode(SAID)[0], alone.encode(SAID[:1])[0])


def test_a_copy_that_is_there_stays_and_the_same_weights_give_the_same_bytes(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    again = encoder_light.lightened(folders[0], to=tmp_path / "light")

    for name in text.EXPORTED_FILES:
        assert (again / name).read_bytes() == (folders[1] / name).read_bytes()
    assert encoder_light.lightened(tmp_path / "none", to=again) == again


def test_the_weights_lie_beside_the_graph_for_the_runtime_to_map(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        graph, weights = (folder / name for name in ("encoder.onnx", "encoder.weights"))

        assert graph.stat().st_size < weights.stat().st_size / 20
        assert graph.stat().st_mode == weights.stat().st_mode
