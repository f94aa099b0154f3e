"""The tiny qwen3 in numpy, on the blocks of a quantised GGUF file.

Enters: the bytes of a file. Leaves: the scores behind each of some tokens. Products are those of
`product_reference` (activations rounded to bytes, exact sums in a block); all else is f64.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.llm.architectures import QWEN3
from tests.llm.gguf_file import ALIGNMENT_BYTES
from tests.llm.product_reference import Parts, product, row_bytes, take_apart

Row = NDArray[np.float64]
_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _ARRAY = 8, 9


@dataclass(slots=True)
class _Cursor:
    data: bytes
    place: int

    def take(self, form: str) -> int:
        (value,) = struct.unpack_from("<" + form, self.data, self.place)
        self.place += struct.calcsize("<" + form)
        return int(value)

    def text(self) -> str:
        size = self.take("Q")
        self.place += size
        return self.data[self.place - size : self.place].decode()

    def skip(self, kind: int) -> None:
        if kind == _TEXT:
            self.text()
        elif kind == _ARRAY:
            inner, count = self.take("I"), self.take("Q")
            for _ in range(count):
                self.skip(inner)
        else:
            self.place += _FIXED[kind]


class NumpyQwen3:
    """A model; `scores` runs tokens from an empty cache."""

    def __init__(self, data: bytes) -> None:
        """Find the tensors of a file."""
        cursor = _Cursor(data, 8)
        tensors, keys = cursor.take("Q"), cursor.take("Q")
        for _ in range(keys):
            cursor.text()
            cursor.skip(cursor.take("I"))
        rows = []
        for _ in range(tensors):
            name = cursor.text()
            dims = [cursor.take("Q") for _ in range(cursor.take("I"))]
            rows.append((name, dims, cursor.take("I"), cursor.take("Q")))
        self._data = data
        self._start = cursor.place + -cursor.place % ALIGNMENT_BYTES
        self._places = {name: (dims, kind, offset) for name, dims, kind, offset in rows}

    def kinds(self) -> set[int]:
        """Return the types of the matrices."""
        return {kind for dims, kind, _ in self._places.values() if len(dims) > 1}

    def scores(self, ids: list[int]) -> Row:
        """Return a row of scores for each token."""
        text, size = QWEN3.text, QWEN3.head_dim()
        heads, key_heads = text["num_attention_heads"], text["num_key_value_heads"]
        x = self._parts("token_embd").dequantised()[ids].astype(np.float64)
        for layer in range(text["num_hidden_layers"]):
            name = f"blk.{layer}."
            normed = self._normed(name + "attn_norm", x)
            q = self._times(name + "attn_q", normed).reshape(-1, heads, size)
            k = self._times(name + "attn_k", normed).reshape(-1, key_heads, size)
            v = self._times(name + "attn_v", normed).reshape(-1, key_heads, size)
            q, k = self._normed(name + "attn_q_norm", q), self._normed(name + "attn_k_norm", k)
            seen = _attended(_turned(q), _turned(k), v).reshape(len(ids), -1)
            x = x + self._times(name + "attn_output", seen)
            normed = self._normed(name + "ffn_norm", x)
            gate = self._times(name + "ffn_gate", normed)
            both = gate / (1 + np.exp(-gate)) * self._times(name + "ffn_up", normed)
            x = x + self._times(name + "ffn_down", both)
        return self._times("token_embd", self._normed("output_norm", x))

    def _raw(self, name: str, size: int) -> bytes:
        _, _, offset = self._places[name]
        return self._data[self._start + offset : self._start + offset + size]

    def _normed(self, name: str, x: Row) -> Row:
        weight = np.frombuffer(self._raw(name + ".weight", 4 * x.shape[-1]), "<f4")
        scale = 1 / np.sqrt((x**2).mean(axis=-1, keepdims=True) + QWEN3.text["rms_norm_eps"])
        normed: Row = x * scale * weight
        return normed

    def _parts(self, name: str) -> Parts:
        (columns, rows), kind, _ = self._places[name + ".weight"]
        size = row_bytes(kind, columns)
        data = np.frombuffer(self._raw(name + ".weight", rows * size), np.uint8)
        return take_apart(kind, data.reshape(rows, size))

    def _times(self, name: str, x: Row) -> Row:
        return product(self._parts(name), x.astype(np.float32)).astype(np.float64)


def _turned(x: Row) -> Row:
    """Turn the pairs (i, i + half) of each head by the token's position."""
    half = x.shape[-1] // 2
    theta = float(QWEN3.text["rope_theta"])
    angles = np.arange(len(x))[:, None] * theta ** (-np.arange(half) / half)
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    low, high = x[..., :half], x[..., half:]
    return np.concatenate([low * cosine - high * sine, high * cosine + low * sine], axis=-1)


def _attended(q: Row, k: Row, v: Row) -> Row:
    ratio = q.shape[1] // k.shape[1]
    k, v = k.repeat(ratio, axis=1), v.repeat(ratio, axis=1)
    scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(q.shape[-1])
    scores[:, np.triu(np.ones((len(q), len(q)), bool), 1)] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    seen: Row = np.einsum("hqk,khd->qhd", weights, v)
    return seen
