"""The tokenizers that are compared, as tokenizer.json: two vocabularies with different settings.

Enters: `golden/tokenizer_bytes.json` and `golden/tokenizer_spm.json`, the vocabularies that
`make_tokenizers` trained. The merges of the first cross all kinds of characters, so that every
difference between pre-tokenisers shows in the ids.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"
SPM_VOCABULARY = "▁"
BYTE_VARIANTS = ("gpt-2", "gpt-2-prefix", "qwen2", "qwen35", "llama-bpe", "tekken", "gpt-4o")
CHARACTER_VARIANTS = (
    *("gemma", "gemma-unknown", "llama-2", "llama-2-normalized"),
    *("metaspace-first", "metaspace-always", "metaspace-split"),
)
VARIANTS = (*BYTE_VARIANTS, *CHARACTER_VARIANTS)

_SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_BLANKS = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_CASED = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+SUFFIX"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*SUFFIX"
)
_CASED_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + _BLANKS
PATTERNS = {
    "qwen2": _SUFFIX + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + _BLANKS,
    "qwen35": _SUFFIX
    + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"
    + _BLANKS,
    "llama-bpe": _SUFFIX
    + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    + _BLANKS,
    "tekken": _CASED.replace("SUFFIX", "") + r"|\p{N}" + _CASED_REST,
    "gpt-4o": _CASED.replace("SUFFIX", _SUFFIX + "?") + r"|\p{N}{1,3}" + _CASED_REST,
}


def tokenizer(variant: str) -> dict[str, Any]:
    """Give the tokenizer.json of a variant."""
    if variant in BYTE_VARIANTS:
        return _byte_level(variant)
    return _characters(variant)


def _base(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return loaded


def _byte_level(variant: str) -> dict[str, Any]:
    base = _base("tokenizer_bytes.json")
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    splitter: dict[str, Any] = level | {"use_regex": True}
    if variant == "gpt-2-prefix":
        splitter["add_prefix_space"] = True
    elif variant != "gpt-2":
        split = {
            "type": "Split",
            "pattern": {"Regex": PATTERNS[variant]},
            "behavior": "Isolated",
            "invert": False,
        }
        splitter = {"type": "Sequence", "pretokenizers": [split, level | {"use_regex": False}]}
    base["pre_tokenizer"] = splitter
    base["normalizer"] = {"type": "NFC"} if variant.startswith("qwen") else None
    base["model"]["ignore_merges"] = variant == "llama-bpe"
    return base


def _characters(variant: str) -> dict[str, Any]:
    base = _base("tokenizer_spm.json")
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPM_VOCABULARY}
    if variant.startswith("gemma"):
        base["model"]["byte_fallback"] = variant == "gemma"
        base["normalizer"] = replace
        base["pre_tokenizer"] = {
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": False,
        }
    elif variant.startswith("llama-2"):
        for row in base["added_tokens"]:
            row["normalized"] = variant == "llama-2-normalized"
        prepend = {"type": "Prepend", "prepend": SPM_VOCABULARY}
        base["normalizer"] = {"type": "Sequence", "normalizers": [prepend, replace]}
    else:
        base["pre_tokenizer"] = {
            "type": "Metaspace",
            "replacement": SPM_VOCABULARY,
            "prepend_scheme": "first" if variant == "metaspace-first" else "always",
            "split": variant == "metaspace-split",
        }
    return base
