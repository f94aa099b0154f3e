"""Writes what transformers computes step by step, for `inspect --diverge`.

Run with a Python that has transformers and torch:

    python -m tests.llm.make_dump MODEL_FOLDER 1,2,3 dump.safetensors

The tensors have the names of std/llm/diverge.mlr: for each layer the projected queries (`qkv`),
what goes into the output projection (`attn`), the hidden state behind the attention (`o`), what
goes into the down projection (`gate+up`) and the hidden state behind the layer (`down`).
"""

import importlib
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Tensors = dict[str, npt.NDArray[np.float32]]


def main(folder: str, ids: str, path: str) -> None:
    """Write a dump of a model about ids."""
    write(Path(path), dump_of(folder, [int(word) for word in ids.split(",")]))


def dump_of(folder: str, ids: list[int]) -> Tensors:
    """Return the numbers of every step, in f32."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    auto = transformers.AutoModelForCausalLM
    options = {"dtype": torch.float32, "attn_implementation": "eager"}
    model = auto.from_pretrained(folder, **options).eval()
    found: Tensors = {"ids": np.array([ids], np.float32)}
    _watch(model, found)
    with torch.no_grad():
        scores = model(input_ids=torch.tensor([ids])).logits
    found["lm_head"] = _rows(scores)
    return found


def _watch(model: Any, found: Tensors) -> None:
    inner = model.model
    _keep_output(inner.embed_tokens, "embed", found)
    for index, layer in enumerate(inner.layers):
        start = f"layers.{index}."
        if hasattr(layer, "self_attn"):
            _keep_output(layer.self_attn.q_proj, start + "qkv", found)
            _keep_input(layer.self_attn.o_proj, start + "attn", found)
        else:
            _keep_output(layer.linear_attn.in_proj_qkv, start + "qkv", found)
            _keep_input(layer.linear_attn.out_proj, start + "delta", found)
        behind = getattr(layer, "pre_feedforward_layernorm", layer.post_attention_layernorm)
        _keep_input(behind, start + "o", found)
        _keep_input(layer.mlp.down_proj, start + "gate+up", found)
        _keep_output(layer, start + "down", found)


def _rows(values: Any) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = values.detach().float().numpy()
    return array.reshape(-1, array.shape[-1])


def _keep_output(module: Any, name: str, found: Tensors) -> None:
    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        found[name] = _rows(output[0] if isinstance(output, tuple) else output)

    module.register_forward_hook(keep)


def _keep_input(module: Any, name: str, found: Tensors) -> None:
    def keep(_module: Any, inputs: Any) -> None:
        found[name] = _rows(inputs[0])

    module.register_forward_pre_hook(keep)


def write(path: Path, tensors: Tensors) -> None:
    """Write a safetensors file of f32."""
    head, blob = {}, b""
    for name, values in tensors.items():
        bounds = [len(blob), len(blob) + values.nbytes]
        head[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": bounds}
        blob += values.astype("<f4").tobytes()
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + blob)


if __name__ == "__main__":
    main(*sys.argv[1:])
