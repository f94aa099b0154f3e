"""The options of `mlrc` as rows: one list for the quick reader, for click and for `--help`."""

from enum import Enum, unique

from mlrift.values import value


@unique
class FlagKind(Enum):
    """What follows an option's name."""

    SWITCH = "nothing"
    TEXT = "a word; the last one counts"
    TEXTS = "a word each time"
    CHOICE = "one of some words"
    OPTIONAL_CHOICE = "nothing, or = and one of some words"


@value
class Flag:
    """An option: its names, the key of its setting, and what `--help` says.

    A switch that is given stores `when_given`, as does an optional choice without a word; a flag
    that is not given stores `default`.
    """

    names: tuple[str, ...]
    key: str
    kind: FlagKind
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    default: object = None
    when_given: object = True
    is_hidden: bool = False


def _switch(names: str, key: str, help_text: str) -> Flag:
    return Flag(tuple(names.split()), key, FlagKind.SWITCH, help_text, default=False)


def _text(names: str, key: str, metavar: str, help_text: str) -> Flag:
    return Flag(tuple(names.split()), key, FlagKind.TEXT, help_text, metavar)


def _choice(name: str, key: str, choices: str, default: str, help_text: str) -> Flag:
    words = tuple(choices.split())
    return Flag((name,), key, FlagKind.CHOICE, help_text, choices=words, default=default)


_ACCEPTED = "--ir --legacy --coalesce --no-coalesce"
FLAGS = (
    _text("-o", "output", "OUTPUT", "Where to write the result."),
    _text(
        "--emit",
        "emit",
        "KIND",
        "elfexe, macho, pe, android, obj, lib, staticlib, asm, ir; of kernels co, gpu-asm, gpu-ir.",
    ),
    _switch("-c", "object_only", "The same as --emit=obj."),
    _text("--header", "header", "FILE", "Where to write the C header of a library."),
    _text("--arch", "arch", "CPU", "One target for x86_64 or arm64."),
    _text(
        "--target",
        "target",
        "OS",
        "linux, macos, windows, android; with kernels cpu, amdgpu-native, hip-amd.",
    ),
    _text("--target-arch", "target_arch", "GFX", "Chips for kernels, as gfx1030,gfx1100,gfx1201."),
    _text("--targets", "targets", "LIST", "A fat file with these slices (comma list, all)."),
    _text("-O", "level", "LEVEL", "0: no optimisation; 2: all (the default)."),
    _switch("--O0", "no_optimisation", "The same as -O0."),
    _text("--processor-level", "processor_level", "N", "Code for no processor above level N."),
    _switch("-g", "debug_info", "Write DWARF debug information."),
    Flag(
        ("--debug",),
        "debug",
        FlagKind.OPTIONAL_CHOICE,
        "Check bounds, null, division, overflow and the heap at run time.",
        choices=("checks", "guard-pages"),
        when_given="checks",
    ),
    Flag(
        ("--check-types",),
        "check_types",
        FlagKind.SWITCH,
        "Type-shape rules are errors.",
        default=True,
    ),
    Flag(
        ("--no-check-types",),
        "check_types",
        FlagKind.SWITCH,
        "Type-shape rules are warnings.",
        default=True,
        when_given=False,
    ),
    _choice("--error-format", "error_format", "text json", "text", "How messages are written."),
    _choice("--fat-format", "fat_format", "2 3", "3", "Container version."),
    Flag(
        ("--dump",),
        "dump",
        FlagKind.TEXTS,
        "Print the IR after a pass.",
        "after:PASS",
        default=(),
    ),
    _switch("--explain-ops", "explain_ops", "Say what the loops of models and tensors cost."),
    _text("--bandwidth", "bandwidth", "GB/s", "Bandwidth of memory for --explain-ops (20)."),
    _switch("--explain-kernels", "explain_kernels", "Say what kernels need and cost on a card."),
    _text("--card", "card", "NAME", "The card of --explain-kernels, as rx7900xtx."),
    _switch("--freestanding", "freestanding", "No start-up code: main is the entry point."),
    _switch("--no-auto-teardown", "no_teardown", "The program itself gives an AMD card back."),
    Flag(tuple(_ACCEPTED.split()), "accepted", FlagKind.SWITCH, "", default=False, is_hidden=True),
    _switch("--version", "version", "Print the version."),
)
FLAGS_WITHOUT_NEXT_WORD = (FlagKind.SWITCH, FlagKind.OPTIONAL_CHOICE)
FLAGS_WITH_VALUE = frozenset(
    name for row in FLAGS if row.kind not in FLAGS_WITHOUT_NEXT_WORD for name in row.names
)
