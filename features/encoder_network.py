"""The multilingual encoder in torch: for its export and its fine-tuning, and never at serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data_contracts.errors import InputError
from features.encoder_multilingual import BLOCKS, MAX_TOKENS

# Sizes of the n-grams and how many tokens to the left each begins.
_SIZES = ((2, 0), (3, 1), (5, 2))
_WIDTH = 256
# What no training moves: the words' vectors, kept as bytes until they are looked up, and how those are read.
_FIXED = ("table", "scale", "lo", "bits", "eps")


def model(weights: Mapping[str, Any], tokenizer: Any) -> Any:
    """The encoder as a SentenceTransformer in memory, which may be tuned; the words' vectors stay as they are.

    weights: arrays by the names of the package, and `table`. tokenizer: `encoder_multilingual.tokenizer`.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import InputModule

    padded = torch.nn.utils.rnn.pad_sequence

    class Module(InputModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.tokenizer, self.max_seq_length = tokenizer, MAX_TOKENS
            for name, value in weights.items():
                if name in _FIXED:
                    self.register_buffer(name, torch.tensor(value))
                else:
                    self.register_parameter(name, torch.nn.Parameter(torch.tensor(value)))

        def preprocess(self, inputs: Sequence[str], prompt: str | None = None, **_told: Any) -> dict[str, Any]:
            found = [torch.tensor(tokenizer.encode(f"{prompt or ''}{text}").ids) for text in inputs]
            masks = [torch.ones_like(one) for one in found]
            return {"input_ids": padded(found, batch_first=True), "attention_mask": padded(masks, batch_first=True)}

        def forward(self, features: dict[str, Any], **_told: Any) -> dict[str, Any]:
            network = Network({**dict(self.named_parameters()), **dict(self.named_buffers())})
            return {**features, "sentence_embedding": network.read(features["input_ids"], features["attention_mask"])}

        def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
            raise InputError("this encoder is not saved so", expected="features.text.export_onnx", where=output_path)

    return SentenceTransformer(modules=[Module()], device="cpu")


def reading(encoder: Any) -> Any:
    """The encoder (`model`) as a torch module with plain tensors in and out, as the ONNX graph has it."""
    from torch import nn

    class Reading(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = encoder[0]

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.inner({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]

    return Reading().eval()


class Network:
    """As published: token numbers and mask (batch, tokens) to unit rows (batch, 512). weights: tensors by name."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        import torch

        self._torch, self._weights = torch, weights
        self._epsilon, self._wide = float(weights["eps"]), len(weights["ln_g"])

    def read(self, input_ids: Any, attention_mask: Any) -> Any:
        """Unit rows (batch, 512)."""
        torch = self._torch
        mask = attention_mask.unsqueeze(-1).to(torch.float32)
        block = input_ids % BLOCKS
        scale, low = (self._of(name)[block].unsqueeze(-1) for name in ("scale", "lo"))
        words = self._of("table")[input_ids].to(torch.float32) * scale + low
        read = torch.cat([words, *self._n_grams(words, mask)], dim=-1)
        read = self._even(read, (self._wide,), self._of("ln_g"), self._of("ln_b")) * mask
        return self._deep(read.sum(dim=1), mask.sum(dim=1))

    def _of(self, name: str) -> Any:
        return self._weights[name]

    def _even(self, read: Any, shape: tuple[int, ...], gain: Any, shift: Any) -> Any:
        return self._torch.nn.functional.layer_norm(read, shape, gain, shift, self._epsilon)

    def _n_grams(self, words: Any, mask: Any) -> list[Any]:
        weight, bias, gain, shift = (
            self._torch.cat([self._of(f"{name}{size}") for size, _ in _SIZES], dim=-1)
            for name in ("proj", "proj_b", "ln_g", "ln_b")
        )
        found = self._even(words @ weight + bias, (len(_SIZES) * _WIDTH,), gain, shift)
        parts = found.split(_WIDTH, dim=-1)
        return [self._branch(part * mask, mask, *size) for part, size in zip(parts, _SIZES, strict=True)]

    def _branch(self, part: Any, mask: Any, size: int, left: int) -> Any:
        once = (self._convolved(part, "1", size, left) + part) * mask
        return self._convolved(once, "2", size, left) + once

    def _convolved(self, part: Any, place: str, size: int, left: int) -> Any:
        padded = self._torch.nn.functional.pad(part, (0, 0, left, size - 1 - left))
        # One product of the windows side by side: a tenth faster than the convolutions of torch and of the runtime.
        windows = [padded[:, at : padded.shape[1] - (size - 1 - at)] for at in range(size)]
        summed = self._torch.cat(windows, dim=-1) @ self._of(f"w{place}_{size}") + self._of(f"b{place}_{size}")
        return self._torch.relu(summed)

    def _deep(self, summed: Any, count: Any) -> Any:
        torch = self._torch
        read = (summed @ self._of("cnn_W") + count * self._of("cnn_b")) / count.sqrt()
        first = torch.relu(read @ self._of("d0"))
        second = torch.relu(read @ self._of("p1") + first @ self._of("d1"))
        third = torch.relu(second @ self._of("d2"))
        return torch.nn.functional.normalize(torch.tanh(second @ self._of("p3") + third @ self._of("d3")), dim=-1)
