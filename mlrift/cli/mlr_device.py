"""`mlr --device=emulated[:GFX] PROGRAM [ARGUMENT...]`: a program for an AMD card, without a card.

Arguments in, the program's exit status out. The program runs unmodified; what it asks of /dev/kfd
is answered by `mlrift.runtime.kfd.supervisor`. Imported only when the option is given: it brings
the emulator with it.
"""

import os
import sys
import tempfile
from pathlib import Path

from mlrift.cli.program_file import CommandError, parse_fat, read_program
from mlrift.container import device_code
from mlrift.container.errors import FatError
from mlrift.container.reading import is_fat
from mlrift.runtime.child import (
    PASSED_ON_SIGNALS,
    TERMINAL_SIGNALS,
    repeat_end,
    set_handlers,
)
from mlrift.targets import LINUX_X86_64

_EMULATED = "emulated"
_DEFAULT_CHIP = "gfx1100"
_FORM = "--device=emulated[:gfx1030|:gfx1100|:gfx1101|:gfx1201]"


def run_on_device(option: str, arguments: list[str]) -> int:
    """Run `arguments` on the device that the option names; returns the exit status."""
    chip = _chip(option)
    if not arguments:
        raise CommandError(f"{option} takes a PROGRAM; try 'mlr --help'")
    _check_machine()
    path = arguments[0]
    data = read_program(path)
    if not is_fat(data):
        return _supervise(Path(path), arguments, chip)
    try:
        image = device_code.program(parse_fat(path, data), LINUX_X86_64.slice_id)
    except FatError as error:
        raise CommandError(f"'{path}' has no program for {LINUX_X86_64.name}: {error}") from error
    with tempfile.TemporaryDirectory(prefix="mlr-") as folder:
        program = Path(folder, "program")
        program.write_bytes(image)
        program.chmod(0o700)
        return _supervise(program, arguments, chip)


def _chip(option: str) -> str:
    """Return the chip of the option's text; raises CommandError."""
    from mlrift.runtime.kfd.emulated.cards import CARDS  # noqa: PLC0415 - after the cheap checks

    device, _, chip = option.partition("=")[2].partition(":")
    chip = chip or _DEFAULT_CHIP
    if device != _EMULATED:
        raise CommandError(f"unknown device '{device}'; the only one is {_FORM}")
    known = [row.gfx for row in CARDS]
    if chip not in known:
        raise CommandError(f"'{chip}' cannot be emulated, only: {', '.join(known)}")
    return chip


def _check_machine() -> None:
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        raise CommandError("--device=emulated is for Linux on x86-64")


def _supervise(program: Path, arguments: list[str], chip: str) -> int:
    from mlrift.runtime.kfd.errors import DeviceError  # noqa: PLC0415
    from mlrift.runtime.kfd.supervisor.supervisor import Supervisor  # noqa: PLC0415

    supervisor = Supervisor((chip,))
    set_handlers(PASSED_ON_SIGNALS, lambda number, _frame: supervisor.pass_on(number))
    # The terminal sends these to the program as well; it decides what they mean.
    set_handlers(TERMINAL_SIGNALS, lambda _number, _frame: None)
    try:
        status = supervisor.run(program, arguments)
    except DeviceError as error:
        raise CommandError(str(error)) from error
    return status if status >= 0 else repeat_end(status)
