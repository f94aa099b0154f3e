"""The emulated system functions do what programs expect; Wine is the oracle for kernel32's."""

from pathlib import Path

import pytest

from mlrift.link.image import ImportedSymbol, LinkOptions, link
from mlrift.targets import MACOS_ARM64, MACOS_X86_64, WINDOWS_ARM64, WINDOWS_X86_64, X86_64, Target
from tests.link.programs import compile_object
from tests.support.engines import Engine, ImageRefused, RuleBroken, engine_named, engines_for
from tests.support.kernel32_process import split_command_line
from tests.support.kernel32_text import quote_argument
from tests.unit.support.images import KERNEL32, LIBSYSTEM

WINDOWS_ENGINES = (*engines_for(WINDOWS_X86_64), *engines_for(WINDOWS_ARM64))
MAC_ENGINES = (*engines_for(MACOS_X86_64), *engines_for(MACOS_ARM64))

WINDOWS_PROGRAM = """
@name = internal constant [9 x i16] [i16 100, i16 97, i16 116, i16 97, i16 46, i16 98, i16 105,
  i16 110, i16 0]
@other = internal constant [3 x i16] [i16 110, i16 111, i16 0]
@hello = internal constant [5 x i8] c"hello"
@total = internal global i64 0
@line = internal global [10000 x i8] zeroinitializer

define internal CC i32 @worker(ptr %number) ATTRS {
  %frame = alloca [60000 x i8]
  store volatile i8 1, ptr %frame
  %value = ptrtoint ptr %number to i64
  %old = atomicrmw add ptr @total, i64 %value seq_cst
  %result = trunc i64 %value to i32
  ret i32 %result
}

define internal i32 @start_two() ATTRS {
  %code = alloca i32
  %a = call CC ptr @CreateThread(ptr null, i64 0, ptr @worker, ptr inttoptr (i64 3 to ptr), i32 0,
    ptr null)
  %b = call CC ptr @CreateThread(ptr null, i64 131072, ptr @worker, ptr inttoptr (i64 4 to ptr),
    i32 65536, ptr null)
  %first = call CC i32 @WaitForSingleObject(ptr %a, i32 -1)
  %second = call CC i32 @WaitForSingleObject(ptr %b, i32 5000)
  %ok = call CC i32 @GetExitCodeThread(ptr %b, ptr %code)
  %result = load i32, ptr %code
  %sum = add i32 %first, %second
  %all = add i32 %sum, %result
  ret i32 %all
}

define hidden CC void @os_start(ptr %peb) ATTRS {
  %count = alloca i32
  %position = alloca i64
  %size = alloca i64
  %buffer = alloca [64 x i8]
  %out = call CC ptr @GetStdHandle(i32 -11)
  %file = call CC ptr @CreateFileW(ptr @name, i32 -1073741824, i32 0, ptr null, i32 2, i32 128,
    ptr null)
  call CC i32 @WriteFile(ptr %file, ptr @hello, i32 5, ptr %count, ptr null)
  call CC i32 @SetFilePointerEx(ptr %file, i64 1, ptr %position, i32 0)
  call CC i32 @ReadFile(ptr %file, ptr %buffer, i32 64, ptr %count, ptr null)
  call CC i32 @GetFileSizeEx(ptr %file, ptr %size)
  call CC i32 @CloseHandle(ptr %file)
  %read = load i32, ptr %count
  call CC i32 @WriteFile(ptr %out, ptr %buffer, i32 %read, ptr %count, ptr null)
  %missing = call CC ptr @CreateFileW(ptr @other, i32 -2147483648, i32 0, ptr null, i32 3, i32 0,
    ptr null)
  %error = call CC i32 @GetLastError()
  %codes = call i32 @start_two()
  %memory = call CC ptr @VirtualAlloc(ptr null, i64 100000, i32 12288, i32 4)
  %last = getelementptr i8, ptr %memory, i64 99999
  store volatile i8 9, ptr %last
  %nine = load volatile i8, ptr %last
  %freed = call CC i32 @VirtualFree(ptr %memory, i64 0, i32 32768)
  %command = call CC ptr @GetCommandLineW()
  %bytes = call CC i32 @WideCharToMultiByte(i32 65001, i32 0, ptr %command, i32 -1, ptr @line,
    i32 10000, ptr null, ptr null)
  %text = sub i32 %bytes, 1
  call CC i32 @WriteFile(ptr %out, ptr @line, i32 %text, ptr %count, ptr null)
  %total = load volatile i64, ptr @total
  %total32 = trunc i64 %total to i32
  %size64 = load i64, ptr %size
  %size32 = trunc i64 %size64 to i32
  %nine32 = zext i8 %nine to i32
  %s1 = add i32 %error, %codes
  %s2 = add i32 %s1, %total32
  %s3 = add i32 %s2, %size32
  %s4 = add i32 %s3, %nine32
  %s5 = add i32 %s4, %freed
  call CC void @ExitProcess(i32 %s5)
  unreachable
}
declare hidden CC ptr @GetStdHandle(i32)
declare hidden CC ptr @CreateFileW(ptr, i32, i32, ptr, i32, i32, ptr)
declare hidden CC i32 @WriteFile(ptr, ptr, i32, ptr, ptr)
declare hidden CC i32 @ReadFile(ptr, ptr, i32, ptr, ptr)
declare hidden CC i32 @SetFilePointerEx(ptr, i64, ptr, i32)
declare hidden CC i32 @GetFileSizeEx(ptr, ptr)
declare hidden CC i32 @CloseHandle(ptr)
declare hidden CC i32 @GetLastError()
declare hidden CC ptr @CreateThread(ptr, i64, ptr, ptr, i32, ptr)
declare hidden CC i32 @WaitForSingleObject(ptr, i32)
declare hidden CC i32 @GetExitCodeThread(ptr, ptr)
declare hidden CC ptr @VirtualAlloc(ptr, i64, i32, i32)
declare hidden CC i32 @VirtualFree(ptr, i64, i32)
declare hidden CC ptr @GetCommandLineW()
declare hidden CC i32 @WideCharToMultiByte(i32, i32, ptr, i32, ptr, i32, ptr, ptr)
declare hidden CC void @ExitProcess(i32)
"""
WINDOWS_STATUS = 2 + (0 + 0 + 4) + 7 + 5 + 9 + 1

MAC_PROGRAM = """
@name = internal constant [9 x i8] c"data.bin\\00"
@mutex = internal global [8 x i64] [i64 850045863, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0]
@condition = internal global [6 x i64] [i64 1018212795, i64 0, i64 0, i64 0, i64 0, i64 0]
@total = internal global i64 0

define internal ptr @worker(ptr %number) ATTRS {
  %frame = alloca [60000 x i8]
  store volatile i8 1, ptr %frame
  %value = ptrtoint ptr %number to i64
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %old = load i64, ptr @total
  %new = add i64 %old, %value
  store i64 %new, ptr @total
  %signalled = call i32 @pthread_cond_signal(ptr @condition)
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  ret ptr %number
}

define hidden i32 @os_start(i32 %argc, ptr %argv, ptr %envp, ptr %apple) ATTRS {
entry:
  %thread = alloca ptr
  %result = alloca ptr
  %status = alloca [144 x i8]
  %file = call i32 @openat(i32 -2, ptr @name, i32 1538, MODE_ARGUMENTS)
  %started = call i32 @pthread_create(ptr %thread, ptr null, ptr @worker,
    ptr inttoptr (i64 5 to ptr))
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  br label %check
check:
  %total = load i64, ptr @total
  %ready = icmp eq i64 %total, 5
  br i1 %ready, label %done, label %wait
wait:
  %woken = call i32 @pthread_cond_wait(ptr @condition, ptr @mutex)
  br label %check
done:
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  %handle = load ptr, ptr %thread
  %joined = call i32 @pthread_join(ptr %handle, ptr %result)
  %value = load i64, ptr %result
  %first = load ptr, ptr %argv
  %path_slot = getelementptr ptr, ptr %argv, i64 1
  %argument = load ptr, ptr %path_slot
  %written = call i64 @write(i32 %file, ptr %argument, i64 3)
  %described = call i32 @STAT(i32 %file, ptr %status)
  %size_place = getelementptr i8, ptr %status, i64 96
  %size = load i64, ptr %size_place
  %start = call i64 @lseek(i32 %file, i64 0, i32 0)
  %memory = call ptr @mmap(ptr null, i64 20000, i32 3, i32 4098, i32 -1, i64 0)
  %read = call i64 @read(i32 %file, ptr %memory, i64 100)
  %shown = call i64 @write(i32 1, ptr %memory, i64 %read)
  %unmapped = call i32 @munmap(ptr %memory, i64 20000)
  %closed = call i32 @close(i32 %file)
  %again = call i32 @close(i32 %file)
  %errno_place = call ptr @__error()
  %errno = load i32, ptr %errno_place
  %s1 = add i64 %value, %size
  %s2 = trunc i64 %s1 to i32
  %s3 = add i32 %s2, %errno
  %s4 = add i32 %s3, %argc
  %s5 = add i32 %s4, %again
  ret i32 %s5
}
declare hidden i32 @openat(i32, ptr, i32, i64, i64, i64, i64, i64, i64)
declare hidden i32 @pthread_create(ptr, ptr, ptr, ptr)
declare hidden i32 @pthread_join(ptr, ptr)
declare hidden i32 @pthread_mutex_lock(ptr)
declare hidden i32 @pthread_mutex_unlock(ptr)
declare hidden i32 @pthread_cond_wait(ptr, ptr)
declare hidden i32 @pthread_cond_signal(ptr)
declare hidden i64 @write(i32, ptr, i64)
declare hidden i64 @read(i32, ptr, i64)
declare hidden i64 @lseek(i32, i64, i32)
declare hidden i32 @STAT(i32, ptr)
declare hidden ptr @mmap(ptr, i64, i32, i32, i32, i64)
declare hidden i32 @munmap(ptr, i64)
declare hidden i32 @close(i32)
declare hidden ptr @__error()
"""
MAC_STATUS = 5 + 3 + 9 + 2 - 1
# A variadic argument: in the fourth register on x86_64, the first stack slot on arm64.
_MODE_IN_REGISTER = "i64 384, i64 0, i64 0, i64 0, i64 0, i64 0"
_MODE_ON_STACK = "i64 0, i64 0, i64 0, i64 0, i64 0, i64 384"
DEADLOCK = """
@mutex = internal global [8 x i64] [i64 850045863, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0]
declare hidden i32 @pthread_mutex_lock(ptr)
define hidden i32 @os_start() ATTRS {
  %first = call i32 @pthread_mutex_lock(ptr @mutex)
  %second = call i32 @pthread_mutex_lock(ptr @mutex)
  ret i32 0
}
"""


def imported_names(text: str) -> list[str]:
    return [line.split("@")[1].split("(")[0] for line in text.splitlines() if "declare" in line]


def build(target: Target, text: str, library: str, prefix: str) -> bytes:
    is_x86 = target.cpu is X86_64
    text = text.replace("ATTRS", '"probe-stack"="inline-asm" nounwind noredzone')
    text = text.replace("CC", "win64cc" if is_x86 else "")
    text = text.replace("@STAT", '@"fstat$INODE64"' if is_x86 else "@fstat")
    text = text.replace("MODE_ARGUMENTS", _MODE_IN_REGISTER if is_x86 else _MODE_ON_STACK)
    names = [name.strip('"') for name in imported_names(text)]
    imports = {name: ImportedSymbol(library, prefix + name) for name in names}
    return link([compile_object("program", text, target.cpu)], target, LinkOptions(imports=imports))


def need(engine: Engine) -> None:
    missing = engine.missing()
    if missing:
        pytest.skip(missing)


@pytest.mark.parametrize("engine", WINDOWS_ENGINES, ids=lambda engine: engine.name)
def test_kernel32_files_threads_memory_and_command_line(engine: Engine, tmp_path: Path) -> None:
    need(engine)
    image = build(engine.target, WINDOWS_PROGRAM, KERNEL32, "")
    arguments = ("plain", "two words", 'a "quote"', "back\\slash\\", "é☃", "")
    result = engine.run(image, arguments, working_folder=tmp_path)
    assert result.status == WINDOWS_STATUS
    assert (tmp_path / "data.bin").read_bytes() == b"hello"
    assert result.stdout[:4] == b"ello"
    assert split_command_line(result.stdout[4:].decode())[1:] == list(arguments)


@pytest.mark.parametrize("engine", MAC_ENGINES, ids=lambda engine: engine.name)
def test_libsystem_files_threads_and_memory(engine: Engine, tmp_path: Path) -> None:
    image = build(engine.target, MAC_PROGRAM, LIBSYSTEM, "_")
    result = engine.run(image, ("abc",), working_folder=tmp_path)
    assert (result.stdout, result.status) == (b"abc", MAC_STATUS)
    assert (tmp_path / "data.bin").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("engine", MAC_ENGINES, ids=lambda engine: engine.name)
def test_a_deadlock_is_found_at_once(engine: Engine) -> None:
    with pytest.raises(RuleBroken, match="deadlock"):
        engine.run(build(engine.target, DEADLOCK, LIBSYSTEM, "_"))


def test_names_of_old_inodes_exist_on_x86_64_only() -> None:
    text = MAC_PROGRAM.replace("@STAT", '@"fstat$INODE64"')
    with pytest.raises(ImageRefused, match="INODE64"):
        engine_named("mac-arm64:strict").run(build(MACOS_ARM64, text, LIBSYSTEM, "_"))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [""],
        ["a b"],
        ['"'],
        ["\\"],
        ['\\"'],
        ["a\\\\b", "c\\\\"],
        ["a\\\\ b\\\\"],
        ["\t"],
        ["☃"],
    ],
)
def test_quoted_arguments_split_into_themselves(arguments: list[str]) -> None:
    line = " ".join(["program", *map(quote_argument, arguments)])
    assert split_command_line(line) == ["program", *arguments]
