"""Random kernels before and after the passes for devices, until time is up.

    python -m tests.fuzz.device_passes --seconds 60 [--seed N]

Prints the seeds of kernels that mean something else afterwards, or end in an exception.
"""

import argparse
import sys
import time
import traceback

from mlrift.ir.passes.device_pipeline import prepare_kernels
from mlrift.ir.verify import check_module
from tests.unit.ir.random_kernels import random_kernel, results

_FIRST_SEED = 100_000


def is_kept(seed: int) -> bool:
    """Whether the kernel of a seed means the same after the passes."""
    module, launch = random_kernel(seed)
    before = results(module, launch)
    try:
        prepare_kernels(module, lambda name, made: check_module(made, name))
        return results(module, launch) == before
    except Exception:  # any mistake of a pass is a finding
        traceback.print_exc()
        return False


def main() -> int:
    """Run and return how many kernels are not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.device_passes", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=_FIRST_SEED, help="the first one")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    seed, found = options.seed, 0
    while time.monotonic() < end:
        if not is_kept(seed):
            print(f"seed {seed}: the kernel means something else", flush=True)
            found += 1
        seed += 1
    print(f"{seed - options.seed} kernels, {found} findings")
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
