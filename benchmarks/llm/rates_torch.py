"""Rates of PyTorch: `rates_torch.py FOLDER THREADS PROMPT DECODED RUNS`; a line of JSON each.

Run with the peers' Python. Decoding begins after one token, as llama-bench has it.
"""

import json
import sys
import time
from typing import Any

import torch
import transformers


def main() -> None:
    """Load, warm up and measure."""
    folder, threads, prompt, decoded, runs = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    begin = time.perf_counter()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    show("load", seconds=time.perf_counter() - begin)
    ids = torch.randint(0, 100000, (1, prompt), generator=torch.Generator().manual_seed(1))
    model(input_ids=ids[:, :8])
    for run in range(runs):
        begin = time.perf_counter()
        model(input_ids=ids, logits_to_keep=1)
        show("pp", rep=run, tok_s=prompt / (time.perf_counter() - begin))
        show("tg", rep=run, tok_s=decode(model, ids[:, :1], decoded))


def decode(model: Any, token: Any, count: int) -> float:
    """Return tokens a second, greedily."""
    begin, past = time.perf_counter(), None
    for _ in range(count):
        answer = model(input_ids=token, past_key_values=past, use_cache=True)
        past = answer.past_key_values
        token = answer.logits[:, -1].argmax(-1, keepdim=True)
    return count / (time.perf_counter() - begin)


def show(kind: str, **values: float) -> None:
    """Print a measurement."""
    print(json.dumps({"kind": kind, **values}), flush=True)


if __name__ == "__main__":
    main()
