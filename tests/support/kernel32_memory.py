"""kernel32: virtual memory, reserved and committed page by page as Windows does."""

from tests.support.machine import PAGE_BYTES, GuestFault, Protection
from tests.support.traps import ResultWidth
from tests.support.windows_process import KERNEL32, Allocation, WindowsProcess

_COMMIT, _RESERVE, _TOP_DOWN = 0x1000, 0x2000, 0x100000
_DECOMMIT, _RELEASE = 0x4000, 0x8000
_INVALID_PARAMETER, _INVALID_ADDRESS, _NOT_ENOUGH_MEMORY = 87, 487, 8
_LARGEST_RESERVATION_BYTES = 1 << 40
_LARGEST_COMMIT_BYTES = 1 << 33
_PROTECTIONS = {
    0x01: Protection.NONE,
    0x02: Protection.READ,
    0x04: Protection.READ | Protection.WRITE,
    0x08: Protection.READ | Protection.WRITE,
    0x10: Protection.EXECUTE,
    0x20: Protection.READ | Protection.EXECUTE,
    0x40: Protection.READ | Protection.WRITE | Protection.EXECUTE,
}


@KERNEL32.export("VirtualAlloc", 4, ResultWidth.WORD64)
def virtual_alloc(
    process: WindowsProcess, address: int, size: int, kind: int, protection: int
) -> int:
    """Reserve address space, commit pages of it, or both at once."""
    kind &= ~_TOP_DOWN
    rights = _PROTECTIONS.get(protection & 0xFFFFFFFF)
    if rights is None or not size or kind & ~(_COMMIT | _RESERVE) or not kind:
        return process.fail(_INVALID_PARAMETER)
    if size > _LARGEST_RESERVATION_BYTES or (kind & _COMMIT and size > _LARGEST_COMMIT_BYTES):
        return process.fail(_NOT_ENOUGH_MEMORY)
    if kind & _RESERVE or not address:
        if address:
            return process.fail(_INVALID_ADDRESS)
        allocation = process.reserve(size)
        address, size = allocation.base, allocation.size_bytes
    else:
        found = _allocation_of(process, address, size)
        if found is None:
            return process.fail(_INVALID_ADDRESS)
        allocation = found
    if kind & _COMMIT:
        _commit(process, allocation, address, size, rights)
    return address if kind & _RESERVE else address // PAGE_BYTES * PAGE_BYTES


@KERNEL32.export("VirtualFree", 3)
def virtual_free(process: WindowsProcess, address: int, size: int, kind: int) -> int:
    """Release a whole reservation (size 0) or decommit some of its pages."""
    if kind == _RELEASE:
        allocation = process.allocations.pop(address, None)
        if size or allocation is None:
            return process.fail(_INVALID_PARAMETER if size else _INVALID_ADDRESS)
        _decommit(process, allocation, allocation.base, allocation.size_bytes)
        return 1
    if kind == _DECOMMIT:
        found = _allocation_of(process, address, size)
        if found is None:
            return process.fail(_INVALID_ADDRESS)
        _decommit(process, found, address, size or found.size_bytes)
        return 1
    return process.fail(_INVALID_PARAMETER)


@KERNEL32.export("VirtualProtect", 4)
def virtual_protect(
    process: WindowsProcess, address: int, size: int, protection: int, previous: int
) -> int:
    """Change the rights of committed pages; the old rights are always reported as read-write."""
    rights = _PROTECTIONS.get(protection & 0xFFFFFFFF)
    if rights is None:
        return process.fail(_INVALID_PARAMETER)
    process.machine.write_user(previous, (4).to_bytes(4, "little"))
    first = address // PAGE_BYTES * PAGE_BYTES
    last = -(-(address + size) // PAGE_BYTES) * PAGE_BYTES
    try:
        process.machine.protect(first, last - first, rights)
    except GuestFault:
        return process.fail(_INVALID_ADDRESS)
    return 1


@KERNEL32.export("FlushInstructionCache", 3)
def flush_instruction_cache(process: WindowsProcess, handle: int, base: int, size: int) -> int:
    """Do nothing: the emulated CPU sees its own writes."""
    return 1


@KERNEL32.export("GetProcessHeap", 0, ResultWidth.WORD64)
def get_process_heap(process: WindowsProcess) -> int:
    """Return the only heap's handle."""
    return process.allocate_data(b"heap")


@KERNEL32.export("HeapAlloc", 3, ResultWidth.WORD64)
def heap_alloc(process: WindowsProcess, heap: int, flags: int, size: int) -> int:
    """Give every block its own pages, so that overruns fault."""
    if size > _LARGEST_COMMIT_BYTES:
        return process.fail(_NOT_ENOUGH_MEMORY)
    return process.allocate_data(bytes(size))


@KERNEL32.export("HeapFree", 3)
def heap_free(process: WindowsProcess, heap: int, flags: int, address: int) -> int:
    """Release a block that HeapAlloc returned."""
    return virtual_free(process, address, 0, _RELEASE)


def _allocation_of(process: WindowsProcess, address: int, size: int) -> Allocation | None:
    for allocation in process.allocations.values():
        end = allocation.base + allocation.size_bytes
        if allocation.base <= address and address + size <= end:
            return allocation
    return None


def _commit(
    process: WindowsProcess, allocation: Allocation, address: int, size: int, rights: Protection
) -> None:
    """Map the pages that are not committed yet, in runs; committed ones keep their content."""
    first = address // PAGE_BYTES * PAGE_BYTES
    last = -(-(address + size) // PAGE_BYTES) * PAGE_BYTES
    if not allocation.committed:
        process.machine.map(first, last - first, rights)
        allocation.committed.update(range(first, last, PAGE_BYTES))
        return
    for page in range(first, last, PAGE_BYTES):
        if page not in allocation.committed:
            process.machine.map(page, PAGE_BYTES, rights)
            allocation.committed.add(page)


def _decommit(process: WindowsProcess, allocation: Allocation, address: int, size: int) -> None:
    first = address // PAGE_BYTES * PAGE_BYTES
    last = -(-(address + size) // PAGE_BYTES) * PAGE_BYTES
    pages = sorted(page for page in allocation.committed if first <= page < last)
    if len(pages) * PAGE_BYTES == last - first:
        process.machine.unmap(first, last - first)
    else:
        for page in pages:
            process.machine.unmap(page, PAGE_BYTES)
    allocation.committed.difference_update(pages)
