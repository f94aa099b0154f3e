"""Models with random weights at the shapes of published ones: for PyTorch a folder, else GGUF.

They lie in the cache folder of the peers (some GB) and are made when missing. What is not bf16 is
made from the bf16 file by llama.cpp's own tool, so that all sides read the same bytes.
"""

import itertools
import json
import math
import string
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import peers_folder
from tests.llm.gguf_file import GgufRow, Signed, Value, gguf_head, padding_of

_BF16, _F32 = 30, 0
_CHUNK = 1 << 24
_CONTROL = 3


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What a published model's sizes are; `tag` is GGUF's word for the architecture."""

    name: str
    tag: str
    layers: int
    hidden: int
    feed_forward: int
    heads: int
    key_heads: int
    head_size: int
    vocabulary: int
    theta: float
    epsilon: float
    has_head_norms: bool

    @property
    def parameters(self) -> int:
        """How many weights there are; the output head is the embedding."""
        return sum(math.prod(shape) for _, _, shape in tensors_of(self))


QWEN3 = ModelShape(
    "qwen3-0.6b", "qwen3", 28, 1024, 3072, 16, 8, 128, 151936, 1e6, 1e-6, has_head_norms=True
)
LLAMA = ModelShape(
    "llama-3.2-1b", "llama", 16, 2048, 8192, 32, 8, 64, 128256, 5e5, 1e-5, has_head_norms=False
)
SHAPES = (QWEN3, LLAMA)


def tensors_of(shape: ModelShape) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield the names in GGUF and in a folder, and the shapes, in the order of the files."""
    hidden, wide = shape.hidden, shape.feed_forward
    query, key = shape.heads * shape.head_size, shape.key_heads * shape.head_size
    yield "token_embd.weight", "model.embed_tokens.weight", (shape.vocabulary, hidden)
    for layer in range(shape.layers):
        block, folder = f"blk.{layer}.", f"model.layers.{layer}."
        rows: list[tuple[str, str, tuple[int, ...]]] = [
            ("attn_norm", "input_layernorm", (hidden,)),
            ("attn_q", "self_attn.q_proj", (query, hidden)),
            ("attn_k", "self_attn.k_proj", (key, hidden)),
            ("attn_v", "self_attn.v_proj", (key, hidden)),
            ("attn_output", "self_attn.o_proj", (hidden, query)),
            ("ffn_norm", "post_attention_layernorm", (hidden,)),
            ("ffn_gate", "mlp.gate_proj", (wide, hidden)),
            ("ffn_up", "mlp.up_proj", (wide, hidden)),
            ("ffn_down", "mlp.down_proj", (hidden, wide)),
        ]
        if shape.has_head_norms:
            rows.append(("attn_q_norm", "self_attn.q_norm", (shape.head_size,)))
            rows.append(("attn_k_norm", "self_attn.k_norm", (shape.head_size,)))
        for short, long, extents in rows:
            yield f"{block}{short}.weight", f"{folder}{long}.weight", extents
    yield "output_norm.weight", "model.norm.weight", (hidden,)


def model_files(shape: ModelShape, kinds: tuple[str, ...], quantise: Path) -> dict[str, Path]:
    """Return the GGUF file of each kind (`bf16`, `q8_0` ...) and the folder as `folder`."""
    place = peers_folder() / "models" / shape.name
    place.mkdir(parents=True, exist_ok=True)
    files = {"folder": place / "folder", "bf16": place / f"{shape.name}-bf16.gguf"}
    if not files["bf16"].exists():
        print(f"making {shape.name} with random weights", file=sys.stderr)
        _write_folder(files["folder"], shape)
        _write_gguf(files["bf16"], shape)
    for kind in kinds:
        files[kind] = place / f"{shape.name}-{kind}.gguf"
        if not files[kind].exists():
            partial = files[kind].with_suffix(".partial")
            words = (str(quantise), "--allow-requantize", str(files["bf16"]), str(partial))
            subprocess.run((*words, kind.upper(), "2"), check=True, capture_output=True)
            partial.rename(files[kind])
    return files


def _weights(name: str, extents: tuple[int, ...]) -> Iterator[NDArray[np.uint16]]:
    """Yield a tensor's bf16 numbers in pieces; every call gives the same."""
    seed = int.from_bytes(name.encode()[-12:], "little")
    generator = np.random.Generator(np.random.SFC64(seed))
    spread = 1.0 / math.sqrt(extents[-1]) if len(extents) > 1 else 0.1
    mean = 0.0 if len(extents) > 1 else 1.0
    left = math.prod(extents)
    while left:
        count = min(left, _CHUNK)
        drawn = generator.standard_normal(count, np.float32) * np.float32(spread)
        drawn += np.float32(mean)
        yield (drawn.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
        left -= count


def _write_folder(folder: Path, shape: ModelShape) -> None:
    folder.mkdir(exist_ok=True)
    names = {"qwen3": "Qwen3ForCausalLM", "llama": "LlamaForCausalLM"}
    config = {
        "architectures": [names[shape.tag]],
        "model_type": shape.tag,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_heads,
        "head_dim": shape.head_size,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": 8192,
        "rms_norm_eps": shape.epsilon,
        "rope_theta": shape.theta,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    entries: dict[str, object] = {}
    offset = 0
    for _, name, extents in tensors_of(shape):
        end = offset + 2 * math.prod(extents)
        entries[name] = {"dtype": "BF16", "shape": extents, "data_offsets": [offset, end]}
        offset = end
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for name, _, extents in tensors_of(shape):
            for piece in _weights(name, extents):
                file.write(piece.tobytes())


def _write_gguf(path: Path, shape: ModelShape) -> None:
    """Write the bf16 file; q and k of llama are not permuted, which changes no time."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(gguf_head(_keys(shape), _rows(shape)))
        for name, _, extents in tensors_of(shape):
            for piece in _weights(name, extents):
                is_matrix = len(extents) > 1
                wide = piece if is_matrix else piece.astype(np.uint32) << np.uint32(16)
                file.write(wide.tobytes())
            file.write(bytes(padding_of(file.tell())))
    partial.rename(path)


def _rows(shape: ModelShape) -> Iterator[GgufRow]:
    for name, _, extents in tensors_of(shape):
        kind, size = (_BF16, 2) if len(extents) > 1 else (_F32, 4)
        yield GgufRow(name, extents[::-1], kind, size * math.prod(extents))


def _keys(shape: ModelShape) -> dict[str, Value | Signed]:
    tag = shape.tag
    controls = 3
    plain = shape.vocabulary - controls
    tokens, merges = _vocabulary(plain)
    tokens += [f"<|control{row}|>" for row in range(controls)]
    return {
        "general.architecture": tag,
        "general.name": shape.name,
        f"{tag}.block_count": shape.layers,
        f"{tag}.context_length": 8192,
        f"{tag}.embedding_length": shape.hidden,
        f"{tag}.feed_forward_length": shape.feed_forward,
        f"{tag}.attention.head_count": shape.heads,
        f"{tag}.attention.head_count_kv": shape.key_heads,
        f"{tag}.attention.key_length": shape.head_size,
        f"{tag}.attention.value_length": shape.head_size,
        f"{tag}.rope.dimension_count": shape.head_size,
        f"{tag}.attention.layer_norm_rms_epsilon": shape.epsilon,
        f"{tag}.rope.freq_base": shape.theta,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe" if tag == "llama" else "qwen2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": Signed([1] * plain + [_CONTROL] * controls),
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": plain,
        "tokenizer.ggml.eos_token_id": plain + 1,
    }


def _vocabulary(count: int) -> tuple[list[str], list[str]]:
    """Return so many tokens, the bytes first, and the merges that make the others of two each."""
    tokens = [_byte_name(row) for row in range(256)]
    pairs = itertools.product(range(count), string.ascii_lowercase)
    merges: list[str] = []
    for first, letter in itertools.islice(pairs, count - len(tokens)):
        merges.append(f"{tokens[first]} {letter}")
        tokens.append(tokens[first] + letter)
    return tokens, merges


def _byte_name(byte: int) -> str:
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    if byte in plain:
        return chr(byte)
    return chr(256 + sum(1 for other in range(byte) if other not in plain))
