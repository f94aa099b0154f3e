"""The doctor names what is missing, and the fix."""

from mlrift.runtime.kfd.doctor import Level, RealMachine, examine, is_ready, report
from mlrift.runtime.kfd.driver import RealDriver
from tests.kfd.cards import emulated_driver


class MadeMachine:
    """A machine with everything, from which tests take something away."""

    def __init__(self) -> None:
        self.files = {"/proc/sys/kernel/osrelease": "6.12.0"}
        self.present = {"/sys/module/amdgpu", "/dev/kfd", "/dev/dri/renderD128"}
        self.closed: set[str] = set()
        self.limit = -1

    def read(self, path: str) -> str | None:
        return self.files.get(path)

    def access(self, path: str) -> tuple[bool, bool]:
        return path in self.present, path in self.present - self.closed

    def group_of(self, path: str) -> str:
        return "render"

    def own_groups(self) -> list[str]:
        return ["users", "video"]

    def locked_bytes(self) -> int:
        return self.limit


def texts(machine: MadeMachine, gfx: str = "gfx1100") -> str:
    return report(examine(machine, emulated_driver(gfx)))


def test_a_machine_with_everything() -> None:
    findings = examine(MadeMachine(), emulated_driver("gfx1201"))
    assert is_ready(findings)
    assert {row.level for row in findings} == {Level.GOOD}
    assert "device 0: gfx1201, 64 compute units, 16.0 GiB: we compile for it" in report(findings)


def test_no_driver() -> None:
    machine = MadeMachine()
    machine.present = set()
    found = texts(machine)
    assert "error  the driver amdgpu is not loaded (Linux 6.12.0)\n       fix: `sudo mod" in found
    assert "error  /dev/kfd does not exist" in found
    assert "error  /dev/dri/renderD128 does not exist" in found


def test_no_permission() -> None:
    machine = MadeMachine()
    machine.closed = {"/dev/kfd"}
    found = texts(machine)
    assert "/dev/kfd may not be used: it belongs to the group render, you are in users" in found
    assert "fix: `sudo usermod -aG render $USER`, then log in again" in found


def test_a_chip_that_we_do_not_know() -> None:
    driver = emulated_driver("gfx1100")
    files = driver.machine.files
    for path, text in files.items():
        files[path] = text.replace("gfx_target_version 110000", "gfx_target_version 90010")
    found = report(examine(MadeMachine(), driver))
    assert "error  device 0: gfx90a" in found
    assert "fix: we compile for gfx1030, " in found


def test_little_memory_that_may_be_locked() -> None:
    machine = MadeMachine()
    machine.limit = 8 << 20
    assert " note  memory that may be locked: 8192 KiB\n       fix: `ulimit -l" in texts(machine)


def test_no_card_in_the_topology() -> None:
    driver = emulated_driver("gfx1100")
    driver.machine.files.clear()
    assert "error  no card in /sys/class/kfd" in report(examine(MadeMachine(), driver))


def test_a_damaged_topology() -> None:
    driver = emulated_driver("gfx1100")
    for path in driver.machine.files:
        driver.machine.files[path] = "gpu_id what"
    assert "cannot be read: invalid literal" in report(examine(MadeMachine(), driver))


def test_this_machine_can_be_looked_at() -> None:
    assert len(examine(RealMachine(), RealDriver())) >= 3
