"""A second opinion: reference.md written down once more, as a walk over the syntax tree.

It shares the parser and the type table with the compiler and nothing else: no checker, no lowering,
no IR. So what every engine gets wrong alike, because the IR is wrong, shows up here. It covers what
`tests.fuzz.generate` writes.

    run_model(program) -> ModelResult
"""

from tests.fuzz.model.expressions import UnmodelledError
from tests.fuzz.model.program import ModelResult, run_model

__all__ = ["ModelResult", "UnmodelledError", "run_model"]
