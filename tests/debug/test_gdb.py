"""`-g` in gdb: types, variables, statics, steps, frames, with and without optimisation."""

import contextlib
import shutil
from pathlib import Path

import pytest

from tests.debug.session import ask_gdb, lines_of, need_gdb
from tests.harness.compiler import run_mlrc

HERE = Path(__file__).parent


def build(folder: Path, name: str, *flags: str) -> Path:
    """Compile a program as a user does, in the folder of its source."""
    need_gdb()
    shutil.copytree(HERE / "parts", folder / "parts", dirs_exist_ok=True)
    shutil.copy(HERE / f"{name}.mlr", folder)
    with contextlib.chdir(folder):
        status, _, messages = run_mlrc(
            ["-g", *flags, "--arch=x86_64", f"{name}.mlr", "-o", f"{name}.elf"]
        )
    assert status == 0, messages
    return folder / f"{name}.elf"


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tour without optimisation."""
    return build(tmp_path_factory.mktemp("tour"), "tour", "-O0")


@pytest.fixture(scope="module")
def optimised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program at the default level."""
    return build(tmp_path_factory.mktemp("optimised"), "optimised")


def test_a_breakpoint_on_a_function_stops_at_its_first_statement(tour: Path) -> None:
    outputs = ask_gdb(tour, "break kinds", "run", "backtrace", "info locals", "info args")
    arguments = "small=-3, byte=200, real=2.5, single=0.5, flag=true, letter=120 'x'"
    assert outputs[0].endswith("file tour.mlr, line 8.")
    assert "8\t    u16 wide = 65535" in outputs[1]
    frames = outputs[2].splitlines()
    assert frames[0] == f"#0  kinds ({arguments}) at tour.mlr:8"
    assert frames[1].endswith("in main () at tour.mlr:77")
    assert len(frames) == 2
    assert outputs[3] == "No locals."
    assert outputs[4].replace(" = ", "=").splitlines() == arguments.split(", ")


def test_scalars_have_the_types_of_the_language(tour: Path) -> None:
    names = ("small", "byte", "real", "single", "flag", "letter", "wide", "below")
    outputs = ask_gdb(
        tour,
        "break tour.mlr:12",
        "run",
        *[f"whatis {name}" for name in names],
        "print below",
        "print wide",
        "ptype kinds",
        "finish",
    )
    kinds = ("i8", "u8", "f64", "f32", "bool", "char", "u16", "i32")
    assert outputs[2:10] == [f"type = {kind}" for kind in kinds]
    assert outputs[10:13] == ["$1 = -2", "$2 = 65535", "type = f64 (i8, u8, f64, f32, bool, char)"]
    assert outputs[13].endswith("Value returned is $3 = 2.5")


def test_an_array_is_a_pointer_to_its_elements(tour: Path) -> None:
    outputs = ask_gdb(
        tour,
        "break tour.mlr:11",
        "run",
        "print/d *bytes",
        "print/d (*bytes)[1]",
        "whatis *bytes",
        "up",
        "print *data",
        "print (*data)[3]",
    )
    assert outputs[2:5] == ["$1 = {0, 7, 0, 0}", "$2 = 7", "type = u8 [4]"]
    assert outputs[6:] == ["$3 = {0, 5, 0, 6}", "$4 = 6"]


def test_a_slice_is_a_pointer_and_a_length(tour: Path) -> None:
    outputs = ask_gdb(
        tour, "break sum", "run", "whatis items", "print items[1]", "print *items@4", "info args"
    )
    assert "items.len=4) at tour.mlr:15" in outputs[1]
    assert outputs[2:5] == ["type = u16 *", "$1 = 5", "$2 = {0, 5, 0, 6}"]
    assert outputs[5].splitlines()[1] == "items.len = 4"


def test_a_struct_is_a_pointer_to_packed_members(tour: Path) -> None:
    outputs = ask_gdb(
        tour,
        "break area",
        "run",
        "print *b",
        "print b->width",
        "whatis b",
        "ptype/o struct Box",
        "print *(Box *)b",
        "up",
        "print *pair",
        "print pair->first.scale",
    )
    box = "{tag = 1 '\\001', width = 20, scale = 0.5}"
    assert outputs[2:5] == [f"$1 = {box}", "$2 = 20", "type = Box *"]
    offsets = [row.split("|")[0].split()[1] for row in outputs[5].splitlines() if "|" in row][1:]
    assert offsets[:3] == ["0", "1", "5"], outputs[5]
    assert "total size (bytes):    9" in outputs[5]
    assert outputs[6] == f"$3 = {box}"
    assert outputs[8:] == [f"$4 = {{first = {box}, count = 9}}", "$5 = 0.5"]


def test_statics_are_found_from_everywhere(tour: Path) -> None:
    names = ("counter", "ratio", "ready", "grade", "table", "table[1]", "shared", "&table")
    outputs = ask_gdb(tour, "break parts/shapes.mlr:12", "run", *[f"print {row}" for row in names])
    shown = [output.partition(" = ")[2] for output in outputs[2:]]
    assert shown[:4] == ["-4", "1.5", "true", "66 'B'"]
    assert shown[4:7] == ["{398, 77, 3}", "77", "{tag = 1 '\\001', width = 20, scale = 0.5}"]
    assert shown[7].startswith("(u64 (*)[3]) 0x")


def test_next_walks_a_loop(tour: Path) -> None:
    assert lines_of(tour, "sum", 6) == [15, 16, 17, 16, 17, 16, 17]


def test_next_shows_only_the_arm_that_runs(tour: Path) -> None:
    assert lines_of(tour, "pick", 3) == [22, 23, 28, 31]


def test_next_walks_continue_and_defer(tour: Path) -> None:
    expected = [37, 38, 39, 40, 37, 38, 39, 42, 37, 44, 35, 44]
    assert lines_of(tour, "late", 11) == expected


def test_next_after_a_nested_loop_does_not_go_back(tour: Path) -> None:
    expected = [47, 48, 49, 50, 51, 52, 53, 54, 51, 52, 53, 54, 51, 60]
    assert lines_of(tour, "shadow", 13) == expected


def test_of_two_variables_of_one_name_the_right_one_is_shown(tour: Path) -> None:
    outputs = ask_gdb(
        tour,
        "break tour.mlr:49",
        "run",
        "print x",
        "break tour.mlr:53",
        "continue",
        "info locals",
        "break tour.mlr:58",
        "continue",
        "print x",
        "whatis x",
        "print y",
        "break tour.mlr:60",
        "continue",
        "print x",
        "info locals",
    )
    assert outputs[2] == "$1 = 3"
    assert outputs[5].splitlines() == ["y = 200", "x = 100", "y = 103"]
    assert outputs[7].count("tour.mlr:53") == 1
    outputs = ask_gdb(
        tour,
        "break tour.mlr:58",
        "run",
        "print x",
        "whatis x",
        "print y",
        "break tour.mlr:60",
        "continue",
        "print x",
        "info locals",
    )
    assert outputs[2:5] == ["$1 = -7", "type = i64", "$2 = 0"]
    assert outputs[7:] == ["$3 = 0", "y = 18446744073709551609"]


def test_step_enters_what_a_pointer_calls_and_passes_the_library(tour: Path) -> None:
    commands = ("break tour.mlr:89", "run", "step", "step", "step", "step")
    outputs = ask_gdb(tour, *commands)
    assert "89\t" in outputs[1]
    assert "worker" in outputs[2] and "tour.mlr:62" in outputs[2]
    assert "worker (given=4) at tour.mlr:63" in outputs[3]
    assert "64\t    println(counter)" in outputs[4]
    assert "65\t}" in outputs[5]


def test_the_stack_is_walked_out_of_a_system_call(tour: Path) -> None:
    outputs = ask_gdb(tour, "break worker", "run", "catch syscall write", "continue", "backtrace")
    frames = [row.split(" in ")[-1] for row in outputs[4].splitlines()]
    assert frames[2:] == [
        "worker (given=4) at tour.mlr:64",
        "worker.words () at tour.mlr:62",
        "main () at tour.mlr:89",
    ]


def test_recursion_has_a_frame_each(tour: Path) -> None:
    outputs = ask_gdb(tour, "break fact if n == 3", "run", "backtrace", "print fact(4)")
    frames = [row.partition(" ")[2].split(" in ")[-1].strip() for row in outputs[2].splitlines()]
    assert frames == [
        "fact (n=3) at tour.mlr:67",
        "fact (n=4) at tour.mlr:70",
        "fact (n=5) at tour.mlr:70",
        "main () at tour.mlr:90",
    ]


def test_a_program_is_called_from_gdb(tour: Path) -> None:
    outputs = ask_gdb(
        tour, "break main", "run", "print pick(70)", "print shadow(1)", "call late(2)"
    )
    assert outputs[2:] == ["$1 = 40", "$2 = 18446744073709551611", "$3 = 3"]


def test_nothing_of_the_machine_is_written(tour: Path) -> None:
    data = tour.read_bytes()
    assert str(tour.parent).encode() not in data
    assert str(HERE).encode() not in data
    outputs = ask_gdb(tour, "break area", "run", "info source", "list area,+1")
    assert outputs[0].endswith("file parts/shapes.mlr, line 12.")
    assert "11\tfn area(Box b, u64 factor) -> u64 {" in outputs[3]


def test_optimised_code_has_inlined_frames_and_variables(optimised: Path) -> None:
    outputs = ask_gdb(
        optimised,
        "break optimised.mlr:5 if value == 2",
        "run",
        "backtrace",
        "info args",
        "print product",
        "up",
        "print i",
        "print total",
        "whatis seen",
    )
    assert "5\t    println(product)" in outputs[1]
    frames = [row.split(" in ")[-1] for row in outputs[2].splitlines()]
    assert frames[0].startswith("#0  scaled (value=2, by=")
    assert frames[0].endswith("at optimised.mlr:5")
    assert frames[1].startswith("#1  walk (count=5")
    assert frames[1].endswith("at optimised.mlr:12")
    assert frames[2] == "main () at optimised.mlr:21"
    assert outputs[3].startswith("value = 2\nby = ")
    assert outputs[4] == "$1 = 6"
    assert outputs[6:] == ["$2 = 2", "$3 = 5.5", "type = u64"]


def test_main_of_optimised_code_is_a_frame(optimised: Path) -> None:
    outputs = ask_gdb(optimised, "break main", "run", "backtrace", "print last")
    assert outputs[2].splitlines()[-1].split(" in ")[-1].startswith("#0  main ()")
    assert outputs[3] == "$1 = <optimized out>"


def test_checked_code_is_stepped_alike(tmp_path: Path) -> None:
    program = build(tmp_path, "tour", "-O0", "--debug")
    assert lines_of(program, "sum", 6) == [15, 16, 17, 16, 17, 16, 17]
    assert lines_of(program, "shadow", 3) == [47, 48, 49, 50]
