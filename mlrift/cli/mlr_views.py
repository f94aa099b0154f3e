"""`mlr`'s looks into a fat file without running it: --list, --explain and --extract."""

import hashlib
import io
import os
import sys

from mlrift.cli.program_file import CommandError, damaged, parse_fat, read_program, slice_name
from mlrift.container import device_code
from mlrift.container.errors import FatError
from mlrift.container.fatfile import ExtraEntry, ExtraKind, FatFile, SliceEntry
from mlrift.container.reading import is_fat
from mlrift.runtime.host import Host, this_host
from mlrift.runtime.launcher import has_memory_files
from mlrift.targets import TARGETS, find_target

_HASH_PREFIX_DIGITS = 16
_FAT_SUFFIX = ".mlrbo"


def show(option: str, arguments: list[str]) -> int:
    """Carry out `option` with what follows it on the command line; returns the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # paths may hold what stdout cannot encode
        sys.stdout.reconfigure(errors="backslashreplace")
    if option == "--extract":
        return _extract(arguments)
    if len(arguments) != 1:
        raise CommandError(f"{option} takes one FILE; try 'mlr --help'")
    path = arguments[0]
    return _list(path, _open(path)) if option == "--list" else _explain(path)


def _open(path: str) -> FatFile:
    data = read_program(path)
    if not is_fat(data):
        raise CommandError(f"'{path}' is not a fat file, it is an executable for one system")
    return parse_fat(path, data)


def _list(path: str, fat: FatFile) -> int:
    try:
        fat.verify()
        digests = [hashlib.sha256(fat.slice(row.slice_id)).digest() for row in fat.entries]
    except FatError as error:
        raise damaged(path, error) from error
    counts = f"{len(fat.entries)} slices, {len(fat.extras)} other entries"
    print(f"{path}: version {fat.version}, {len(fat.data)} bytes, {counts}")
    print(f"\n{'slice':<16}{'id':>4}{'bytes':>12}{'blob':>6}  sha256")
    for row, digest in zip(fat.entries, digests, strict=True):
        where = f"{row.slice_id:>4}{row.size_bytes:>12}{row.blob_index:>6}"
        print(f"{slice_name(row.slice_id):<16}{where}  {digest.hex()[:_HASH_PREFIX_DIGITS]}")
    if fat.extras:
        print(f"\n{'entry':<16}{'bytes':>16}{'blob':>6}  {'sha256':<18}kind")
    for extra in fat.extras:
        hash_prefix = extra.digest.hex()[:_HASH_PREFIX_DIGITS]
        kind = extra.kind.name.lower().replace("_", " ")
        where = f"{extra.size_bytes:>16}{extra.blob_index:>6}"
        print(f"{extra.name:<16}{where}  {hash_prefix:<18}{kind}")
    print(f"\n{'blob':<8}{'offset':>12}{'stored':>12}{'bytes':>12}  codec")
    for index, blob in enumerate(fat.blobs):
        sizes = f"{blob.offset:>12}{blob.packed_bytes:>12}{blob.size_bytes:>12}"
        print(f"{index:<8}{sizes}  {blob.codec.name.lower()}")
    return 0


def _explain(path: str) -> int:
    data = read_program(path)
    host = this_host()
    print(f"machine: {host.system_name} on {host.machine_name} (according to {host.evidence})")
    if not is_fat(data):
        print(f"file:    {path}: an executable for one system, not a fat file")
        print("run:     the file itself, with its arguments")
        return 0
    fat = parse_fat(path, data)
    present = ", ".join(slice_name(row.slice_id) for row in fat.entries)
    print(f"file:    {path}: version {fat.version}, with {present}")
    return _explain_choice(path, fat, host)


def _explain_choice(path: str, fat: FatFile, host: Host) -> int:
    if host.target is None:
        print("slice:   none: no target is for this machine")
        return 1
    entry = fat.find(host.target.slice_id)
    wanted = f"{host.target.name} (id {host.target.slice_id})"
    if entry is None:
        print(f"slice:   none: this machine needs {wanted}, which the file lacks")
        return 1
    try:
        image = fat.slice(entry.slice_id)
    except FatError as error:
        raise damaged(path, error) from error
    blob = fat.blobs[entry.blob_index]
    stored = f"{blob.codec.name.lower()}, blob {entry.blob_index} of {blob.packed_bytes} bytes"
    print(f"slice:   {wanted}: the only one for this system and CPU")
    print(f"image:   {len(image)} bytes, from {stored}; sha256 {hashlib.sha256(image).hexdigest()}")
    if device_code.has_device_code(fat, entry.slice_id):
        chips = ", ".join(row.name for row in fat.extras if row.kind is ExtraKind.DEVICE_CODE)
        print(f"cards:   code for {chips}, which the program gets behind its image")
    if has_memory_files():
        print("run:     from a sealed memory file, in place of mlr")
    else:
        print("run:     from a private temporary file, removed afterwards")
    return 0


def _extract(arguments: list[str]) -> int:
    plain, output = _split_output(arguments)
    if len(plain) != 2:
        raise CommandError("--extract takes TARGET [-o OUTPUT] FILE; try 'mlr --help'")
    name, path = plain
    fat = _open(path)
    entry = _find_entry(path, fat, name)
    try:
        if isinstance(entry, SliceEntry):
            content = device_code.program(fat, entry.slice_id)
        else:
            content = fat.extra(entry)
    except FatError as error:
        raise damaged(path, error) from error
    destination = output or _default_output(path, name)
    if os.path.exists(destination) and os.path.samefile(destination, path):
        raise CommandError(f"the output '{destination}' is the input itself; nothing was written")
    _write(destination, content, 0o755 if isinstance(entry, SliceEntry) else 0o644)
    print(f"{name}: {len(content)} bytes -> {destination}")
    return 0


def _split_output(arguments: list[str]) -> tuple[list[str], str]:
    plain: list[str] = []
    output = ""
    rest = iter(arguments)
    for argument in rest:
        if argument == "-o":
            output = next(rest, "")
            if not output:
                raise CommandError("-o needs the name of the output")
        elif argument.startswith("-o"):
            output = argument[2:]
        elif argument.startswith("-") and argument != "-":
            raise CommandError(f"unknown option '{argument}'; try 'mlr --help'")
        else:
            plain.append(argument)
    return plain, output


def _find_entry(path: str, fat: FatFile, name: str) -> SliceEntry | ExtraEntry:
    target = find_target(name)
    entry = fat.find(target.slice_id) if target is not None else None
    if entry is not None:
        return entry
    for extra in fat.extras:
        if extra.name == name:
            return extra
    present = [slice_name(row.slice_id) for row in fat.entries] + [row.name for row in fat.extras]
    if target is None:
        known = ", ".join(row.name for row in TARGETS)
        raise CommandError(
            f"unknown target '{name}' (targets: {known}; in '{path}': {', '.join(present)})"
        )
    raise CommandError(f"'{path}' has no slice for {name}; it has {', '.join(present)}")


def _default_output(path: str, name: str) -> str:
    target = find_target(name)
    suffix = target.system.executable_suffix if target is not None else ""
    return f"{path.removesuffix(_FAT_SUFFIX)}-{name.replace(os.sep, '-')}{suffix}"


def _write(destination: str, content: bytes, mode: int) -> None:
    temporary = f"{destination}.{os.urandom(6).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(content)
        os.chmod(temporary, mode)
        os.replace(temporary, destination)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        reason = error.strerror or str(error)
        raise CommandError(f"cannot write '{destination}': {reason}") from error
