"""Run Windows x86_64 programs in Wine: a private minimal tree and a persistent server per process.

The tree has the loader, one Unix library and three DLLs, and nothing that a "boot" could start; the
prefix has no registry content: together they are made in milliseconds. One of each per process,
because two programs that start in a fresh prefix at once wait minutes for each other. The server
starts first, detached from every test's pipes, and ends with the process.
"""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import program_file, run_command
from tests.support.results import Invocation, RunResult

LOADER = Path("/usr/lib/wine/wine64")
SERVER = Path("/usr/lib/wine/wineserver64")
LIBRARY_FOLDERS = (Path("/usr/lib/x86_64-linux-gnu/wine"), Path("/usr/lib/wine"))
SHARED_FOLDER = Path("/usr/share/wine")
UNIX_LIBRARY = "x86_64-unix/ntdll.so"
SOCKETS_UNIX_LIBRARY = "x86_64-unix/ws2_32.so"
SYSTEM_LIBRARIES = (
    "ntdll.dll",
    "kernel32.dll",
    "kernelbase.dll",
    "msvcrt.dll",
    "ucrtbase.dll",
    "ws2_32.dll",
)
_REGISTRY = "WINE REGISTRY Version 2\n\n#arch=win64\n"
_SERVER_COMMAND_SECONDS = 10.0
_BOOT_COMPLAINT = b'wine: failed to open L"C:\\\\windows\\\\system32\\\\wineboot.exe": c0000135'


@dataclass(frozen=True, slots=True)
class _Installation:
    """This process's Wine: where the loader lies, and what programs must have in `environ`."""

    folder: Path
    loader: Path
    environment: dict[str, str]


def missing_wine() -> str | None:
    """Say what is not installed, or None when Wine is ready."""
    for path in (LOADER, SERVER, SHARED_FOLDER):
        if not path.exists():
            return f"{path} (Debian package wine64)"
    if _library_folder() is None:
        return f"Wine's {UNIX_LIBRARY} (Debian package libwine)"
    return None


def run_in_wine(image: bytes, invocation: Invocation) -> RunResult:
    """Run an image in Wine; a silent status 1 is tried once more.

    That is how Wine itself fails when, on a busy machine, it does not reach its server. A program
    that ends so does it twice.
    """
    result = _run_once(image, invocation)
    is_silent_failure = result.status == 1 and not result.stdout
    return _run_once(image, invocation) if is_silent_failure else result


def _run_once(image: bytes, invocation: Invocation) -> RunResult:
    """Run a Windows executable in Wine; a refused image gives Wine's status 53."""
    wine = _installation()
    with program_file(image, ".exe") as path:
        result = run_command(
            [str(wine.loader), str(path)], invocation, extra_environment=wine.environment
        )
    return RunResult(result.stdout, _without_complaint(result.stderr), result.status)


def _without_complaint(stderr: bytes) -> bytes:
    """Drop the loader's own line about the boot program that the tree leaves out on purpose."""
    if _BOOT_COMPLAINT not in stderr:
        return stderr
    lines = stderr.splitlines(keepends=True)
    return b"".join(line for line in lines if line.rstrip(b"\r\n") != _BOOT_COMPLAINT)


@functools.cache
def _installation() -> _Installation:
    """Make this process's tree and prefix, start the server, arrange for all to go at exit."""
    folder = Path(tempfile.mkdtemp(prefix="wine-test-"))
    loader = _make_tree(folder / "tree")
    prefix = folder / "prefix"
    _make_prefix(prefix)
    environment = {
        "WINEPREFIX": str(prefix),
        "WINEDEBUG": "-all",
        "WINESERVER": str(SERVER),
        "LC_ALL": "C.UTF-8",  # arguments and environment are UTF-8
    }
    installation = _Installation(folder, loader, environment)
    atexit.register(_end_server, installation, os.getpid())
    _server(installation, "-p")
    return installation


def _library_folder() -> Path | None:
    return next((folder for folder in LIBRARY_FOLDERS if (folder / UNIX_LIBRARY).exists()), None)


def _make_tree(tree: Path) -> Path:
    """Lay out a Wine without its boot program; the two files that find the rest are copies."""
    libraries = _library_folder()
    if libraries is None:
        raise FileNotFoundError(f"no {UNIX_LIBRARY} in {LIBRARY_FOLDERS}; install wine64")
    loader = tree / "lib" / "wine" / LOADER.name
    copy_folder = tree / libraries.relative_to("/usr")
    for folder in (loader.parent, copy_folder / "x86_64-unix", copy_folder / "x86_64-windows"):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(LOADER, loader)
    shutil.copy(libraries / UNIX_LIBRARY, copy_folder / UNIX_LIBRARY)
    (copy_folder / SOCKETS_UNIX_LIBRARY).symlink_to(libraries / SOCKETS_UNIX_LIBRARY)
    for name in SYSTEM_LIBRARIES:
        (copy_folder / "x86_64-windows" / name).symlink_to(libraries / "x86_64-windows" / name)
    (tree / "share").mkdir()
    (tree / "share" / "wine").symlink_to(SHARED_FOLDER)
    return loader


def _make_prefix(prefix: Path) -> None:
    libraries = _library_folder() or LIBRARY_FOLDERS[0]
    system32 = prefix / "drive_c" / "windows" / "system32"
    system32.mkdir(parents=True)
    for name in SYSTEM_LIBRARIES:
        (system32 / name).symlink_to(libraries / "x86_64-windows" / name)
    devices = prefix / "dosdevices"
    devices.mkdir()
    (devices / "c:").symlink_to("../drive_c")
    (devices / "z:").symlink_to("/")
    (prefix / ".update-timestamp").write_text("disable")
    for name in ("system.reg", "user.reg"):
        (prefix / name).write_text(_REGISTRY)


def _server(installation: _Installation, option: str) -> None:
    """Run one wineserver command; `-p` returns when the detached server accepts connections."""
    subprocess.run(
        [str(SERVER), option],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=installation.environment,
        cwd="/",
        check=False,
        timeout=_SERVER_COMMAND_SECONDS,
    )


def _end_server(installation: _Installation, owner: int) -> None:
    """Stop the server and remove its folders, unless this is a forked copy of the owner."""
    if os.getpid() != owner:
        return
    _server(installation, "-k")
    pointer = installation.folder / "prefix" / "wineserver"
    if pointer.exists():
        name = pointer.read_text().strip()
        if name.startswith("wine-") and "/" not in name:
            shutil.rmtree(Path("/tmp") / name, ignore_errors=True)
    shutil.rmtree(installation.folder, ignore_errors=True)
