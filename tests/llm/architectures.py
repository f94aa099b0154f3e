"""One tiny model for each architecture: what its `config.json` says and the shapes of its tensors.

The configurations are in the forms that published models have. The sizes are the least that show
every rule: several layers, grouped heads, windows shorter than the prompt, rows of whole blocks of
256 weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]

VOCABULARY = 512
HIDDEN = 256
FEED_FORWARD = 512
CONTEXT = 2048

_LLAMA3_SCALING = {
    "factor": 32.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 512,
    "rope_type": "llama3",
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """A tiny model: its name, GGUF's word for the architecture, and its `config.json`."""

    name: str
    tag: str
    config: dict[str, Any]
    prefix: str = "model."

    @property
    def text(self) -> dict[str, Any]:
        """The part of the configuration that is about text."""
        inner: dict[str, Any] = self.config.get("text_config", self.config)
        return inner

    @property
    def is_tied(self) -> bool:
        """Whether the output head is the embedding."""
        tied: bool = self.config.get("tie_word_embeddings", True)
        return tied

    @property
    def is_zero_centred(self) -> bool:
        """Whether the weights of norms are stored less one."""
        return self.tag in ("gemma2", "gemma3", "qwen35")

    @property
    def is_gemma(self) -> bool:
        """Whether embeddings are scaled and blocks have norms behind them."""
        return self.tag.startswith("gemma")

    def is_recurrent(self, layer: int) -> bool:
        """Whether a layer is a gated delta net."""
        interval: int = self.text.get("full_attention_interval", 1)
        return (layer + 1) % interval != 0

    def tensors(self) -> Iterator[tuple[str, Shape]]:
        """Yield the names and shapes of all tensors, as transformers has them."""
        yield self.prefix + "embed_tokens.weight", (VOCABULARY, HIDDEN)
        for layer in range(self.text["num_hidden_layers"]):
            start = f"{self.prefix}layers.{layer}."
            parts = self._recurrent() if self.is_recurrent(layer) else self._attention()
            for name, shape in (*parts, *self._feed_forward()):
                yield start + name, shape
        yield self.prefix + "norm.weight", (HIDDEN,)
        if not self.is_tied:
            yield "lm_head.weight", (VOCABULARY, HIDDEN)

    def head_dim(self) -> int:
        """Return the channels of a head."""
        size: int = self.text.get("head_dim", HIDDEN // self.text["num_attention_heads"])
        return size

    def _attention(self) -> Iterator[tuple[str, Shape]]:
        size = self.head_dim()
        query = self.text["num_attention_heads"] * size
        key = self.text["num_key_value_heads"] * size
        gated = 2 if self.tag == "qwen35" else 1
        for letter, rows in (("q", gated * query), ("k", key), ("v", key)):
            yield f"self_attn.{letter}_proj.weight", (rows, HIDDEN)
            if self.tag == "qwen2":
                yield f"self_attn.{letter}_proj.bias", (rows,)
        yield "self_attn.o_proj.weight", (HIDDEN, query)
        if self.tag in ("qwen3", "gemma3", "qwen35", "qwen3vl"):
            yield "self_attn.q_norm.weight", (size,)
            yield "self_attn.k_norm.weight", (size,)

    def _recurrent(self) -> Iterator[tuple[str, Shape]]:
        text = self.text
        heads = text["linear_num_value_heads"]
        inner = heads * text["linear_value_head_dim"]
        channels = 2 * text["linear_num_key_heads"] * text["linear_key_head_dim"] + inner
        yield "linear_attn.dt_bias", (heads,)
        yield "linear_attn.A_log", (heads,)
        yield "linear_attn.conv1d.weight", (channels, 1, text["linear_conv_kernel_dim"])
        yield "linear_attn.norm.weight", (text["linear_value_head_dim"],)
        yield "linear_attn.out_proj.weight", (HIDDEN, inner)
        yield "linear_attn.in_proj_qkv.weight", (channels, HIDDEN)
        yield "linear_attn.in_proj_z.weight", (inner, HIDDEN)
        yield "linear_attn.in_proj_b.weight", (heads, HIDDEN)
        yield "linear_attn.in_proj_a.weight", (heads, HIDDEN)

    def _feed_forward(self) -> Iterator[tuple[str, Shape]]:
        yield "input_layernorm.weight", (HIDDEN,)
        yield "post_attention_layernorm.weight", (HIDDEN,)
        if self.is_gemma:
            yield "pre_feedforward_layernorm.weight", (HIDDEN,)
            yield "post_feedforward_layernorm.weight", (HIDDEN,)
        yield "mlp.gate_proj.weight", (FEED_FORWARD, HIDDEN)
        yield "mlp.up_proj.weight", (FEED_FORWARD, HIDDEN)
        yield "mlp.down_proj.weight", (HIDDEN, FEED_FORWARD)


def _config(kind: str, model: str, layers: int, **more: Any) -> dict[str, Any]:
    return {
        "architectures": [model],
        "model_type": kind,
        "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": layers,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-6,
        "torch_dtype": "bfloat16",
        **more,
    }


QWEN2 = Architecture(
    "tiny-qwen2",
    "qwen2",
    _config(
        "qwen2",
        "Qwen2ForCausalLM",
        3,
        hidden_act="silu",
        num_attention_heads=4,
        num_key_value_heads=2,
        rope_theta=1000000.0,
        tie_word_embeddings=True,
        use_sliding_window=False,
    ),
)
QWEN3 = Architecture(
    "tiny-qwen3",
    "qwen3",
    _config(
        "qwen3",
        "Qwen3ForCausalLM",
        3,
        attention_bias=False,
        head_dim=128,
        hidden_act="silu",
        num_attention_heads=4,
        num_key_value_heads=2,
        rope_theta=1000000,
        tie_word_embeddings=True,
    ),
)
LLAMA = Architecture(
    "tiny-llama",
    "llama",
    _config(
        "llama",
        "LlamaForCausalLM",
        3,
        head_dim=64,
        hidden_act="silu",
        num_attention_heads=4,
        num_key_value_heads=2,
        rms_norm_eps=1e-5,
        rope_scaling=_LLAMA3_SCALING,
        rope_theta=500000.0,
        tie_word_embeddings=False,
    ),
)
MISTRAL = Architecture(
    "tiny-mistral",
    "llama",
    _config(
        "mistral",
        "MistralForCausalLM",
        2,
        head_dim=64,
        hidden_act="silu",
        num_attention_heads=4,
        num_key_value_heads=2,
        rms_norm_eps=1e-5,
        rope_theta=1000000.0,
        sliding_window=None,
        tie_word_embeddings=False,
    ),
)
GEMMA2 = Architecture(
    "tiny-gemma2",
    "gemma2",
    _config(
        "gemma2",
        "Gemma2ForCausalLM",
        4,
        attn_logit_softcapping=50.0,
        final_logit_softcapping=30.0,
        head_dim=64,
        hidden_activation="gelu_pytorch_tanh",
        num_attention_heads=4,
        num_key_value_heads=2,
        query_pre_attn_scalar=64,
        rope_theta=10000.0,
        sliding_window=32,
    ),
)
GEMMA3 = Architecture(
    "tiny-gemma3",
    "gemma3",
    _config(
        "gemma3_text",
        "Gemma3ForCausalLM",
        6,
        head_dim=64,
        hidden_activation="gelu_pytorch_tanh",
        num_attention_heads=4,
        num_key_value_heads=1,
        query_pre_attn_scalar=64,
        rope_local_base_freq=10000.0,
        rope_theta=1000000.0,
        rope_scaling={"factor": 8.0, "rope_type": "linear"},
        sliding_window=32,
        sliding_window_pattern=6,
    ),
)
QWEN35 = Architecture(
    "tiny-qwen35",
    "qwen35",
    _config(
        "qwen3_5_text",
        "Qwen3_5ForCausalLM",
        4,
        full_attention_interval=4,
        head_dim=64,
        hidden_act="silu",
        linear_conv_kernel_dim=4,
        linear_key_head_dim=32,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        linear_value_head_dim=32,
        num_attention_heads=4,
        num_key_value_heads=2,
        rope_parameters={
            "mrope_interleaved": True,
            "mrope_section": [3, 3, 2],
            "partial_rotary_factor": 0.25,
            "rope_theta": 10000000,
            "rope_type": "default",
        },
        tie_word_embeddings=True,
    ),
)
_QWEN3VL_TEXT = _config(
    "qwen3_vl_text",
    "Qwen3VLTextModel",
    3,
    head_dim=64,
    hidden_act="silu",
    num_attention_heads=4,
    num_key_value_heads=2,
    rope_scaling={
        "mrope_interleaved": True,
        "mrope_section": [12, 10, 10],
        "rope_type": "default",
    },
    rope_theta=5000000,
    tie_word_embeddings=True,
)
QWEN3VL = Architecture(
    "tiny-qwen3vl",
    "qwen3vl",
    {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "text_config": {k: row for k, row in _QWEN3VL_TEXT.items() if k != "architectures"},
        "tie_word_embeddings": True,
    },
    "model.language_model.",
)

ALL = (QWEN2, QWEN3, LLAMA, MISTRAL, GEMMA2, GEMMA3, QWEN35, QWEN3VL)
BY_NAME = {made.name: made for made in ALL}
