"""Writes a tiny model as transformers has it (a folder) and as GGUF, with the rules between them.

From a folder to GGUF: the rows of q and k of `llama` are permuted, so that the halves of a rotary
pair become neighbours; weights of zero-centred norms get their one; `A_log` becomes -exp; the
value heads of `qwen35` are put in another order (spec 2.1 to 2.3).
"""

import json
import math
from pathlib import Path

import numpy as np

from tests.llm.architectures import CONTEXT, FEED_FORWARD, HIDDEN, VOCABULARY, Architecture
from tests.llm.gguf_file import GgufTensor, Signed, Value, write_gguf
from tests.llm.safetensors_file import stored, write_safetensors
from tests.llm.tiny_tokenizer import TinyTokenizer, byte_level, scored_pieces
from tests.llm.weights import Tensor, weights_of

_KINDS = {"F32": 0, "BF16": 30}
_LEAVES = {
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.q_proj.bias": "attn_q.bias",
    "self_attn.k_proj.bias": "attn_k.bias",
    "self_attn.v_proj.bias": "attn_v.bias",
    "self_attn.o_proj.weight": "attn_output.weight",
    "self_attn.q_norm.weight": "attn_q_norm.weight",
    "self_attn.k_norm.weight": "attn_k_norm.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
    "linear_attn.in_proj_qkv.weight": "attn_qkv.weight",
    "linear_attn.in_proj_z.weight": "attn_gate.weight",
    "linear_attn.conv1d.weight": "ssm_conv1d.weight",
    "linear_attn.dt_bias": "ssm_dt.bias",
    "linear_attn.A_log": "ssm_a",
    "linear_attn.in_proj_a.weight": "ssm_alpha.weight",
    "linear_attn.in_proj_b.weight": "ssm_beta.weight",
    "linear_attn.norm.weight": "ssm_norm.weight",
    "linear_attn.out_proj.weight": "ssm_out.weight",
}
_NORMS_OF_GEMMA = {
    "post_attention_layernorm.weight": "post_attention_norm.weight",
    "pre_feedforward_layernorm.weight": "ffn_norm.weight",
    "post_feedforward_layernorm.weight": "post_ffw_norm.weight",
}
_NORM_OF_OTHERS = {"post_attention_layernorm.weight": "ffn_norm.weight"}
_NORM_OF_QWEN35 = {"post_attention_layernorm.weight": "post_attention_norm.weight"}


def tokenizer_of(made: Architecture) -> TinyTokenizer:
    """Return the tokenizer of a tiny model."""
    is_scored = made.is_gemma or made.name == "tiny-mistral"
    return scored_pieces() if is_scored else byte_level()


def write_folder(folder: Path, made: Architecture, kind: str = "BF16") -> None:
    """Write `config.json`, `model.safetensors` and `tokenizer.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizer_of(made)
    ids = {"bos_token_id": tokenizer.bos, "eos_token_id": tokenizer.eos}
    config = {**made.config, **ids}
    if "text_config" in config:
        config["text_config"] = {**config["text_config"], **ids}
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer.json, ensure_ascii=False))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer.config(), indent=1))
    write_safetensors(folder / "model.safetensors", weights_of(made), kind)


def write_gguf_model(path: Path, made: Architecture, kind: str = "F32") -> None:
    """Write one GGUF file; matrices are of `kind`, `F32` or `BF16`, the rest F32."""
    write_gguf(path, gguf_keys(made), gguf_tensors(made, kind))


def gguf_keys(made: Architecture) -> dict[str, Value | Signed]:
    """Return the metadata of a model."""
    text, tag = made.text, made.tag
    keys: dict[str, Value | Signed] = {
        "general.architecture": tag,
        "general.name": made.name,
        f"{tag}.block_count": text["num_hidden_layers"],
        f"{tag}.context_length": CONTEXT,
        f"{tag}.embedding_length": HIDDEN,
        f"{tag}.feed_forward_length": FEED_FORWARD,
        f"{tag}.attention.head_count": text["num_attention_heads"],
        f"{tag}.attention.head_count_kv": text["num_key_value_heads"],
        f"{tag}.attention.key_length": made.head_dim(),
        f"{tag}.attention.value_length": made.head_dim(),
        f"{tag}.attention.layer_norm_rms_epsilon": float(text["rms_norm_eps"]),
        f"{tag}.rope.freq_base": float(_theta(made)),
    }
    if made.is_gemma:
        keys[f"{tag}.attention.sliding_window"] = text["sliding_window"]
    if tag == "gemma2":
        keys["gemma2.attn_logit_softcapping"] = text["attn_logit_softcapping"]
        keys["gemma2.final_logit_softcapping"] = text["final_logit_softcapping"]
    if tag == "gemma3":
        keys["gemma3.rope.scaling.type"] = "linear"
        keys["gemma3.rope.scaling.factor"] = text["rope_scaling"]["factor"]
    if tag == "llama":
        keys["llama.rope.dimension_count"] = made.head_dim()
        keys["llama.vocab_size"] = VOCABULARY
    if tag == "qwen3vl":
        keys["qwen3vl.rope.dimension_sections"] = Signed([*_sections(made), 0])
        keys["qwen3vl.n_deepstack_layers"] = 3
    if tag == "qwen35":
        keys.update(_keys_of_qwen35(made))
    return {**keys, **tokenizer_of(made).keys}


def gguf_tensors(made: Architecture, kind: str) -> list[GgufTensor]:
    """Return the tensors of a model in GGUF's names, orders and conventions."""
    rows = []
    for name, values in weights_of(made).items():
        target, changed = _converted(made, name, values)
        is_matrix = changed.ndim == 2 and "conv1d" not in target
        chosen = kind if is_matrix else "F32"
        data = stored(changed, chosen)
        rows.append(GgufTensor(target, changed.shape[::-1], _KINDS[chosen], data))
    if made.name == "tiny-llama":
        factors = _llama3_factors(made)
        rows.append(GgufTensor("rope_freqs.weight", factors.shape, 0, stored(factors, "F32")))
    return rows


def _theta(made: Architecture) -> float:
    text = made.text
    theta: float = text.get("rope_theta") or text["rope_parameters"]["rope_theta"]
    return theta


def _sections(made: Architecture) -> list[int]:
    text = made.text
    scaling = text.get("rope_scaling") or text["rope_parameters"]
    sections: list[int] = scaling["mrope_section"]
    return sections


def _keys_of_qwen35(made: Architecture) -> dict[str, Value | Signed]:
    text = made.text
    inner = text["linear_num_value_heads"] * text["linear_value_head_dim"]
    turned = int(made.head_dim() * text["rope_parameters"]["partial_rotary_factor"])
    return {
        "qwen35.rope.dimension_count": turned,
        "qwen35.rope.dimension_sections": Signed([*_sections(made), 0]),
        "qwen35.full_attention_interval": text["full_attention_interval"],
        "qwen35.ssm.conv_kernel": text["linear_conv_kernel_dim"],
        "qwen35.ssm.state_size": text["linear_key_head_dim"],
        "qwen35.ssm.group_count": text["linear_num_key_heads"],
        "qwen35.ssm.time_step_rank": text["linear_num_value_heads"],
        "qwen35.ssm.inner_size": inner,
    }


def _converted(made: Architecture, name: str, values: Tensor) -> tuple[str, Tensor]:
    plain = name.removeprefix(made.prefix)
    whole = {
        "embed_tokens.weight": "token_embd.weight",
        "norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    is_centred = made.is_zero_centred and plain.endswith("norm.weight")
    if is_centred and "linear_attn" not in plain:
        values = (values + np.float32(1)).astype(np.float32)
    if plain in whole:
        return whole[plain], values
    _, layer, leaf = plain.split(".", 2)
    target = f"blk.{layer}.{_leaf(made, leaf)}"
    if made.tag == "llama" and leaf in ("self_attn.q_proj.weight", "self_attn.k_proj.weight"):
        return target, _neighbours(made, leaf, values)
    if leaf.startswith("linear_attn."):
        return target, _recurrent(made, leaf, values)
    return target, values


def _leaf(made: Architecture, leaf: str) -> str:
    norms = _NORM_OF_OTHERS
    if made.is_gemma:
        norms = _NORMS_OF_GEMMA
    if made.tag == "qwen35":
        norms = _NORM_OF_QWEN35
    return norms[leaf] if leaf in norms else _LEAVES[leaf]


def _neighbours(made: Architecture, leaf: str, values: Tensor) -> Tensor:
    """Make the two rows of a rotary pair neighbours, in every head."""
    key = "num_attention_heads" if ".q_proj" in leaf else "num_key_value_heads"
    halves = values.reshape(made.text[key], 2, made.head_dim() // 2, HIDDEN)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(values.shape))


def _recurrent(made: Architecture, leaf: str, values: Tensor) -> Tensor:
    text = made.text
    keys, size = text["linear_num_key_heads"], text["linear_value_head_dim"]
    if leaf.endswith("A_log"):
        return _tiled(-np.exp(values), 0, keys, 1)
    if leaf.endswith("conv1d.weight"):
        values = values[:, 0, :]
    if leaf.endswith(("in_proj_qkv.weight", "conv1d.weight")):
        first = 2 * keys * text["linear_key_head_dim"]
        return np.concatenate([values[:first], _tiled(values[first:], 0, keys, size)])
    if leaf.endswith("in_proj_z.weight"):
        return _tiled(values, 0, keys, size)
    if leaf.endswith(("in_proj_a.weight", "in_proj_b.weight", "dt_bias")):
        return _tiled(values, 0, keys, 1)
    if leaf.endswith("out_proj.weight"):
        return _tiled(values, 1, keys, size)
    return values


def _tiled(values: Tensor, axis: int, keys: int, size: int) -> Tensor:
    """From value heads grouped by their key head to key heads in turn."""
    shape = values.shape
    ratio = shape[axis] // keys // size
    parts = values.reshape(*shape[:axis], keys, ratio, size, *shape[axis + 1 :])
    return np.ascontiguousarray(parts.swapaxes(axis, axis + 1).reshape(shape))


def _llama3_factors(made: Architecture) -> Tensor:
    """Return the divisors of the rotary frequencies (spec 2.2)."""
    scaling, size = made.text["rope_scaling"], made.head_dim()
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    context, factor = scaling["original_max_position_embeddings"], scaling["factor"]
    made_factors = []
    for pair in range(size // 2):
        wave = 2 * math.pi * _theta(made) ** (2 * pair / size)
        if wave < context / high:
            made_factors.append(1.0)
        elif wave > context / low:
            made_factors.append(factor)
        else:
            smooth = (context / wave - low) / (high - low)
            made_factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(made_factors, np.float32)
