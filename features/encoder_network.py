"""The multilingual encoder as a torch module: for its export, and never at serving (`encoder_multilingual`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.encoder_multilingual import BLOCKS

# Sizes of the n-grams and how many tokens to the left each begins.
_SIZES = ((2, 0), (3, 1), (5, 2))
_WIDTH = 256


def module(weights: Mapping[str, Any]) -> Any:
    """The encoder as a torch module."""
    from torch import nn

    network = Network(weights)

    class Module(nn.Module):  # type: ignore[misc]
        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return network.forward(input_ids, attention_mask)

    return Module().eval()


class Network:
    """As published: token numbers and mask (batch, tokens) to unit rows (batch, 512).

    What is kept as bytes stays bytes until it is looked up. weights: arrays by the names of the package, and `table`.
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        import torch

        self._torch = torch
        self._weights = {name: torch.tensor(value) for name, value in weights.items()}
        self._epsilon, self._wide = float(weights["eps"]), len(weights["ln_g"])

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
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
        kernel = self._of(f"w{place}_{size}").reshape(size, _WIDTH, _WIDTH).permute(2, 1, 0)
        padded = self._torch.nn.functional.pad(part.transpose(1, 2), (left, size - 1 - left))
        return self._torch.relu(
            self._torch.nn.functional.conv1d(padded, kernel, self._of(f"b{place}_{size}")).transpose(1, 2)
        )

    def _deep(self, summed: Any, count: Any) -> Any:
        read = (summed @ self._of("cnn_W") + count * self._of("cnn_b")) / count.sqrt()
        first = self._torch.relu(read @ self._of("d0"))
        second = self._torch.relu(read @ self._of("p1") + first @ self._of("d1"))
        third = self._torch.relu(second @ self._of("d2"))
        return self._torch.nn.functional.normalize(
            self._torch.tanh(second @ self._of("p3") + third @ self._of("d3")), dim=-1
        )
