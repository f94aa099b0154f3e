"""The command `python -m mlrift.bind LIBRARY [-o MODULE.py]`."""

import sys

from mlrift.bind.command import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
