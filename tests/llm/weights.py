"""The weights of a tiny model, from its name alone: bf16 numbers that every machine draws alike.

The scales keep greedy decoding from repeating itself: scores of attention have a spread of about 2,
logits one of 2.5, the signs of the last norm's weights are random.
"""

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

from tests.llm.architectures import FEED_FORWARD, HIDDEN, Architecture, Shape

Tensor = NDArray[np.float32]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_SPREAD_OF_FOUR = math.sqrt(4 * (65536.0**2 - 1) / 12)
_EMBEDDING = 0.5
_ATTENTION_SHARE = 2.0


def rounded_to_bf16(values: NDArray[np.float32]) -> Tensor:
    """Return the nearest bf16 numbers, ties to even."""
    bits = values.astype(np.float32).view(np.uint32)
    up = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    rounded: Tensor = ((bits + up) & np.uint32(0xFFFF0000)).view(np.float32)
    return rounded


def weights_of(made: Architecture) -> dict[str, Tensor]:
    """Draw all tensors of a model."""
    return {name: _draw(made, name, shape) for name, shape in made.tensors()}


def draws(label: str, count: int) -> NDArray[np.uint64]:
    """Return 64-bit draws: splitmix64 from a seed that the label gives."""
    seed = np.frombuffer(hashlib.sha256(label.encode()).digest()[:8], "<u8")[0]
    with np.errstate(over="ignore"):
        mixed: NDArray[np.uint64] = seed + np.arange(1, count + 1, dtype=np.uint64) * _STEP
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return drawn


def _normal(label: str, shape: Shape) -> Tensor:
    """Sums of four uniform numbers, scaled to a spread of 1: exact on every machine."""
    pieces = draws(label, math.prod(shape)).view(np.uint16).reshape(-1, 4).astype(np.int64)
    made = (pieces.sum(axis=1) - 2 * 65535) / _SPREAD_OF_FOUR
    drawn: Tensor = made.astype(np.float32).reshape(shape)
    return drawn


def _draw(made: Architecture, name: str, shape: Shape) -> Tensor:
    normal = _normal(f"{made.name}/{name}", shape)
    mean, spread = _mean_and_spread(made, name.removeprefix(made.prefix), shape)
    drawn = np.float32(mean) + np.float32(spread) * normal
    if name == made.prefix + "norm.weight":
        signs = (draws(f"{made.name}/{name}/signs", shape[0]) & np.uint64(1)).astype(np.float32)
        drawn = (2 * signs - 1) * drawn - np.float32(made.is_zero_centred)
    if name.endswith("A_log"):
        drawn = np.clip(drawn, -4.0, 0.0)
    return rounded_to_bf16(drawn)


def _mean_and_spread(made: Architecture, name: str, shape: Shape) -> tuple[float, float]:
    """Return mean and spread of a tensor; `name` is without the prefix."""
    embedding = _EMBEDDING / math.sqrt(HIDDEN) if made.is_gemma else _EMBEDDING
    if name == "embed_tokens.weight":
        return 0.0, embedding
    if name == "lm_head.weight":
        return 0.0, 0.02
    if name == "norm.weight":
        head = embedding if made.is_tied else 0.02
        size = 2.5 / (head * math.sqrt(HIDDEN))
        return size, 0.1 * size
    if name.endswith(("norm.weight", "layernorm.weight")):
        return _norm(made, name)
    return 0.0, _projection(made, name, shape)


def _norm(made: Architecture, name: str) -> tuple[float, float]:
    centre = 0.0 if made.is_zero_centred else 1.0
    if name.endswith("linear_attn.norm.weight"):
        return 1.0, 0.1
    if name.endswith(("q_norm.weight", "k_norm.weight")):
        return centre + 0.4, 0.1
    behind = ("post_attention_layernorm.weight", "post_feedforward_layernorm.weight")
    if made.is_gemma and name.endswith(behind):
        added = _added(made, name)
        return added - 1.0, 0.1 * added
    return centre, 0.1


def _projection(made: Architecture, name: str, shape: Shape) -> float:
    root = math.sqrt(HIDDEN)
    added = 1.0 if made.is_gemma else _added(made, name)
    by_end = {
        "q_proj.weight": 1.4 / root,
        "k_proj.weight": 1.4 / root,
        "v_proj.weight": 1.0 / root,
        "gate_proj.weight": 1.2 / root,
        "up_proj.weight": 1.2 / root,
        "o_proj.weight": added / 0.6 / math.sqrt(shape[-1]),
        "out_proj.weight": added / 0.6 / math.sqrt(shape[-1]),
        "down_proj.weight": added / 0.75 / math.sqrt(FEED_FORWARD),
        "conv1d.weight": 0.5,
        "A_log": 1.5,
        "dt_bias": 0.7,
        "bias": 0.1,
    }
    return next((spread for end, spread in by_end.items() if name.endswith(end)), 1.2 / root)


def _added(made: Architecture, name: str) -> float:
    """The spread that one part of a layer adds to the stream."""
    share = 3.0 if made.is_tied else 0.5
    is_late = ".mlp." in name or "feedforward" in name
    weight = 1.0 if is_late else _ATTENTION_SHARE
    layers = made.text["num_hidden_layers"]
    whole = _EMBEDDING * share / math.sqrt(layers)
    return whole * weight / math.sqrt(1 + _ATTENTION_SHARE**2)
