"""C headers: what the declarations of a program become, and that C compilers have no complaint."""

from pathlib import Path

import pytest

from mlrift.interface.c_header import c_header
from mlrift.interface.model import (
    Constant,
    Form,
    Function,
    Interface,
    InterfaceError,
    Parameter,
    from_json,
    to_json,
)
from mlrift.targets import LINUX_X86_64
from tests.library.building import DEMO, STRICT_C, STRICT_CPP, build, build_text, header_of
from tests.objects.toolchains import c_file, command, host_gcc, tool


def compiles(folder: Path, header: str) -> None:
    (folder / "made.h").write_text(header, encoding="utf-8")
    program = c_file(folder, '#include "made.h"\n#include "made.h"\nint main(void) { return 0; }\n')
    command([host_gcc(), *STRICT_C, "-fsyntax-only", program])
    command([tool("g++"), *STRICT_CPP, "-fsyntax-only", program])


def test_comments_above_declarations_are_kept(tmp_path: Path) -> None:
    text = """
// One line.
@export const u64 FIRST = 1

// Two lines,
//   the second indented.
@section(".hot") @export
fn first() -> u64 { return 1 }

// Not about the next one: an empty line stands between.

@export fn second() -> u64 { return 2 }
u64_alias_comment_is_code_before()
/**
 * A block
 * of lines. Even a nested end * / of one.
 */
@export fn third() -> u64 { return 3 }
@export fn fourth() -> u64 { return 4 }     // behind, not above
@export fn fifth() -> u64 { return 5 }
// ------------------------------
// Ruled.
@export struct Ruled { u64 x }
""".replace("u64_alias_comment_is_code_before()\n", "")
    header = header_of(tmp_path, text, LINUX_X86_64)
    compiles(tmp_path, header)
    assert "/* One line. */\n#define FIRST UINT64_C(1)\n" in header
    assert "/*\n * Two lines,\n *   the second indented.\n */\nDEMO_API uint64_t first(" in header
    assert "\n\nDEMO_API uint64_t second(void);" in header and "Not about" not in header
    assert "/*\n * A block\n * of lines. Even a nested end * / of one.\n */\nDEMO_API" in header
    assert "behind" not in header and "/* Ruled. */\nstruct Ruled {" in header


@pytest.mark.parametrize(
    ("text", "doc"),
    [
        ("// About the file.\n\n// About f.\n", "/* About the file. */"),
        ("#lang stable\n\n/*\n * Two\n * lines. */\n\n", "/*\n * Two\n * lines.\n */"),
        ("// About f.\n", ""),
        ("\n\n", ""),
        ('import "std/math.mlr"\n// No.\n\n', ""),
    ],
)
def test_the_comment_of_the_file_is_kept(tmp_path: Path, text: str, doc: str) -> None:
    header = header_of(tmp_path, f"{text}@export fn f() {{ }}\n", LINUX_X86_64)
    compiles(tmp_path, header)
    between = header.partition("written by mlrc. */\n")[2].partition("#ifndef")[0]
    assert between.strip() == doc


def test_structs_are_packed_only_where_c_would_pad(tmp_path: Path) -> None:
    text = """
    @export struct Even { u64 a; u32 b; u32 c }
    @export struct Odd { u8 a; u64 b }
    @export struct Tail { u64 a; u8 b }
    @export struct Nested { Odd first; u64 second }
    @export struct Inside { Even first; u64 second }
    @export struct Empty { }
    @export fn use(Empty nothing, Tail tail) -> u64 { return tail.a }
    """
    header = header_of(tmp_path, text, LINUX_X86_64)
    compiles(tmp_path, header)
    packed = {row.split()[0] for row in header.split("#pragma pack(push, 1)\nstruct ")[1:]}
    assert packed == {"Odd", "Tail", "Nested"}
    assert "typedef char Nested_size[sizeof(Nested) == 17 ? 1 : -1];" in header
    assert "typedef struct Empty Empty;" in header and "struct Empty {" not in header


def test_numbers_are_what_they_are(tmp_path: Path) -> None:
    rows = {
        "A": ("u64", (1 << 64) - 1, "UINT64_C(18446744073709551615)"),
        "B": ("i64", -(1 << 63), "(-INT64_C(9223372036854775807) - 1)"),
        "C": ("i32", -1, "(-INT64_C(1))"),
        "D": ("f64", 0.1, "0.1"),
        "E": ("f64", -2.5e300, "(-2.5e+300)"),
        "F": ("f32", 1.5, "1.5f"),
        "G": ("f64", float("inf"), "INFINITY"),
        "H": ("f64", float("-inf"), "(-INFINITY)"),
        "I": ("f64", float("nan"), "NAN"),
        "J": ("bool", 1, "true"),
        "K": ("char", 65, "UINT64_C(65)"),
    }
    constants = tuple(Constant(name, kind, value) for name, (kind, value, _) in rows.items())
    function = Function("f", (), ())
    header = c_header(Interface((function,), constants=constants), "x")
    compiles(tmp_path, header)
    for name, (_, _, text) in rows.items():
        assert f"#define {name} {text}\n" in header


def test_parameters_that_c_cannot_spell_get_an_underscore(tmp_path: Path) -> None:
    text = """
    @export const u64 count = 3
    @export struct Pair { u64 class; u64 count }
    @export fn f(u64 int, u64 count, Pair Pair, [u8] new) -> u64 { return int + count + Pair.class }
    """
    header = header_of(tmp_path, text, LINUX_X86_64)
    compiles(tmp_path, header)
    assert "uint64_t int_, uint64_t count_, Pair *Pair_, uint8_t *new_" in header
    assert "uint64_t class_;\n    uint64_t count_;" in header


def test_enums_that_fit_no_int_are_macros(tmp_path: Path) -> None:
    text = """
    @export enum Wide { SMALL, LARGE = 0x1000000000 }
    @export enum Narrow { ZERO, ONE }
    @export fn f() { }
    """
    header = header_of(tmp_path, text, LINUX_X86_64)
    compiles(tmp_path, header)
    assert "#define Wide_LARGE UINT64_C(68719476736)" in header
    assert "enum Narrow {\n    Narrow_ZERO = 0,\n    Narrow_ONE = 1\n};" in header


def test_a_static_scalar_is_a_word(tmp_path: Path) -> None:
    text = """
    @export static u8 a = 3
    @export static i16 b = 0 - 3
    @export static f32 c = 1.5
    @export static f64 d = 2.5
    @export static bool e = true
    @export static i8[3] f
    """
    header = header_of(tmp_path, text, LINUX_X86_64)
    compiles(tmp_path, header)
    declared = [row.removeprefix("DEMO_API ") for row in header.splitlines() if "DEMO_API " in row]
    assert declared[2:] == [
        "uint64_t a;",
        "int64_t b;",
        "float c;",
        "double d;",
        "uint64_t e;",
        "int8_t f[3];",
    ]


@pytest.mark.parametrize(
    ("file_name", "guard"),
    [
        ("libmy-stats.so.1", "MY_STATS_H"),
        ("libstats-1.2.so", "STATS_1_2_H"),
        ("stats.so", "STATS_H"),
        ("lib.so", "LIB_H"),
        ("libz.a", "Z_H"),
        ("plain", "PLAIN_H"),
        ("lib3d.so", "LIB_3D_H"),
    ],
)
def test_guards_are_named_for_the_library(tmp_path: Path, file_name: str, guard: str) -> None:
    build_text(tmp_path, "@export fn f() { }", LINUX_X86_64, file_name)
    assert f"#ifndef {guard}\n" in (tmp_path / "libdemo.h").read_text(encoding="utf-8")


def test_the_interface_survives_its_way_through_the_library(tmp_path: Path) -> None:
    from mlrift.bind.library_file import read_interface  # noqa: PLC0415

    library = build(tmp_path, DEMO, LINUX_X86_64, "libdemo.so")
    interface = read_interface(library.read_bytes())
    assert from_json(to_json(interface)) == interface
    assert c_header(interface, "demo") == (tmp_path / "libdemo.h").read_text(encoding="utf-8")
    add = next(row for row in interface.functions if row.name == "add")
    assert add.parameters == (Parameter("a", "i32"), Parameter("b", "i8"))
    total = next(row for row in interface.functions if row.name == "sum")
    assert total.parameters == (Parameter("values", "f64", Form.SLICE),)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"version":9}', b"\xff\xfe", b"[1]"])
def test_damaged_interfaces_are_refused(data: bytes) -> None:
    with pytest.raises(InterfaceError):
        from_json(data)
