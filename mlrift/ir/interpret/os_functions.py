"""The OS layer for interpreted programs: `os.*` functions over words, backed by an `OsModel`."""

from collections.abc import Callable

from mlrift.ir.interpret.file_functions import bind_file_functions
from mlrift.ir.interpret.memory import Memory, MemoryFault
from mlrift.ir.interpret.os_model import OsModel
from mlrift.ir.numbers import WORD_MASK, signed

_EFAULT = 14
_EINVAL = 22
_ENOSYS = 38
_MAX_POINTERS = 4096


class ProgramExit(BaseException):
    """The program ends with a status; nothing between catches it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status & 0xFF


def bind_os_functions(memory: Memory, model: OsModel) -> dict[str, Callable[..., int]]:
    """Return the functions of the OS layer by symbol."""
    bound = _OsFunctions(memory, model)
    return {
        **{f"os.{name}": getattr(bound, method) for name, method in _METHODS.items()},
        **bind_file_functions(memory, model.file_system),
        **{f"os.{name}": _refuse for name in _ABSENT},
    }


def _refuse(*_words: int) -> int:
    return -_ENOSYS & WORD_MASK


# There are no other programs for an interpreted one to start.
_ABSENT = ("pipe", "process_start", "process_wait", "process_kill")
_METHODS = {
    "exit": "exit",
    "write": "write",
    "read": "read",
    "open": "open",
    "close": "close",
    "file_size": "file_size",
    "map": "map",
    "unmap": "unmap",
    "time_ns": "time_ns",
    "wall_ns": "wall_ns",
    "exec": "execute",
    "set_executable": "set_executable",
    "module_path": "module_path",
    "syscall": "system_call",
    "target_os": "target_os",
    "arch_id": "arch_id",
}


class _OsFunctions:
    """Words in, a word out; bad addresses give -EFAULT, as a kernel does."""

    def __init__(self, memory: Memory, model: OsModel) -> None:
        self._memory = memory
        self._model = model

    def exit(self, status: int) -> int:
        raise ProgramExit(status)

    def write(self, descriptor: int, address: int, size_bytes: int) -> int:
        try:
            data = self._memory.read(address, size_bytes) if size_bytes else b""
        except MemoryFault:
            return -_EFAULT & WORD_MASK
        return self._model.write(descriptor, data) & WORD_MASK

    def read(self, descriptor: int, address: int, size_bytes: int) -> int:
        found = self._model.read(descriptor, size_bytes)
        if isinstance(found, int):
            return found & WORD_MASK
        try:
            if found:
                self._memory.write(address, found)
        except MemoryFault:
            return -_EFAULT & WORD_MASK
        return len(found)

    def open(self, path: int, mode: int) -> int:
        try:
            name = self._memory.text(path)
        except MemoryFault:
            return -_EFAULT & WORD_MASK
        return self._model.open(name, mode) & WORD_MASK

    def close(self, descriptor: int) -> int:
        return self._model.close(descriptor) & WORD_MASK

    def file_size(self, descriptor: int) -> int:
        return self._model.file_size(descriptor) & WORD_MASK

    def map(self, size_bytes: int) -> int:
        return self._memory.map(size_bytes)

    def unmap(self, address: int, size_bytes: int) -> int:
        return 0 if self._memory.unmap(address) else -_EINVAL & WORD_MASK

    def time_ns(self) -> int:
        return self._model.time_ns() & WORD_MASK

    def wall_ns(self) -> int:
        return self._model.wall_ns() & WORD_MASK

    def execute(self, path: int, arguments: int, environment: int) -> int:
        try:
            name = self._memory.text(path)
            words = self._texts(arguments), self._texts(environment)
        except MemoryFault:
            return -_EFAULT & WORD_MASK
        return self._model.execute(name, *words) & WORD_MASK

    def set_executable(self, path: int) -> int:
        try:
            name = self._memory.text(path)
        except MemoryFault:
            return -_EFAULT & WORD_MASK
        return self._model.set_executable(name) & WORD_MASK

    def module_path(self, address: int, size_bytes: int) -> int:
        data = self._model.program_path.encode() + b"\0"
        if size_bytes:
            self._memory.write(address, data[: size_bytes - 1] + b"\0")
        return 0

    def system_call(self, number: int, *arguments: int) -> int:
        return self._model.system_call(signed(number), list(arguments)) & WORD_MASK

    def target_os(self) -> int:
        return self._model.target_os

    def arch_id(self) -> int:
        return self._model.arch_id

    def _texts(self, address: int) -> list[bytes]:
        """Return the texts of an array of pointers that ends with null; null is an empty one."""
        found: list[bytes] = []
        while address and len(found) < _MAX_POINTERS:
            pointer = self._memory.word(address)
            if pointer == 0:
                break
            found.append(self._memory.text(pointer))
            address += 8
        return found
