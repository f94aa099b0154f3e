"""kernel32: the end of the process, child processes, error codes and libraries at run time."""

# ruff: noqa: PLR0917 - the system's own signatures

import os

from tests.support.guest_pipes import STREAM_COUNT, Child, PipeEnd, new_pipe
from tests.support.kernel32_files import DWORD, host_path, wide_string
from tests.support.kernel32_text import PROGRAM_PATH
from tests.support.results import Invocation, RunResult
from tests.support.scheduler import ProcessExit
from tests.support.traps import ResultWidth
from tests.support.windows_process import (
    ERROR_INVALID_HANDLE,
    KERNEL32,
    LIBRARIES,
    HostFile,
    WindowsProcess,
)

_FILE_NOT_FOUND, _PROCEDURE_NOT_FOUND = 2, 127
_MODULE_NOT_FOUND = 126
_INVALID_PARAMETER, _STILL_ACTIVE = 87, 259
_SAME_ACCESS, _USE_STANDARD_HANDLES = 2, 0x100
_STARTUP_FLAGS, _STARTUP_HANDLES = 60, 80
_CURRENT_PROCESS = (1 << 64) - 1
_LIBRARY_HANDLES = {name: 0x7FF9_0000_0000 + 0x10000 * i for i, name in enumerate(LIBRARIES)}


@KERNEL32.export("ExitProcess", 1, ResultWidth.NOTHING)
def exit_process(process: WindowsProcess, code: int) -> None:
    """End the process."""
    raise ProcessExit(code & DWORD)


@KERNEL32.export("TerminateProcess", 2)
def terminate_process(process: WindowsProcess, handle: int, code: int) -> int:
    """End this process or a child."""
    if handle == _CURRENT_PROCESS:
        raise ProcessExit(code & DWORD)
    child = process.handles.get(handle)
    if not isinstance(child, Child):
        return process.fail(ERROR_INVALID_HANDLE)
    child.kill(code & DWORD)
    return 1


@KERNEL32.export("GetCurrentProcess", 0, ResultWidth.WORD64)
def get_current_process(process: WindowsProcess) -> int:
    """Return the pseudo handle."""
    return _CURRENT_PROCESS


@KERNEL32.export("GetLastError", 0)
def get_last_error(process: WindowsProcess) -> int:
    """Return the calling thread's last error."""
    return process.scheduler.running.last_error


@KERNEL32.export("SetLastError", 1, ResultWidth.NOTHING)
def set_last_error(process: WindowsProcess, error: int) -> None:
    """Set the calling thread's last error."""
    process.scheduler.running.last_error = error & DWORD


@KERNEL32.export("CreatePipe", 4)
def create_pipe(process: WindowsProcess, read: int, write: int, security: int, size: int) -> int:
    """Make a pipe whose handles are not inherited."""
    for place, end in zip((read, write), new_pipe(), strict=True):
        process.machine.write_user(place, process.add_handle(end).to_bytes(8, "little"))
    return 1


@KERNEL32.export("DuplicateHandle", 7)
def duplicate_handle(
    process: WindowsProcess,
    source_process: int,
    handle: int,
    target_process: int,
    copy: int,
    access: int,
    inherit: int,
    options: int,
) -> int:
    """Make a second handle with the same access in this process."""
    target = process.handles.get(handle)
    if options & DWORD != _SAME_ACCESS:
        return process.fail(_INVALID_PARAMETER)
    if target is None:
        return process.fail(ERROR_INVALID_HANDLE)
    if isinstance(target, PipeEnd):
        target.open()
    elif isinstance(target, HostFile):
        target = HostFile(os.dup(target.descriptor))
    process.machine.write_user(copy, process.add_handle(target).to_bytes(8, "little"))
    return 1


@KERNEL32.export("CreateProcessW", 10)
def create_process(
    process: WindowsProcess,
    name: int,
    command_line: int,
    security: int,
    thread_security: int,
    inherit: int,
    flags: int,
    environment: int,
    folder: int,
    startup: int,
    information: int,
) -> int:
    """Start an executable of the same kind: it runs when somebody waits for it."""
    words = split_command_line(wide_string(process, command_line)) if command_line else []
    image = _image(process, wide_string(process, name) if name else (words or [""])[0])
    if image is None:
        return process.fail(_FILE_NOT_FOUND)
    pairs = _read_environment(process, environment)
    place = host_path(process, wide_string(process, folder)) if folder else process.folder
    seconds = process.invocation.timeout_seconds

    def run(given: bytes | None) -> RunResult:
        source = bytes(process.stdin) if given is None else given
        child = Invocation(tuple(words[1:]), source, pairs, place, seconds)
        return process.run_child(image, child)

    made = Child(run, _standard_ends(process, startup), process.keep_output)
    handles = [process.add_handle(made) for _ in range(2)]
    data = b"".join(handle.to_bytes(8, "little") for handle in handles)
    process.machine.write_user(information, data + (0x2000).to_bytes(8, "little"))
    return 1


def _image(process: WindowsProcess, text: str) -> bytes | None:
    """Return the file of an executable, which may be this program's own."""
    path = host_path(process, text)
    for found in (path, path.with_name(path.name + ".exe")):
        if found.is_file():
            return found.read_bytes()
    return process.own_image if text == PROGRAM_PATH else None


def _standard_ends(process: WindowsProcess, startup: int) -> tuple[PipeEnd | None, ...]:
    """Return which standard handles of a child are pipes."""
    flags = int.from_bytes(process.machine.read(startup + _STARTUP_FLAGS, 4), "little")
    if not flags & _USE_STANDARD_HANDLES:
        return (None,) * STREAM_COUNT
    rows = range(startup + _STARTUP_HANDLES, startup + _STARTUP_HANDLES + 8 * STREAM_COUNT, 8)
    found = [process.handles.get(process.machine.word(row)) for row in rows]
    return tuple(row if isinstance(row, PipeEnd) else None for row in found)


@KERNEL32.export("GetExitCodeProcess", 2)
def get_exit_code_process(process: WindowsProcess, handle: int, code: int) -> int:
    """Store how a child ended."""
    child = process.handles.get(handle)
    if not isinstance(child, Child):
        return process.fail(ERROR_INVALID_HANDLE)
    status = _STILL_ACTIVE if child.status is None else child.status
    process.machine.write_user(code, status.to_bytes(4, "little"))
    return 1


@KERNEL32.export("GetModuleHandleW", 1, ResultWidth.WORD64)
def get_module_handle(process: WindowsProcess, name: int) -> int:
    """Return the image's base, or the handle of a known library."""
    if not name:
        return process.image_base
    text = wide_string(process, name).lower()
    found = _LIBRARY_HANDLES.get(text if text.endswith(".dll") else text + ".dll")
    return process.fail(_MODULE_NOT_FOUND) if found is None else found


KERNEL32.export("LoadLibraryW", 1, ResultWidth.WORD64)(get_module_handle)


@KERNEL32.export("GetProcAddress", 2, ResultWidth.WORD64)
def get_procedure_address(process: WindowsProcess, module: int, name: int) -> int:
    """Return the address of a function that this runner implements."""
    text = process.machine.c_string(name).decode("latin-1")
    for library, handle in _LIBRARY_HANDLES.items():
        if handle == module and text in LIBRARIES[library]:
            return process.traps.address_of(LIBRARIES[library][text])
    return process.fail(_PROCEDURE_NOT_FOUND)


def split_command_line(text: str) -> list[str]:
    """Split by the documented rules: quotes group, backslashes escape only before a quote."""
    words: list[str] = []
    position = 0
    while position < len(text):
        if text[position] in " \t":
            position += 1
            continue
        word, position = _split_word(text, position)
        words.append(word)
    return words


def _split_word(text: str, position: int) -> tuple[str, int]:
    word: list[str] = []
    quoted = False
    while position < len(text) and (quoted or text[position] not in " \t"):
        backslashes = 0
        while position < len(text) and text[position] == "\\":
            backslashes += 1
            position += 1
        if position < len(text) and text[position] == '"':
            word.append("\\" * (backslashes // 2))
            if backslashes % 2:
                word.append('"')
            else:
                quoted = not quoted
            position += 1
            continue
        word.append("\\" * backslashes)
        if position < len(text) and (quoted or text[position] not in " \t"):
            word.append(text[position])
            position += 1
    return "".join(word), position


def _read_environment(process: WindowsProcess, block: int) -> dict[str, str]:
    if not block:
        return dict(process.invocation.environment)
    pairs: dict[str, str] = {}
    while text := wide_string(process, block):
        name, _, value = text.partition("=")
        pairs[name] = value
        block += 2 * len(text.encode("utf-16-le")) // 2 + 2
    return pairs
