"""Structures and numbers of the kernel's interface: `linux/kfd_ioctl.h`, API 1.11 to 1.17.

Data only. Offsets, sizes and request numbers are compared with the header of the system by
tests/kfd/test_abi.py. Fields keep the header's names.
"""

import ctypes
from ctypes import c_int32, c_uint32, c_uint64
from enum import IntEnum, IntFlag, unique

from mlrift.values import value

SUPPORTED_MAJOR_VERSION = 1
MAX_QUEUE_PERCENTAGE = 100
MAX_QUEUE_PRIORITY = 15
SIGNAL_EVENT_LIMIT = 4096


@unique
class QueueType(IntEnum):
    """KFD_IOC_QUEUE_TYPE_*."""

    COMPUTE = 0
    SDMA = 1
    COMPUTE_AQL = 2
    SDMA_XGMI = 3


class MemoryFlag(IntFlag):
    """KFD_IOC_ALLOC_MEM_FLAGS_*."""

    VRAM = 1 << 0
    GTT = 1 << 1
    USERPTR = 1 << 2
    DOORBELL = 1 << 3
    MMIO_REMAP = 1 << 4
    UNCACHED = 1 << 25
    COHERENT = 1 << 26
    AQL_QUEUE_MEM = 1 << 27
    NO_SUBSTITUTE = 1 << 28
    PUBLIC = 1 << 29
    EXECUTABLE = 1 << 30
    WRITABLE = 1 << 31


@unique
class EventType(IntEnum):
    """KFD_IOC_EVENT_*: those we create."""

    SIGNAL = 0
    HARDWARE_EXCEPTION = 3
    MEMORY = 8


@unique
class WaitResult(IntEnum):
    """KFD_IOC_WAIT_RESULT_*."""

    COMPLETE = 0
    TIMEOUT = 1
    FAIL = 2


class GetVersion(ctypes.Structure):
    """`struct kfd_ioctl_get_version_args`."""

    _fields_ = [("major_version", c_uint32), ("minor_version", c_uint32)]


class CreateQueue(ctypes.Structure):
    """`struct kfd_ioctl_create_queue_args` up to API 1.16."""

    _fields_ = [
        ("ring_base_address", c_uint64),
        ("write_pointer_address", c_uint64),
        ("read_pointer_address", c_uint64),
        ("doorbell_offset", c_uint64),
        ("ring_size", c_uint32),
        ("gpu_id", c_uint32),
        ("queue_type", c_uint32),
        ("queue_percentage", c_uint32),
        ("queue_priority", c_uint32),
        ("queue_id", c_uint32),
        ("eop_buffer_address", c_uint64),
        ("eop_buffer_size", c_uint64),
        ("ctx_save_restore_address", c_uint64),
        ("ctx_save_restore_size", c_uint32),
        ("ctl_stack_size", c_uint32),
    ]


class DestroyQueue(ctypes.Structure):
    """`struct kfd_ioctl_destroy_queue_args`."""

    _fields_ = [("queue_id", c_uint32), ("pad", c_uint32)]


class SetMemoryPolicy(ctypes.Structure):
    """`struct kfd_ioctl_set_memory_policy_args`."""

    _fields_ = [
        ("alternate_aperture_base", c_uint64),
        ("alternate_aperture_size", c_uint64),
        ("gpu_id", c_uint32),
        ("default_policy", c_uint32),
        ("alternate_policy", c_uint32),
        ("pad", c_uint32),
    ]


class GetClockCounters(ctypes.Structure):
    """`struct kfd_ioctl_get_clock_counters_args`."""

    _fields_ = [
        ("gpu_clock_counter", c_uint64),
        ("cpu_clock_counter", c_uint64),
        ("system_clock_counter", c_uint64),
        ("system_clock_freq", c_uint64),
        ("gpu_id", c_uint32),
        ("pad", c_uint32),
    ]


class ProcessDeviceApertures(ctypes.Structure):
    """`struct kfd_process_device_apertures`."""

    _fields_ = [
        ("lds_base", c_uint64),
        ("lds_limit", c_uint64),
        ("scratch_base", c_uint64),
        ("scratch_limit", c_uint64),
        ("gpuvm_base", c_uint64),
        ("gpuvm_limit", c_uint64),
        ("gpu_id", c_uint32),
        ("pad", c_uint32),
    ]


class GetProcessAperturesNew(ctypes.Structure):
    """`struct kfd_ioctl_get_process_apertures_new_args`."""

    _fields_ = [
        ("kfd_process_device_apertures_ptr", c_uint64),
        ("num_of_nodes", c_uint32),
        ("pad", c_uint32),
    ]


class CreateEvent(ctypes.Structure):
    """`struct kfd_ioctl_create_event_args`."""

    _fields_ = [
        ("event_page_offset", c_uint64),
        ("event_trigger_data", c_uint32),
        ("event_type", c_uint32),
        ("auto_reset", c_uint32),
        ("node_id", c_uint32),
        ("event_id", c_uint32),
        ("event_slot_index", c_uint32),
    ]


class DestroyEvent(ctypes.Structure):
    """`struct kfd_ioctl_destroy_event_args`."""

    _fields_ = [("event_id", c_uint32), ("pad", c_uint32)]


class SetEvent(ctypes.Structure):
    """`struct kfd_ioctl_set_event_args`."""

    _fields_ = [("event_id", c_uint32), ("pad", c_uint32)]


class ResetEvent(ctypes.Structure):
    """`struct kfd_ioctl_reset_event_args`."""

    _fields_ = [("event_id", c_uint32), ("pad", c_uint32)]


class MemoryExceptionFailure(ctypes.Structure):
    """`struct kfd_memory_exception_failure`."""

    _fields_ = [
        ("NotPresent", c_uint32),
        ("ReadOnly", c_uint32),
        ("NoExecute", c_uint32),
        ("imprecise", c_uint32),
    ]


class MemoryExceptionData(ctypes.Structure):
    """`struct kfd_hsa_memory_exception_data`."""

    _fields_ = [
        ("failure", MemoryExceptionFailure),
        ("va", c_uint64),
        ("gpu_id", c_uint32),
        ("ErrorType", c_uint32),
    ]


class HardwareExceptionData(ctypes.Structure):
    """`struct kfd_hsa_hw_exception_data`."""

    _fields_ = [
        ("reset_type", c_uint32),
        ("reset_cause", c_uint32),
        ("memory_lost", c_uint32),
        ("gpu_id", c_uint32),
    ]


class EventPayload(ctypes.Union):
    """The unnamed union of `struct kfd_event_data`."""

    _fields_ = [
        ("memory_exception_data", MemoryExceptionData),
        ("hw_exception_data", HardwareExceptionData),
    ]


class EventData(ctypes.Structure):
    """`struct kfd_event_data`."""

    _anonymous_ = ("payload",)
    _fields_ = [
        ("payload", EventPayload),
        ("kfd_event_data_ext", c_uint64),
        ("event_id", c_uint32),
        ("pad", c_uint32),
    ]


class WaitEvents(ctypes.Structure):
    """`struct kfd_ioctl_wait_events_args`."""

    _fields_ = [
        ("events_ptr", c_uint64),
        ("num_events", c_uint32),
        ("wait_for_all", c_uint32),
        ("timeout", c_uint32),
        ("wait_result", c_uint32),
    ]


class SetScratchBackingVa(ctypes.Structure):
    """`struct kfd_ioctl_set_scratch_backing_va_args`."""

    _fields_ = [("va_addr", c_uint64), ("gpu_id", c_uint32), ("pad", c_uint32)]


class AcquireVm(ctypes.Structure):
    """`struct kfd_ioctl_acquire_vm_args`."""

    _fields_ = [("drm_fd", c_uint32), ("gpu_id", c_uint32)]


class AllocMemoryOfGpu(ctypes.Structure):
    """`struct kfd_ioctl_alloc_memory_of_gpu_args`."""

    _fields_ = [
        ("va_addr", c_uint64),
        ("size", c_uint64),
        ("handle", c_uint64),
        ("mmap_offset", c_uint64),
        ("gpu_id", c_uint32),
        ("flags", c_uint32),
    ]


class FreeMemoryOfGpu(ctypes.Structure):
    """`struct kfd_ioctl_free_memory_of_gpu_args`."""

    _fields_ = [("handle", c_uint64)]


class MapMemoryToGpu(ctypes.Structure):
    """`struct kfd_ioctl_map_memory_to_gpu_args`."""

    _fields_ = [
        ("handle", c_uint64),
        ("device_ids_array_ptr", c_uint64),
        ("n_devices", c_uint32),
        ("n_success", c_uint32),
    ]


class UnmapMemoryFromGpu(ctypes.Structure):
    """`struct kfd_ioctl_unmap_memory_from_gpu_args`."""

    _fields_ = MapMemoryToGpu._fields_


class SetCuMask(ctypes.Structure):
    """`struct kfd_ioctl_set_cu_mask_args`."""

    _fields_ = [("queue_id", c_uint32), ("num_cu_mask", c_uint32), ("cu_mask_ptr", c_uint64)]


class SetXnackMode(ctypes.Structure):
    """`struct kfd_ioctl_set_xnack_mode_args`."""

    _fields_ = [("xnack_enabled", c_int32)]


class GetAvailableMemory(ctypes.Structure):
    """`struct kfd_ioctl_get_available_memory_args`."""

    _fields_ = [("available", c_uint64), ("gpu_id", c_uint32), ("pad", c_uint32)]


class RuntimeEnable(ctypes.Structure):
    """`struct kfd_ioctl_runtime_enable_args` (API 1.13)."""

    _fields_ = [
        ("r_debug", c_uint64),
        ("mode_mask", c_uint32),
        ("capabilities_mask", c_uint32),
    ]


@value
class Request:
    """One ioctl: the header's name after AMDKFD_IOC_, its number, and its argument."""

    name: str
    number: int
    direction: int
    argument: type[ctypes.Structure]

    @property
    def code(self) -> int:
        """The request number of ioctl(2)."""
        size = ctypes.sizeof(self.argument)
        return self.direction << 30 | size << 16 | ord("K") << 8 | self.number


_WRITE, _READ, _BOTH = 1, 2, 3

REQUESTS: tuple[Request, ...] = (
    Request("GET_VERSION", 0x01, _READ, GetVersion),
    Request("CREATE_QUEUE", 0x02, _BOTH, CreateQueue),
    Request("DESTROY_QUEUE", 0x03, _BOTH, DestroyQueue),
    Request("SET_MEMORY_POLICY", 0x04, _WRITE, SetMemoryPolicy),
    Request("GET_CLOCK_COUNTERS", 0x05, _BOTH, GetClockCounters),
    Request("CREATE_EVENT", 0x08, _BOTH, CreateEvent),
    Request("DESTROY_EVENT", 0x09, _WRITE, DestroyEvent),
    Request("SET_EVENT", 0x0A, _WRITE, SetEvent),
    Request("RESET_EVENT", 0x0B, _WRITE, ResetEvent),
    Request("WAIT_EVENTS", 0x0C, _BOTH, WaitEvents),
    Request("SET_SCRATCH_BACKING_VA", 0x11, _BOTH, SetScratchBackingVa),
    Request("GET_PROCESS_APERTURES_NEW", 0x14, _BOTH, GetProcessAperturesNew),
    Request("ACQUIRE_VM", 0x15, _WRITE, AcquireVm),
    Request("ALLOC_MEMORY_OF_GPU", 0x16, _BOTH, AllocMemoryOfGpu),
    Request("FREE_MEMORY_OF_GPU", 0x17, _WRITE, FreeMemoryOfGpu),
    Request("MAP_MEMORY_TO_GPU", 0x18, _BOTH, MapMemoryToGpu),
    Request("UNMAP_MEMORY_FROM_GPU", 0x19, _BOTH, UnmapMemoryFromGpu),
    Request("SET_CU_MASK", 0x1A, _WRITE, SetCuMask),
    Request("SET_XNACK_MODE", 0x21, _BOTH, SetXnackMode),
    Request("AVAILABLE_MEMORY", 0x23, _BOTH, GetAvailableMemory),
    Request("RUNTIME_ENABLE", 0x25, _BOTH, RuntimeEnable),
)

REQUEST_OF: dict[type[ctypes.Structure], Request] = {row.argument: row for row in REQUESTS}
