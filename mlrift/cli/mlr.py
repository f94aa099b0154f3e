"""`mlr`, the runner: starts the slice of a fat file that is for this machine.

Arguments in, exit status out. Only the standard library is imported, and of that as little as the
run needs, because this time is added to that of every program. Whatever goes wrong before the
program starts is one message on stderr and exit status 1.
"""

import os
import sys

from mlrift import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlrift.container.fatfile import FatFile
    from mlrift.runtime.host import Host

BANNER = f"mlr {VERSION} - runs MLRift fat files (.mlrbo)"
USAGE = """\
usage: mlr PROGRAM [ARGUMENT...]                run a .mlrbo file, or any executable
       mlr --list FILE                          show what a .mlrbo file holds, and verify it
       mlr --explain FILE                       say which slice would run here, and why
       mlr --extract TARGET [-o OUTPUT] FILE    write one slice to a file of its own
       mlr --device=emulated[:GFX] PROGRAM [ARGUMENT...]
                                                run a program for an AMD card on an emulated one
       mlr doctor [--selftest] [--device=emulated[:GFX]]
                                                say what is missing for AMD cards; test one
       mlr --version | --help

GFX is gfx1030, gfx1100, gfx1101 or gfx1201; without it, gfx1100.
TARGET is a name as in `mlrc --targets` (linux-x64, linux-arm64, win-x64, win-arm64, mac-x64,
mac-arm64, android-x64, android-arm64), or the name of another entry that --list shows.
"""

# What Python itself puts into LC_CTYPE at start-up where the locale is plain C (PEP 538).
_COERCED_LOCALES = ("C.UTF-8", "C.utf8", "UTF-8")
_INITIAL_ENVIRONMENT = "/proc/self/environ"


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run `mlr` with these arguments (default: the command line's); returns the exit status."""
    from mlrift.cli.program_file import CommandError  # noqa: PLC0415

    try:
        status = _dispatch(list(sys.argv[1:] if arguments is None else arguments))
        if sys.stdout is not None:  # it is where the shell closed the descriptor
            sys.stdout.flush()
    except KeyboardInterrupt:
        from mlrift.runtime.child import repeat_end  # noqa: PLC0415

        return repeat_end(-2)
    except BrokenPipeError:  # whoever read our listing has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (CommandError, OSError) as error:
        print(f"mlr: {error}", file=sys.stderr)
        return 1
    return status


def _dispatch(arguments: list[str]) -> int:
    option = arguments[0] if arguments else "--help"
    if option == "doctor" and not os.path.exists(option):
        from mlrift.cli import doctor_command  # noqa: PLC0415

        return doctor_command.run(arguments[1:])
    if not option.startswith("-"):
        return _run(arguments)
    match option:
        case "--" if len(arguments) > 1:
            return _run(arguments[1:])
        case "--version":
            print(BANNER)
        case "--help" | "-h":
            print(f"{BANNER}\n\n{USAGE}", end="")
        case "--list" | "--explain" | "--extract":
            from mlrift.cli import mlr_views  # noqa: PLC0415

            return mlr_views.show(option, arguments[1:])
        case _ if option.startswith("--device="):
            from mlrift.cli import mlr_device  # noqa: PLC0415

            return mlr_device.run_on_device(option, arguments[1:])
        case _:
            from mlrift.cli.program_file import CommandError  # noqa: PLC0415

            raise CommandError(f"unknown option '{option}'; try 'mlr --help'")
    return 0


def _run(arguments: list[str]) -> int:
    from mlrift.cli.program_file import parse_fat, read_program  # noqa: PLC0415
    from mlrift.container.reading import is_fat  # noqa: PLC0415
    from mlrift.runtime import launcher  # noqa: PLC0415
    from mlrift.runtime.program import Program  # noqa: PLC0415

    path = arguments[0]
    data = read_program(path)
    environment = original_environment()
    if not is_fat(data):
        suffix = os.path.splitext(path)[1]
        return launcher.execute_file(path, Program(data, arguments, environment, suffix))
    from mlrift.runtime.host import this_host  # noqa: PLC0415

    host = this_host()
    image = _native_image(path, parse_fat(path, data), host)
    suffix = host.target.system.executable_suffix if host.target is not None else ""
    return launcher.launch(Program(image, arguments, environment, suffix))


def _native_image(path: str, fat: "FatFile", host: "Host") -> bytes:
    from mlrift.cli.program_file import CommandError, damaged, slice_name  # noqa: PLC0415
    from mlrift.container.errors import FatError  # noqa: PLC0415
    from mlrift.container.fatfile import ExtraKind  # noqa: PLC0415

    if host.target is None or fat.find(host.target.slice_id) is None:
        present = ", ".join(slice_name(entry.slice_id) for entry in fat.entries) or "nothing"
        raise CommandError(
            "no native binary found for this architecture\n"
            f"  this machine is {host.system_name} on {host.machine_name}, '{path}' has {present}\n"
            "  compile it again with `mlrc --targets=LIST`, or without it for all eight targets"
        )
    try:
        if all(row.kind is not ExtraKind.DEVICE_CODE for row in fat.extras):
            return fat.slice(host.target.slice_id)
        from mlrift.container import device_code  # noqa: PLC0415

        return device_code.program(fat, host.target.slice_id)
    except FatError as error:
        raise damaged(path, error) from error


def original_environment() -> dict[str, str]:
    """Return the environment as `mlr` got it, without what Python's start-up changed."""
    environment = dict(os.environ)
    if environment.get("LC_CTYPE") not in _COERCED_LOCALES:
        return environment
    if not os.path.exists(_INITIAL_ENVIRONMENT):
        return environment
    with open(_INITIAL_ENVIRONMENT, "rb") as file:
        variables = file.read().split(b"\0")
    given = [row for row in variables if row.startswith(b"LC_CTYPE=")]
    del environment["LC_CTYPE"]
    if given:
        environment["LC_CTYPE"] = os.fsdecode(given[0].partition(b"=")[2])
    return environment


if __name__ == "__main__":
    sys.exit(main())
