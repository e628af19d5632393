"""The multilingual encoder in torch: for its export and its fine-tuning, and never at serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule
from torch import nn
from torch.nn import functional

from features.encoder_multilingual import BLOCKS, MAX_TOKENS

# Sizes of the n-grams and how many tokens to the left each begins.
_SIZES = ((2, 0), (3, 1), (5, 2))
_WIDTH = 256
# What no training moves: the words' vectors, kept as bytes until they are looked up, and how those are read.
_FIXED = ("table", "scale", "lo", "bits", "eps")


def model(weights: Mapping[str, Any], tokenizer: Any) -> SentenceTransformer:
    """The encoder as a sentence-transformers model in memory. weights: as for `Network`."""
    return SentenceTransformer(modules=[Network(weights, tokenizer)], device="cpu")


class Network(InputModule):  # type: ignore[misc]
    """As published: token numbers and mask (batch, tokens) to unit rows (batch, 512); the words' vectors stay fixed.

    weights: arrays by the names of the package, and `table`. tokenizer: `encoder_multilingual.tokenizer`.
    """

    def __init__(self, weights: Mapping[str, Any], tokenizer: Any) -> None:
        super().__init__()
        self.tokenizer, self.max_seq_length = tokenizer, MAX_TOKENS
        self._epsilon, self._wide = float(weights["eps"]), len(weights["ln_g"])
        for name, value in weights.items():
            if name in _FIXED:
                self.register_buffer(name, torch.tensor(value))
            else:
                self.register_parameter(name, nn.Parameter(torch.tensor(value)))

    def preprocess(self, inputs: Sequence[str], prompt: str | None = None, **_told: Any) -> dict[str, Any]:
        """Token numbers and mask (batch, tokens) of these texts."""
        found = [torch.tensor(self.tokenizer.encode(f"{prompt or ''}{text}").ids) for text in inputs]
        ids = nn.utils.rnn.pad_sequence(found, batch_first=True)
        mask = nn.utils.rnn.pad_sequence([torch.ones_like(one) for one in found], batch_first=True)
        return {"input_ids": ids, "attention_mask": mask}

    def forward(self, features: dict[str, Any], **_told: Any) -> dict[str, Any]:
        """The features and `sentence_embedding`, as sentence-transformers hands them from module to module."""
        return {**features, "sentence_embedding": self.read(features["input_ids"], features["attention_mask"])}

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Not by this library: `features.text.export_onnx` writes it."""
        raise NotImplementedError("write it with features.text.export_onnx")

    def read(self, input_ids: Any, attention_mask: Any) -> Any:
        """Unit rows (batch, 512)."""
        mask = attention_mask.unsqueeze(-1).to(torch.float32)
        block = input_ids % BLOCKS
        scale, low = (one[block].unsqueeze(-1) for one in (self.scale, self.lo))
        words = self.table[input_ids].to(torch.float32) * scale + low
        read = torch.cat([words, *self._n_grams(words, mask)], dim=-1)
        read = self._even(read, (self._wide,), self.ln_g, self.ln_b) * mask
        return self._deep(read.sum(dim=1), mask.sum(dim=1))

    def _even(self, read: Any, shape: tuple[int, ...], gain: Any, shift: Any) -> Any:
        return functional.layer_norm(read, shape, gain, shift, self._epsilon)

    def _n_grams(self, words: Any, mask: Any) -> list[Any]:
        weight, bias, gain, shift = (
            torch.cat([getattr(self, f"{name}{size}") for size, _ in _SIZES], dim=-1)
            for name in ("proj", "proj_b", "ln_g", "ln_b")
        )
        found = self._even(words @ weight + bias, (len(_SIZES) * _WIDTH,), gain, shift)
        parts = found.split(_WIDTH, dim=-1)
        return [self._branch(part * mask, mask, *size) for part, size in zip(parts, _SIZES, strict=True)]

    def _branch(self, part: Any, mask: Any, size: int, left: int) -> Any:
        once = (self._convolved(part, "1", size, left) + part) * mask
        return self._convolved(once, "2", size, left) + once

    def _convolved(self, part: Any, place: str, size: int, left: int) -> Any:
        weight, bias = getattr(self, f"w{place}_{size}"), getattr(self, f"b{place}_{size}")
        padded = functional.pad(part, (0, 0, left, size - 1 - left))
        # One product of the windows side by side: a tenth faster than the convolutions of torch and of the runtime.
        windows = [padded[:, at : padded.shape[1] - (size - 1 - at)] for at in range(size)]
        return torch.relu(torch.cat(windows, dim=-1) @ weight + bias)

    def _deep(self, summed: Any, count: Any) -> Any:
        read = (summed @ self.cnn_W + count * self.cnn_b) / count.sqrt()
        first = torch.relu(read @ self.d0)
        second = torch.relu(read @ self.p1 + first @ self.d1)
        third = torch.relu(second @ self.d2)
        return functional.normalize(torch.tanh(second @ self.p3 + third @ self.d3), dim=-1)


class Reading(nn.Module):  # type: ignore[misc]
    """The network with plain tensors in and out, as the ONNX graph has it."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        """Unit rows (batch, 512)."""
        return self.network.read(input_ids, attention_mask)
