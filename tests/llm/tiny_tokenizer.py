"""Two tokenizers of 512 entries: byte-level BPE with merges, and one of pieces with scores.

Both are trained here on a fixed text, so every machine has the same. They are written as
`tokenizer.json` and as the keys of GGUF.
"""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.llm.gguf_file import Signed, Value

SIZE = 512
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_TEXT = (
    "the quick brown fox jumps over the lazy dog and then the other dog runs after the fox\n"
    "in the beginning there was a network of neurons that learned to speak in numbers and words\n"
    "every weight is read once for each token and the memory sets the speed of the answer\n"
    "fn main() { println(1 + 2, f(x)) } // the sum of the parts is not the whole of the thing\n"
)
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True, slots=True)
class TinyTokenizer:
    """The two written forms, and the ids that a configuration names."""

    json: dict[str, Any]
    keys: dict[str, Value | Signed]
    bos: int
    eos: int

    def config(self) -> dict[str, object]:
        """Return what `tokenizer_config.json` says."""
        names = {row["id"]: row["content"] for row in self.json["added_tokens"]}
        return {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_bos_token": True,
            "bos_token": names[self.bos],
            "eos_token": names[self.eos],
            "clean_up_tokenization_spaces": False,
            "model_max_length": 2048,
        }


def byte_level() -> TinyTokenizer:
    """Make the byte-level one, with the splits of Llama 3 and its way to begin a text."""
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    names = [_byte_name(byte) for byte in range(256)]
    words = re.findall(r" ?[^\s]+|\n", _TEXT)
    sequences = [[_byte_name(byte) for byte in word.encode()] for word in words]
    merges, pieces = _merged(sequences, SIZE - len(specials) - len(names))
    tokens = [*names, *pieces, *specials]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    types = [_NORMAL] * (SIZE - len(specials)) + [_CONTROL] * len(specials)
    bos, eos = vocabulary["<|begin_of_text|>"], vocabulary["<|eot_id|>"]
    json = {
        "version": "1.0",
        "added_tokens": [_added(vocabulary[row], row) for row in specials],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": _SPLIT},
                    "behavior": "Isolated",
                    "invert": False,
                },
                {
                    "type": "ByteLevel",
                    "add_prefix_space": False,
                    "trim_offsets": True,
                    "use_regex": False,
                },
            ],
        },
        "post_processor": None,
        "decoder": {
            "type": "ByteLevel",
            "add_prefix_space": True,
            "trim_offsets": True,
            "use_regex": True,
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": {row: number for row, number in vocabulary.items() if row not in specials},
            "merges": [list(pair) for pair in merges],
        },
    }
    keys: dict[str, Value | Signed] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": Signed(types),
        "tokenizer.ggml.merges": [" ".join(pair) for pair in merges],
        "tokenizer.ggml.bos_token_id": bos,
        "tokenizer.ggml.eos_token_id": eos,
    }
    return TinyTokenizer(json, keys, bos, eos)


def scored_pieces() -> TinyTokenizer:
    """Make the one of pieces with scores, as Gemma has it: no space before a text, bytes last."""
    specials = ["<pad>", "<eos>", "<bos>", "<unk>"]
    letters = sorted(set(_TEXT.replace(" ", "\u2581").replace("\n", "")))
    words = re.findall(r"\u2581?[^\s\u2581]+", _TEXT.replace(" ", "\u2581"))
    count = SIZE - len(specials) - 256 - len(letters)
    merges, pieces = _merged([list(word) for word in words], count)
    tokens = [*specials, *(f"<0x{byte:02X}>" for byte in range(256)), *letters, *pieces]
    filler = [f"\u2581filler{number}" for number in range(SIZE - len(tokens))]
    tokens += filler
    vocabulary = {token: number for number, token in enumerate(tokens)}
    types = [_CONTROL] * 3 + [_UNKNOWN] + [_BYTE] * 256 + [_NORMAL] * (SIZE - 260)
    first = SIZE - len(pieces) - len(filler)
    scores = [0.0] * 260 + [-1000.0 - row for row in range(len(letters))]
    scores += [float(-row) for row in range(SIZE - first)]
    json = {
        "version": "1.0",
        "added_tokens": [_added(vocabulary[row], row) for row in specials],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [list(pair) for pair in merges],
        },
    }
    keys: dict[str, Value | Signed] = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": Signed(types),
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.unknown_token_id": 3,
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_space_prefix": False,
    }
    return TinyTokenizer(json, keys, 2, 1)


def _added(number: int, content: str) -> dict[str, object]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": content, **flags, "special": True}


def _byte_name(byte: int) -> str:
    """Return the character that stands for a byte (spec 4.4, byte map)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    if byte in plain:
        return chr(byte)
    return chr(256 + sum(1 for other in range(byte) if other not in plain))


def _merged(sequences: list[list[str]], count: int) -> tuple[list[tuple[str, str]], list[str]]:
    """Join the most frequent neighbours, so many times; return the pairs and what they made."""
    merges: list[tuple[str, str]] = []
    made: list[str] = []
    while len(made) < count:
        pairs = Counter(pair for row in sequences for pair in pairwise(row))
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        if "".join(best) not in made:
            made.append("".join(best))
        sequences = [_joined(row, best) for row in sequences]
    while len(made) < count:
        made.append(f"filler{len(made)}zq")
    return merges, made


def _joined(row: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for piece in row:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return out
