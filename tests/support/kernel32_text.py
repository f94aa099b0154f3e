"""kernel32: command line, environment, and conversions between UTF-16 and UTF-8."""

# ruff: noqa: PLR0917 - the system's own signatures

from tests.support.kernel32_files import DWORD, wide_string
from tests.support.traps import ResultWidth
from tests.support.windows_process import KERNEL32, WindowsProcess

PROGRAM_PATH = "C:\\test\\program.exe"
_UTF8 = 65001
_CODE_PAGES = {_UTF8: "utf-8", 0: "cp1252", 1252: "cp1252", 20127: "ascii"}
_ERROR_INSUFFICIENT_BUFFER, _INVALID_PARAMETER, _NO_TRANSLATION = 122, 87, 1113
_ENVIRONMENT_NOT_FOUND = 203
_INVALID_CHARACTERS_FAIL = 8
_INT_MINUS_ONE = DWORD


def quote_argument(argument: str) -> str:
    """Quote one argument so that the documented splitting rules give it back."""
    if argument and not any(character in ' \t\n\v"' for character in argument):
        return argument
    quoted, backslashes = ['"'], 0
    for character in argument:
        if character == "\\":
            backslashes += 1
            continue
        quoted.append("\\" * (2 * backslashes + 1 if character == '"' else backslashes))
        quoted.append(character)
        backslashes = 0
    quoted.append("\\" * (2 * backslashes) + '"')
    return "".join(quoted)


@KERNEL32.export("GetCommandLineW", 0, ResultWidth.WORD64)
def get_command_line(process: WindowsProcess) -> int:
    """Return the program's path and its arguments, quoted, as UTF-16."""
    words = [quote_argument(PROGRAM_PATH), *map(quote_argument, process.invocation.arguments)]
    return process.allocate_data(_wide(" ".join(words)) + b"\0\0")


@KERNEL32.export("GetEnvironmentStringsW", 0, ResultWidth.WORD64)
def get_environment_strings(process: WindowsProcess) -> int:
    """Return the sorted block NAME=value, each ended by a zero, the block by another."""
    pairs = sorted(process.invocation.environment.items(), key=lambda pair: pair[0].upper())
    block = b"".join(_wide(f"{name}={value}") + b"\0\0" for name, value in pairs)
    return process.allocate_data((block or b"\0\0") + b"\0\0")


@KERNEL32.export("FreeEnvironmentStringsW", 1)
def free_environment_strings(process: WindowsProcess, block: int) -> int:
    """Unmap the block, so that later use of it faults."""
    allocation = process.allocations.pop(block, None)
    if allocation is None:
        return process.fail(_INVALID_PARAMETER)
    process.machine.unmap(allocation.base, allocation.size_bytes)
    return 1


@KERNEL32.export("GetEnvironmentVariableW", 3)
def get_environment_variable(process: WindowsProcess, name: int, buffer: int, size: int) -> int:
    """Copy one variable; names compare without case."""
    wanted = wide_string(process, name).upper()
    for key, value in process.invocation.environment.items():
        if key.upper() == wanted:
            return copy_wide(process, value, buffer, size & DWORD)
    return process.fail(_ENVIRONMENT_NOT_FOUND)


@KERNEL32.export("GetModuleFileNameW", 3)
def get_module_file_name(process: WindowsProcess, module: int, buffer: int, size: int) -> int:
    """Copy the program's path, cut to the buffer as Windows does."""
    size &= DWORD
    data = _wide(PROGRAM_PATH)
    if len(PROGRAM_PATH) < size:
        process.machine.write_user(buffer, data + b"\0\0")
        return len(PROGRAM_PATH)
    if size:
        process.machine.write_user(buffer, data[: 2 * size - 2] + b"\0\0")
    return process.fail(_ERROR_INSUFFICIENT_BUFFER, size)


@KERNEL32.export("GetCurrentDirectoryW", 2)
def get_current_directory(process: WindowsProcess, size: int, buffer: int) -> int:
    """Copy the working folder as a path on drive Z."""
    text = "Z:" + str(process.folder.resolve()).replace("/", "\\")
    return copy_wide(process, text, buffer, size & DWORD)


@KERNEL32.export("WideCharToMultiByte", 8)
def wide_char_to_multi_byte(
    process: WindowsProcess,
    code_page: int,
    flags: int,
    source: int,
    source_units: int,
    target: int,
    target_bytes: int,
    default: int,
    used_default: int,
) -> int:
    """Convert UTF-16 text; a target size of 0 asks for the size needed."""
    encoding = _CODE_PAGES.get(code_page & DWORD)
    source_units &= DWORD
    if encoding is None or not source or not source_units:
        return process.fail(_INVALID_PARAMETER)
    if encoding == "utf-8" and (default or used_default):
        return process.fail(_INVALID_PARAMETER)
    if source_units == _INT_MINUS_ONE:
        text = wide_string(process, source) + "\0"
    else:
        text = process.machine.read(source, 2 * source_units).decode("utf-16-le", "surrogatepass")
    cleaned = "".join("\ufffd" if 0xD800 <= ord(unit) < 0xE000 else unit for unit in text)
    if cleaned != text and flags & 0x80:
        return process.fail(_NO_TRANSLATION)
    return _store_converted(process, cleaned.encode(encoding, "replace"), target, target_bytes, 1)


@KERNEL32.export("MultiByteToWideChar", 6)
def multi_byte_to_wide_char(
    process: WindowsProcess,
    code_page: int,
    flags: int,
    source: int,
    source_bytes: int,
    target: int,
    target_units: int,
) -> int:
    """Convert bytes to UTF-16 units; a target size of 0 asks for the size needed."""
    encoding = _CODE_PAGES.get(code_page & DWORD)
    source_bytes &= DWORD
    if encoding is None or not source or not source_bytes:
        return process.fail(_INVALID_PARAMETER)
    if source_bytes == _INT_MINUS_ONE:
        data = process.machine.c_string(source) + b"\0"
    else:
        data = process.machine.read(source, source_bytes)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if flags & _INVALID_CHARACTERS_FAIL:
            return process.fail(_NO_TRANSLATION)
        text = data.decode(encoding, "replace")
    return _store_converted(process, _wide(text), target, target_units, 2)


@KERNEL32.export("SetConsoleOutputCP", 1)
def set_console_output_code_page(process: WindowsProcess, code_page: int) -> int:
    """Fail as without a console; programs must not care."""
    return process.fail(6)


@KERNEL32.export("SetConsoleCP", 1)
def set_console_code_page(process: WindowsProcess, code_page: int) -> int:
    """Fail as without a console; programs must not care."""
    return process.fail(6)


def copy_wide(process: WindowsProcess, text: str, buffer: int, size_units: int) -> int:
    """Copy `text`; return its length, or the size needed when the buffer is too small."""
    data = _wide(text)
    if len(data) // 2 >= size_units:
        return len(data) // 2 + 1
    process.machine.write_user(buffer, data + b"\0\0")
    return len(data) // 2


def _store_converted(
    process: WindowsProcess, data: bytes, target: int, target_units: int, unit_bytes: int
) -> int:
    target_units &= DWORD
    needed = len(data) // unit_bytes
    if target_units == 0:
        return needed
    if needed > target_units:
        return process.fail(_ERROR_INSUFFICIENT_BUFFER)
    process.machine.write_user(target, data)
    return needed


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
