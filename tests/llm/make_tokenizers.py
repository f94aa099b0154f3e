"""Train the vocabularies of the tokenizer tests and ask the peers for ids.

Run with a Python that has tokenizers and sentencepiece:

    python -m tests.llm.make_tokenizers

Leaves, in `golden/`: `tokenizer_bytes.json`, `tokenizer_spm.json` and `tokenizer_spm.model`, the
vocabularies; `tokenizer_ids.json`, for each variant and mode 12 bits of a checksum of the ids of
each text, and for some texts all ids.
"""

from __future__ import annotations

import importlib
import io
import json
from typing import Any

from tests.llm.tokenizer_ids import MODES, SHOWN, checksum
from tests.llm.tokenizer_strings import strings
from tests.llm.tokenizer_variants import GOLDEN, VARIANTS, tokenizer

BYTE_SIZE = 1200
SPM_SIZE = 1600
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|eot_id|>")
USER_DEFINED = ("<think>", "</think>", "<tool_call>")
SPM_SPECIALS = ("<start_of_turn>", "<end_of_turn>")
_CONTROL = (*SPECIALS, *SPM_SPECIALS, "<s>", "</s>", "<unk>", "<strip>")
SPM_USER_DEFINED = ("\n\n", "▁▁", "▁▁▁", "<2mass>", "[INST]")


def main() -> None:
    """Write all files."""
    peer = importlib.import_module("tokenizers")
    (GOLDEN / "tokenizer_bytes.json").write_text(_bytes_vocabulary(peer), encoding="utf-8")
    model = _train_spm()
    (GOLDEN / "tokenizer_spm.model").write_bytes(model)
    (GOLDEN / "tokenizer_spm.json").write_text(_spm_vocabulary(model), encoding="utf-8")
    golden = {variant: _ids_of(peer, variant) for variant in VARIANTS}
    golden["sentencepiece"] = _spm_ids(model)
    text = json.dumps(golden, separators=(",", ":"))
    (GOLDEN / "tokenizer_ids.json").write_text(text + "\n", encoding="utf-8")


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _bytes_vocabulary(peer: Any) -> str:
    made = peer.Tokenizer(peer.models.BPE())
    made.pre_tokenizer = peer.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = peer.trainers.BpeTrainer(
        vocab_size=BYTE_SIZE,
        initial_alphabet=sorted(peer.pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[],
        show_progress=False,
        max_token_length=12,
    )
    made.train_from_iterator(_ordinary(strings()), trainer)
    made.decoder = peer.decoders.ByteLevel()
    made.add_special_tokens([peer.AddedToken(text, normalized=False) for text in SPECIALS])
    added = [peer.AddedToken(text, normalized=False, special=False) for text in USER_DEFINED]
    made.add_tokens(added)
    made.add_tokens([peer.AddedToken("<strip>", lstrip=True, rstrip=True, normalized=False)])
    made.add_tokens([peer.AddedToken("word", single_word=True, normalized=False)])
    made.add_tokens([peer.AddedToken("Hello", normalized=True)])
    return _compact(json.loads(made.to_str()))


def _train_spm() -> bytes:
    peer = importlib.import_module("sentencepiece")
    stream = io.BytesIO()
    peer.SentencePieceTrainer.train(
        sentence_iterator=iter(_sentences()),
        model_writer=stream,
        model_type="bpe",
        vocab_size=SPM_SIZE,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        split_digits=True,
        character_coverage=0.98,
        control_symbols=list(SPM_SPECIALS),
        user_defined_symbols=list(SPM_USER_DEFINED),
        num_threads=1,
        minloglevel=2,
    )
    return stream.getvalue()


def _ordinary(texts: list[str]) -> list[str]:
    """Give the texts without control tokens, so that merges make none of them."""
    return [text for text in texts if not any(name in text for name in _CONTROL)]


def _sentences() -> list[str]:
    """Give the texts that are no random characters: those would fill the vocabulary."""
    texts = strings()[:1400] + strings()[2000:]
    return [text for text in _ordinary(texts) if "\n" not in text and "\0" not in text]


def _spm_vocabulary(model: bytes) -> str:
    peer = importlib.import_module("sentencepiece")
    loaded = peer.SentencePieceProcessor(model_proto=model)
    count = loaded.get_piece_size()
    pieces = [loaded.id_to_piece(i) for i in range(count)]
    plain = {
        pieces[i]: loaded.get_score(i)
        for i in range(count)
        if not (loaded.is_control(i) or loaded.is_unknown(i) or loaded.is_byte(i))
        and pieces[i] not in SPM_USER_DEFINED
    }
    merges = [
        (plain[piece], cut, piece)
        for piece in plain
        for cut in range(1, len(piece))
        if piece[:cut] in plain and piece[cut:] in plain
    ]
    merges.sort(key=lambda row: (-row[0], row[1]))
    added = [
        {
            "id": i,
            "content": pieces[i],
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": pieces[i] not in SPM_USER_DEFINED,
        }
        for i in range(count)
        if pieces[i] not in plain and not loaded.is_byte(i)
    ]
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {piece: i for i, piece in enumerate(pieces)},
            "merges": [[piece[:cut], piece[cut:]] for _score, cut, piece in merges],
        },
    }
    return _compact(document)


def _ids_of(peer: Any, variant: str) -> dict[str, Any]:
    made = peer.Tokenizer.from_str(_compact(tokenizer(variant)))
    answers: dict[str, Any] = {}
    for mode in MODES:
        made.encode_special_tokens = mode == "text"
        rows = [made.encode(text, add_special_tokens=False).ids for text in strings()]
        answers[mode] = "".join(checksum(row) for row in rows)
        if mode == "text":
            answers["text-shown"] = {str(i): rows[i] for i in SHOWN}
    return answers


def _spm_ids(model: bytes) -> dict[str, Any]:
    peer = importlib.import_module("sentencepiece")
    loaded = peer.SentencePieceProcessor(model_proto=model)
    rows = [loaded.encode(text) for text in strings()]
    return {"text": "".join(map(checksum, rows)), "text-shown": {str(i): rows[i] for i in SHOWN}}


if __name__ == "__main__":
    main()
