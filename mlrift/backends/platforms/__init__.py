"""The four operating systems behind one protocol.

A platform gives the OS layer that a program is linked with: `.mlr` sources compiled like any other
program, encoded stubs for what no program can say, and the C functions the system offers. The
symbols of the layer are listed in docs/architecture.md.
"""

from mlrift.backends.platforms.platform import (
    STACK_PROBE_SYMBOL,
    OsLayerKind,
    Platform,
    platform_for,
)

__all__ = ["STACK_PROBE_SYMBOL", "OsLayerKind", "Platform", "platform_for"]
