"""Structures and request numbers are those of the kernel's header on this machine."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from mlrift.runtime.kfd import abi

STRUCTURES = {
    abi.GetVersion: "kfd_ioctl_get_version_args",
    abi.CreateQueue: "kfd_ioctl_create_queue_args",
    abi.DestroyQueue: "kfd_ioctl_destroy_queue_args",
    abi.SetMemoryPolicy: "kfd_ioctl_set_memory_policy_args",
    abi.GetClockCounters: "kfd_ioctl_get_clock_counters_args",
    abi.ProcessDeviceApertures: "kfd_process_device_apertures",
    abi.GetProcessAperturesNew: "kfd_ioctl_get_process_apertures_new_args",
    abi.CreateEvent: "kfd_ioctl_create_event_args",
    abi.DestroyEvent: "kfd_ioctl_destroy_event_args",
    abi.SetEvent: "kfd_ioctl_set_event_args",
    abi.ResetEvent: "kfd_ioctl_reset_event_args",
    abi.MemoryExceptionFailure: "kfd_memory_exception_failure",
    abi.MemoryExceptionData: "kfd_hsa_memory_exception_data",
    abi.HardwareExceptionData: "kfd_hsa_hw_exception_data",
    abi.EventData: "kfd_event_data",
    abi.WaitEvents: "kfd_ioctl_wait_events_args",
    abi.SetScratchBackingVa: "kfd_ioctl_set_scratch_backing_va_args",
    abi.AcquireVm: "kfd_ioctl_acquire_vm_args",
    abi.AllocMemoryOfGpu: "kfd_ioctl_alloc_memory_of_gpu_args",
    abi.FreeMemoryOfGpu: "kfd_ioctl_free_memory_of_gpu_args",
    abi.MapMemoryToGpu: "kfd_ioctl_map_memory_to_gpu_args",
    abi.UnmapMemoryFromGpu: "kfd_ioctl_unmap_memory_from_gpu_args",
    abi.SetCuMask: "kfd_ioctl_set_cu_mask_args",
    abi.SetXnackMode: "kfd_ioctl_set_xnack_mode_args",
    abi.GetAvailableMemory: "kfd_ioctl_get_available_memory_args",
}
NEWER = {"RUNTIME_ENABLE"}
"""Not in every header yet; its number is that of gpu.md."""
UNNAMED = {"payload", "pad"}
HEADER = Path("/usr/include/linux/kfd_ioctl.h")


def printed(folder: Path, statements: list[str]) -> list[int]:
    """Return the numbers that a C program with the kernel's header prints."""
    compiler = shutil.which("gcc")
    if compiler is None or not HEADER.exists():
        pytest.skip("needs gcc and the Debian package linux-libc-dev")
    source = folder / "abi.c"
    (folder / "drm").mkdir()
    # the header wants no more of drm.h than the kernel's integer types
    (folder / "drm/drm.h").write_text("#include <linux/types.h>\n#include <linux/ioctl.h>\n")
    body = "\n".join(f'  printf("%ld\\n", (long)({row}));' for row in statements)
    source.write_text(
        "#include <stdio.h>\n#include <stddef.h>\n#include <linux/kfd_ioctl.h>\n"
        f"int main(void) {{\n{body}\n  return 0;\n}}\n"
    )
    subprocess.run([compiler, f"-I{folder}", source, "-o", folder / "abi"], check=True)
    made = subprocess.run([folder / "abi"], check=True, capture_output=True, text=True)
    return [int(line) for line in made.stdout.split()]


def test_every_structure_of_a_request_is_compared() -> None:
    arguments = {row.argument for row in abi.REQUESTS if row.name not in NEWER}
    assert arguments <= set(STRUCTURES)


def test_sizes_and_offsets_are_the_headers(tmp_path: Path) -> None:
    statements, wanted = [], []
    for made, name in STRUCTURES.items():
        statements.append(f"sizeof(struct {name})")
        wanted.append(ctypes.sizeof(made))
        for field in (row[0] for row in made._fields_):
            if field not in UNNAMED:
                statements.append(f"offsetof(struct {name}, {field})")
                wanted.append(getattr(made, field).offset)
    found = printed(tmp_path, statements)
    differing = [row for row in zip(statements, wanted, found, strict=True) if row[1] != row[2]]
    assert not differing


def test_request_numbers_are_the_headers(tmp_path: Path) -> None:
    rows = [row for row in abi.REQUESTS if row.name not in NEWER]
    found = printed(tmp_path, [f"(unsigned)AMDKFD_IOC_{row.name}" for row in rows])
    assert [row.code for row in rows] == found


def test_request_numbers_are_those_of_the_specification() -> None:
    codes = {row.name: row.code for row in abi.REQUESTS}
    assert codes["CREATE_QUEUE"] == 0xC0584B02
    assert codes["ALLOC_MEMORY_OF_GPU"] == 0xC0284B16
    assert codes["RUNTIME_ENABLE"] == 0xC0104B25
    assert codes["WAIT_EVENTS"] == 0xC0184B0C


def test_flags_and_types_are_the_headers(tmp_path: Path) -> None:
    flags = {
        f"KFD_IOC_ALLOC_MEM_FLAGS_{name}": flag.value
        for name, flag in abi.MemoryFlag.__members__.items()
    }
    types = {
        "KFD_IOC_QUEUE_TYPE_COMPUTE": abi.QueueType.COMPUTE,
        "KFD_IOC_QUEUE_TYPE_SDMA": abi.QueueType.SDMA,
        "KFD_IOC_QUEUE_TYPE_COMPUTE_AQL": abi.QueueType.COMPUTE_AQL,
        "KFD_IOC_QUEUE_TYPE_SDMA_XGMI": abi.QueueType.SDMA_XGMI,
        "KFD_IOC_EVENT_SIGNAL": abi.EventType.SIGNAL,
        "KFD_IOC_EVENT_HW_EXCEPTION": abi.EventType.HARDWARE_EXCEPTION,
        "KFD_IOC_EVENT_MEMORY": abi.EventType.MEMORY,
        "KFD_IOC_WAIT_RESULT_COMPLETE": abi.WaitResult.COMPLETE,
        "KFD_IOC_WAIT_RESULT_TIMEOUT": abi.WaitResult.TIMEOUT,
        "KFD_IOC_WAIT_RESULT_FAIL": abi.WaitResult.FAIL,
        "KFD_SIGNAL_EVENT_LIMIT": abi.SIGNAL_EVENT_LIMIT,
        "KFD_MAX_QUEUE_PERCENTAGE": abi.MAX_QUEUE_PERCENTAGE,
        "KFD_MAX_QUEUE_PRIORITY": abi.MAX_QUEUE_PRIORITY,
    }
    wanted = {**flags, **{name: int(number) for name, number in types.items()}}
    found = printed(tmp_path, [f"(unsigned)({name})" for name in wanted])
    assert dict(zip(wanted, found, strict=True)) == wanted
