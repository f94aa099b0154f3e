"""Executes AMD GPU code objects on numpy arrays, without a GPU.

    from mlrift.emulator import Device

Instructions are decoded once, translated to LLVM vectors over the 32 lanes of a wave, and run as
machine code. `docs/emulator.md` tells what is checked and counted.
"""

from mlrift.emulator.device import Device, Kernel, Program, Races
from mlrift.emulator.errors import (
    BudgetExceeded,
    EmulatorError,
    EmulatorFault,
    FaultReport,
    Place,
)
from mlrift.emulator.report import LaunchReport

__all__ = [
    "BudgetExceeded",
    "Device",
    "EmulatorError",
    "EmulatorFault",
    "FaultReport",
    "Kernel",
    "LaunchReport",
    "Place",
    "Program",
    "Races",
]
