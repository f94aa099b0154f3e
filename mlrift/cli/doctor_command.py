"""`mlr doctor`: what this machine has for AMD cards, and a self-test of a card.

    mlr doctor [--device=emulated[:GFX]]
    mlr doctor --selftest [--device=emulated[:GFX]] [--report=FILE] [--only=WORD]

The exit status is 0 when everything is as it must be.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mlrift.cli.program_file import CommandError
from mlrift.runtime.kfd import Device
from mlrift.runtime.kfd.doctor import RealMachine, examine, is_ready, report
from mlrift.runtime.kfd.driver import Driver, RealDriver
from mlrift.runtime.kfd.errors import DeviceError, KfdError
from mlrift.selftest.case import KernelCase
from mlrift.selftest.report import summary, write_report
from mlrift.selftest.running import CaseResult, run_cases
from mlrift.selftest.table import cases
from mlrift.values import record

_DEFAULT_REPORT = "mlrift-selftest.txt"
_DEFAULT_GFX = "gfx1100"
USAGE = __doc__ or ""


@record
class _Asked:
    """The options."""

    tests: bool = False
    gfx: str = ""
    report: Path = Path(_DEFAULT_REPORT)
    only: str = ""


def run(words: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    if "--help" in words or "-h" in words:
        print(USAGE, end="")
        return 0
    asked = _read(words)
    try:
        driver = _driver(asked.gfx)
        findings = examine(RealMachine(), driver)
        if not asked.tests:
            print(report(findings), end="")
            return 0 if is_ready(findings) or asked.gfx else 1
        if not is_ready(findings) and not asked.gfx:
            print(report(findings), end="")
            raise CommandError("the self-test needs a device: see the fixes above")
        return _test(asked, driver, report(findings))
    except (DeviceError, KfdError) as error:
        raise CommandError(str(error)) from error


def _read(words: Sequence[str]) -> _Asked:
    asked = _Asked()
    for word in words:
        name, _, given = word.partition("=")
        if word in ("--gpu", "--gpu-selftest", "--selftest"):
            asked.tests = asked.tests or word != "--gpu"
        elif name == "--report" and given:
            asked.report = Path(given)
        elif name == "--only" and given:
            asked.only = given
        elif name == "--device" and given.split(":")[0] == "emulated":
            asked.gfx = given.partition(":")[2] or _DEFAULT_GFX
        else:
            raise CommandError(f"unknown option '{word}'; try 'mlr doctor --help'")
    return asked


def _driver(gfx: str) -> Driver:
    if not gfx:
        return RealDriver()
    from mlrift.runtime.kfd.emulated.driver import EmulatedDriver  # noqa: PLC0415 - LLVM is large
    from mlrift.runtime.kfd.emulated.emulator_executor import EmulatorExecutor  # noqa: PLC0415

    return EmulatedDriver(EmulatorExecutor(), (gfx,))


def _test(asked: _Asked, driver: Driver, findings: str) -> int:
    chosen = [row for row in cases() if asked.only in row.name]
    if not chosen:
        raise CommandError(f"no case has '{asked.only}' in its name")
    with Device.open(driver=driver) as device:
        results = _run_with_progress(device, chosen)
        kind = "emulated" if asked.gfx else "the kernel's driver"
        text = write_report(device.node, kind, findings, results)
    part = asked.report.with_name(asked.report.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(asked.report)
    wrong = [row for row in results if row.problem]
    for row in wrong:
        print(f"wrong: {row.name}: {row.problem}")
    print(f"{summary(results)}; report in {asked.report}")
    return 0 if len(results) == len(chosen) and not wrong else 1


def _run_with_progress(device: Device, chosen: list[KernelCase]) -> list[CaseResult]:
    """Run the cases; a terminal sees which one."""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    results = []
    for row in run_cases(device, chosen):
        results.append(row)
        if is_terminal:
            done = f"\r{len(results)} of {len(chosen)} {row.name[:60]}"
            print(done.ljust(78), end="", file=sys.stderr, flush=True)
    if is_terminal:
        print("\r".ljust(79), end="\r", file=sys.stderr, flush=True)
    return results
