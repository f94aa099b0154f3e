"""The command `python -m mlrift.plot FILE... [-o OUT]`."""

import sys

from mlrift.plot.command import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
