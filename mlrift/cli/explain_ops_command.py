"""`mlrc --explain-ops FILE`: a report on standard output, messages on standard error."""

import math
import sys

from mlrift.driver.explain_ops import explain_ops
from mlrift.driver.options import CompileOptions

DEFAULT_GIGABYTES_PER_SECOND = 20.0
STATUS_FAILED = 1


def print_costs(options: CompileOptions, bandwidth: str | None) -> int:
    """Print what the loops of a program cost; return the exit status."""
    gigabytes = DEFAULT_GIGABYTES_PER_SECOND
    if bandwidth is not None:
        try:
            gigabytes = float(bandwidth)
        except ValueError:
            gigabytes = math.nan
        if not 0.0 < gigabytes < math.inf:
            sys.stderr.write(f"mlrc: error: --bandwidth is GB/s, a number, not '{bandwidth}'\n")
            return STATUS_FAILED
    stored = explain_ops(options, gigabytes)
    sys.stderr.write(stored.messages)
    sys.stdout.write(stored.report)
    return stored.status
