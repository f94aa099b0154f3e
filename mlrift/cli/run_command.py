"""`mlrc run FILE [ARGUMENT...]`: compiles for this machine and becomes the program.

Nothing is written. The exit status, the signals and the standard streams are the program's own.
"""

import sys
from collections.abc import Sequence

from mlrift.driver.build import compile_or_recall
from mlrift.driver.options import CompileOptions


def run_program(options: CompileOptions, words: Sequence[str]) -> int:
    """Compile, then execute; `words` are the file and the program's arguments."""
    from mlrift.cli.mlr import original_environment  # noqa: PLC0415 - not needed on an error
    from mlrift.runtime.launcher import launch  # noqa: PLC0415
    from mlrift.runtime.program import Program  # noqa: PLC0415

    stored = compile_or_recall(options)
    sys.stderr.write(stored.messages)
    sys.stderr.flush()
    if stored.status != 0:
        return stored.status
    sys.stdout.flush()
    suffix = options.targets[0].system.executable_suffix
    return launch(Program(stored.data, words, original_environment(), suffix))
