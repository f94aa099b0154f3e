"""What a machine has for AMD cards, and what is wrong with it: findings, each with its fix.

A `Machine` answers the questions, so that tests can have any machine. Nothing is changed by
looking.
"""

import grp
import os
import resource
from enum import Enum, unique
from pathlib import Path
from typing import Protocol

from mlrift.backends.amdgcn.chips import CHIPS, chip_named
from mlrift.runtime.kfd import abi
from mlrift.runtime.kfd.driver import KFD_PATH, TOPOLOGY, Driver
from mlrift.runtime.kfd.errors import DeviceError, KfdError
from mlrift.runtime.kfd.topology import Node, read_nodes
from mlrift.values import value

_KNOWN_TO_WORK = (1, 11)
_WANTED_LOCKED_BYTES = 64 << 20


@unique
class Level(Enum):
    """How bad a finding is."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "error"


@value
class Finding:
    """One thing that was looked at. `fix` says what to do when it is not good."""

    level: Level
    text: str
    fix: str = ""


class Machine(Protocol):
    """What the doctor asks of an operating system."""

    def read(self, path: str) -> str | None:
        """Return a small file's text, None when there is none."""

    def access(self, path: str) -> tuple[bool, bool]:
        """Say whether a file exists, and whether it may be read and written."""

    def group_of(self, path: str) -> str:
        """Return the name of the group that a file belongs to."""

    def own_groups(self) -> list[str]:
        """Return the names of the process's groups."""

    def locked_bytes(self) -> int:
        """Return how much memory a process may lock; -1 for any amount."""


class RealMachine:
    """This one."""

    def read(self, path: str) -> str | None:
        """Read a file."""
        try:
            return Path(path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def access(self, path: str) -> tuple[bool, bool]:
        """Ask the kernel."""
        return os.path.exists(path), os.access(path, os.R_OK | os.W_OK)

    def group_of(self, path: str) -> str:
        """Return the group's name, or its number where it has none."""
        number = os.stat(path).st_gid
        try:
            return grp.getgrgid(number).gr_name
        except KeyError:
            return str(number)

    def own_groups(self) -> list[str]:
        """Return names."""
        found = []
        for number in {os.getgid(), *os.getgroups()}:
            try:
                found.append(grp.getgrgid(number).gr_name)
            except KeyError:
                found.append(str(number))
        return sorted(found)

    def locked_bytes(self) -> int:
        """Return the soft limit."""
        soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        return -1 if soft == resource.RLIM_INFINITY else soft


def examine(machine: Machine, driver: Driver) -> list[Finding]:
    """Look at everything that a program needs, in the order in which it needs it."""
    found = [_module(machine), _file(machine, KFD_PATH)]
    try:
        nodes = read_nodes(driver)
    except (OSError, ValueError, DeviceError) as error:
        text = f"the topology under {TOPOLOGY} cannot be read: {error}"
        return [*found, Finding(Level.BAD, text, "report this with the file's contents")]
    if not nodes:
        text = f"no card in {TOPOLOGY}"
        fix = "the driver knows no compute device: see `dmesg | grep -i kfd`"
        return [*found, Finding(Level.BAD, text, fix)]
    if found[-1].level is Level.GOOD:
        found.append(_version(driver))
    for place, node in enumerate(nodes):
        found += _card(machine, place, node)
    found.append(_limit(machine))
    return found


def is_ready(findings: list[Finding]) -> bool:
    """Whether programs can run on a card."""
    return all(row.level is not Level.BAD for row in findings)


def report(findings: list[Finding]) -> str:
    """Return the findings as text, a line each and a line for each fix."""
    lines = []
    for row in findings:
        lines.append(f"{row.level.value:>5}  {row.text}")
        if row.fix:
            lines.append(f"       fix: {row.fix}")
    return "\n".join(lines) + "\n"


def _module(machine: Machine) -> Finding:
    kernel = machine.read("/proc/sys/kernel/osrelease") or "of unknown version"
    if machine.access("/sys/module/amdgpu")[0]:
        version = machine.read("/sys/module/amdgpu/version")
        more = f", module version {version}" if version else ""
        return Finding(Level.GOOD, f"the driver amdgpu is loaded (Linux {kernel}{more})")
    return Finding(
        Level.BAD,
        f"the driver amdgpu is not loaded (Linux {kernel})",
        "`sudo modprobe amdgpu`; in a container or virtual machine, pass the card through",
    )


def _file(machine: Machine, path: str) -> Finding:
    exists, may_use = machine.access(path)
    if not exists:
        fix = "load amdgpu; in a container run with --device=/dev/kfd --device=/dev/dri"
        return Finding(Level.BAD, f"{path} does not exist", fix)
    group = machine.group_of(path)
    if may_use:
        return Finding(Level.GOOD, f"{path} can be read and written (group {group})")
    groups = ", ".join(machine.own_groups())
    return Finding(
        Level.BAD,
        f"{path} may not be used: it belongs to the group {group}, you are in {groups}",
        f"`sudo usermod -aG {group} $USER`, then log in again",
    )


def _version(driver: Driver) -> Finding:
    asked = abi.GetVersion()
    try:
        descriptor = driver.open(KFD_PATH)
        try:
            driver.ioctl(descriptor, asked)
        finally:
            driver.close(descriptor)
    except (KfdError, DeviceError) as error:
        return Finding(Level.BAD, str(error))
    version = int(asked.major_version), int(asked.minor_version)
    text = f"the driver's interface has version {version[0]}.{version[1]}"
    if version[0] != abi.SUPPORTED_MAJOR_VERSION:
        return Finding(Level.BAD, text, "this needs a newer MLRift")
    if version < _KNOWN_TO_WORK:
        older = f"{_KNOWN_TO_WORK[0]}.{_KNOWN_TO_WORK[1]}"
        return Finding(Level.NOTE, text, f"older than {older}, with which we know the sizes")
    return Finding(Level.GOOD, text)


def _card(machine: Machine, place: int, node: Node) -> list[Finding]:
    gib = node.memory_bytes / (1 << 30)
    text = f"device {place}: {node.gfx}, {node.compute_units} compute units, {gib:.1f} GiB"
    known = ", ".join(row.name for row in CHIPS)
    if chip_named(node.gfx) is None:
        first = Finding(Level.BAD, text, f"we compile for {known} only")
    else:
        first = Finding(Level.GOOD, f"{text}: we compile for it with --target-arch={node.gfx}")
    return [first, _file(machine, node.render_path)]


def _limit(machine: Machine) -> Finding:
    found = machine.locked_bytes()
    if found < 0 or found >= _WANTED_LOCKED_BYTES:
        size = "any amount" if found < 0 else f"{found >> 20} MiB"
        return Finding(Level.GOOD, f"memory that may be locked: {size}")
    return Finding(
        Level.NOTE,
        f"memory that may be locked: {found >> 10} KiB",
        "`ulimit -l unlimited`, when sharing arrays of the process fails",
    )
