"""Asks transformers what every tiny model says, and keeps the answers in `golden/`.

Run with a Python that has transformers and torch:

    python -m tests.llm.make_golden            all models
    python -m tests.llm.make_golden tiny-qwen3 some of them

The prompt is 500 token ids. Kept: the logits after 1, 50 and 500 of them, 64 greedy tokens after
50, and how far the best token led at the closest of those steps.
"""

import base64
import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.llm.architectures import ALL, BY_NAME, VOCABULARY, Architecture
from tests.llm.model_files import write_folder
from tests.llm.weights import draws

GOLDEN = Path(__file__).parent / "golden"
POSITIONS = (1, 50, 500)
GREEDY_AFTER = 50
GREEDY_COUNT = 64
_FIRST_ID = 4


def prompt_of(made: Architecture) -> list[int]:
    """Return the 500 ids that a model is asked about."""
    drawn = draws(f"{made.name}/prompt", POSITIONS[-1])
    return [_FIRST_ID + int(row % np.uint64(VOCABULARY - 8)) for row in drawn]


def main(names: list[str]) -> None:
    """Write the answers for the models named, or all."""
    GOLDEN.mkdir(exist_ok=True)
    for made in [BY_NAME[name] for name in names] or ALL:
        with tempfile.TemporaryDirectory() as folder:
            write_folder(Path(folder), made, "F32")
            answer = _answer(made, Path(folder))
        (GOLDEN / f"{made.name}.json").write_text(json.dumps(answer, indent=1) + "\n")
        print(made.name, answer["greedy"][:8], "least lead", answer["least_lead"])


def _answer(made: Architecture, folder: Path) -> dict[str, Any]:
    ask = _model(made, folder)
    prompt = prompt_of(made)
    logits = {str(count): ask(prompt[:count])[-1] for count in POSITIONS}
    ids = prompt[:GREEDY_AFTER]
    leads = []
    for _ in range(GREEDY_COUNT):
        row = ask(ids)[-1]
        best = np.sort(row)[-2:]
        leads.append(float(best[1] - best[0]))
        ids = [*ids, int(row.argmax())]
    return {
        "prompt": prompt,
        "greedy": ids[GREEDY_AFTER:],
        "least_lead": min(leads),
        "logits": {
            key: base64.b64encode(row.astype("<f4").tobytes()).decode()
            for key, row in logits.items()
        },
    }


def _model(made: Architecture, folder: Path) -> Any:
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    options = {"dtype": torch.float32, "attn_implementation": "eager"}
    if made.tag == "qwen3vl":
        whole = transformers.Qwen3VLForConditionalGeneration
        return _asker(torch, _vision_free(transformers, torch, made, folder), whole)
    auto = transformers.AutoModelForCausalLM
    return _asker(torch, auto.from_pretrained(folder, **options).eval(), auto)


def _vision_free(transformers: Any, torch: Any, made: Architecture, folder: Path) -> Any:
    """Load the text model of Qwen3-VL, whose head is the embedding."""
    config = transformers.AutoConfig.from_pretrained(folder).text_config
    modelling: Any = importlib.import_module("transformers.models.qwen3_vl.modeling_qwen3_vl")
    config._attn_implementation = "eager"
    text = modelling.Qwen3VLTextModel(config).eval()
    load: Any = importlib.import_module("safetensors.torch").load_file
    tensors = load(folder / "model.safetensors")
    text.load_state_dict({key.removeprefix(made.prefix): row for key, row in tensors.items()})

    class Headed(torch.nn.Module):  # type: ignore[misc]
        def forward(self, input_ids: Any) -> Any:
            hidden = text(input_ids=input_ids).last_hidden_state
            logits = hidden @ text.embed_tokens.weight.T
            return type("Answer", (), {"logits": logits})

    return Headed()


def _asker(torch: Any, model: Any, kind: object) -> Any:
    del kind

    def ask(ids: list[int]) -> Any:
        with torch.no_grad():
            return model(input_ids=torch.tensor([ids])).logits[0].float().numpy()

    return ask


if __name__ == "__main__":
    main(sys.argv[1:])
