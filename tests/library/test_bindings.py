"""`python -m mlrift.bind`: modules made from libraries alone, and what they accept and refuse."""

import ctypes
import importlib.util
import random
import shutil
import subprocess
import sys
from array import array
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mlrift.bind.command import run as bind
from mlrift.targets import (
    ANDROID_ARM64,
    LINUX_ARM64,
    LINUX_X86_64,
    MACOS_ARM64,
    MACOS_X86_64,
    WINDOWS_ARM64,
    WINDOWS_X86_64,
)
from tests.library.building import DEMO, build, build_text
from tests.objects.toolchains import host_gcc

FORMATS = (LINUX_X86_64, WINDOWS_X86_64, MACOS_ARM64)
FOREIGN = (LINUX_ARM64, ANDROID_ARM64, MACOS_X86_64, MACOS_ARM64, WINDOWS_X86_64, WINDOWS_ARM64)


def load(module: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bound_{module.parent.name}", module)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Any:
    host_gcc()
    folder = tmp_path_factory.mktemp("demo")
    library = build(folder, DEMO, LINUX_X86_64, "libdemo.so")
    assert bind([str(library), "-o", str(folder / "demo.py")]) == 0
    return load(folder / "demo.py")


def test_functions_take_and_give_what_they_declare(demo: Any) -> None:
    assert demo.add(-7, -3) == -10
    assert demo.add(2**31 - 1, 1) == -(2**31)
    assert demo.divide(17, 5) == (3, 2)
    assert (demo.is_odd(3), demo.is_odd(4)) == (True, False)
    assert demo.nine(1, 2, 3, 1.5, 2.25, 4, 5, True, b"x", 6, 7, 8) == 3.75


@pytest.mark.parametrize(
    "values",
    [
        [1, 2.5],
        (1.0, 2.5),
        array("d", [1.0, 2.5]),
        np.array([1.0, 2.5]),
        np.array([[1.0], [2.5]]),
        memoryview(array("d", [1.0, 2.5])),
    ],
    ids=["list", "tuple", "array", "numpy", "matrix", "memoryview"],
)
def test_slices_take_buffers_and_numbers(demo: Any, values: object) -> None:
    assert demo.sum(values) == 3.5


def test_an_empty_buffer_is_an_empty_slice(demo: Any) -> None:
    assert demo.sum([]) == demo.sum(np.zeros(0)) == demo.sum(array("d")) == 0.0


def test_structs_are_shared_with_the_library(demo: Any) -> None:
    point = demo.Point(1, 2.5, 3)
    demo.move_point(point, 0.25)
    assert (point.x, point.y, point.tag) == (2, 2.75, 3)
    outer = demo.Outer()
    assert demo.outer(outer).k == outer.k == 3
    assert demo.Point.__doc__ == "A point\n    in the plane.\n    "


def test_statics_constants_and_enums(demo: Any) -> None:
    before = demo.counter.value
    assert demo.tick() == demo.counter.value == before + 1
    demo.counter.value = 500
    assert demo.tick() == 501
    assert demo.ratio.value == 1.5
    demo.fill()
    assert (list(demo.table), demo.pair.a) == ([0, 1000, 2000, 3000], 11)
    assert (demo.LIMIT, demo.LOWEST, demo.HALF) == (100, -5, 0.5)
    assert [row.name for row in demo.Color] == ["RED", "GREEN", "BLUE"]
    assert demo.Color.BLUE == 6


def test_an_address_may_be_a_function_of_python(tmp_path: Path) -> None:
    text = """
    @export fn apply([u64] values, u64 function) -> u64 {
        u64 sum = 0
        for i in 0..values.len { sum = sum + call_ptr(function, values[i], i) }
        return sum
    }
    """
    host_gcc()
    library = build_text(tmp_path, text, LINUX_X86_64, "libdemo.so")
    assert bind([str(library), "-o", str(tmp_path / "calls.py")]) == 0
    made: Any = load(tmp_path / "calls.py")
    kind = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64)
    assert made.apply([5, 6, 7], kind(lambda value, index: value * 10 + index)) == 183
    with pytest.raises(TypeError, match="function: a number or a buffer is wanted"):
        made.apply([1], lambda value, index: value)


def test_a_pointer_is_its_address(demo: Any, capfd: pytest.CaptureFixture[str]) -> None:
    text = ctypes.create_string_buffer(b"held elsewhere")
    demo.hello(ctypes.cast(text, ctypes.c_void_p))
    demo.hello(ctypes.cast(text, ctypes.POINTER(ctypes.c_char)))
    demo.hello(ctypes.addressof(text))
    assert capfd.readouterr().out == "held elsewhere\n" * 3


def test_an_address_may_be_a_buffer(demo: Any, capfd: pytest.CaptureFixture[str]) -> None:
    demo.hello(b"some bytes")
    demo.hello(bytearray(b"and more\0"))
    assert capfd.readouterr().out == "some bytes\nand more\n"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda demo: demo.add(1 << 40, 1), "a: 1099511627776 is not between"),
        (lambda demo: demo.add(1, 128), "b: 128 is not between -128 and 127"),
        (lambda demo: demo.tick(1), "takes 0 positional arguments"),
        (lambda demo: demo.add("1", 2), "a: a whole number is wanted, not str"),
        (lambda demo: demo.add(1.0, 2), "a: a whole number is wanted, not float"),
        (lambda demo: demo.sum(np.zeros(3, "f4")), "8 bytes (double) are wanted, not 4 bytes"),
        (lambda demo: demo.sum(np.zeros(3, "i8")), "8 bytes (double) are wanted, not 8 bytes"),
        (lambda demo: demo.sum(np.zeros((4, 4))[:, 1]), "values: the buffer is not contiguous"),
        (lambda demo: demo.sum(np.zeros(3).tobytes()), "are wanted, not 1 bytes"),
        (lambda demo: demo.sum(5), "values: a buffer is wanted, not int"),
        (lambda demo: demo.is_odd(-1), "a: -1 is not between 0 and"),
        (lambda demo: demo.move_point(demo.Inner(), 1.0), "Inner"),
    ],
)
def test_what_does_not_fit_is_refused(demo: Any, call: Any, message: str) -> None:
    with pytest.raises((TypeError, OverflowError, demo._ctypes.ArgumentError)) as caught:
        call(demo)
    assert message in str(caught.value)


def test_read_only_memory_is_not_given_away(demo: Any) -> None:
    values = np.zeros(3)
    values.flags.writeable = False
    with pytest.raises(TypeError, match="cannot be written to"):
        demo.sum(values)


def test_docstrings_say_what_the_source_says(demo: Any) -> None:
    assert demo.add.__doc__.startswith("Adds two numbers.\n\n    Wraps around.\n")
    assert "`fn sum([f64] values) -> f64`" in demo.sum.__doc__
    assert demo.add.__annotations__ == {"a": int, "b": int, "return": int}
    assert set(demo.__all__) >= {"add", "Point", "Color", "LIMIT", "counter"}


@pytest.mark.parametrize("target", FOREIGN, ids=lambda row: row.name)
def test_every_format_says_the_same(tmp_path: Path, target: Any) -> None:
    own = build(tmp_path, DEMO, LINUX_X86_64, "libdemo.so")
    other = build(tmp_path, DEMO, target, f"x{target.system.library_suffix}")
    for library in (own, other):
        assert bind([str(library), "-o", f"{library}.py"]) == 0
    text = (tmp_path / "libdemo.so.py").read_text(encoding="utf-8")
    expected = text.replace("libdemo.so", other.name)
    assert Path(f"{other}.py").read_text(encoding="utf-8") == expected


def test_names_of_python_get_an_underscore(tmp_path: Path) -> None:
    text = """
    @export enum Kind { None, Other }
    @export fn lambda(u64 from, u64 is) -> u64 { return from + is }
    @export fn len() -> u64 { return 5 }
    @export fn isinstance([u8] list) -> u64 { return list.len }
    """
    host_gcc()
    library = build_text(tmp_path, text, LINUX_X86_64, "libdemo.so")
    assert bind([str(library), "-o", str(tmp_path / "names.py")]) == 0
    made: Any = load(tmp_path / "names.py")
    assert made.lambda_(3, is_=4) == 7
    assert (made.len(), made.isinstance([1, 2, 3]), made.Kind.None_) == (5, 3, 0)


def test_slices_of_structs_take_arrays_of_them(tmp_path: Path) -> None:
    text = """
    @export struct Pixel { u8 red; u16 green }
    @export fn brighten([Pixel] pixels) -> u64 {
        u64 sum = 0
        for i in 0..pixels.len { sum = sum + pixels[i].green }
        return sum
    }
    """
    host_gcc()
    library = build_text(tmp_path, text, LINUX_X86_64, "libdemo.so")
    assert bind([str(library), "-o", str(tmp_path / "pixels.py")]) == 0
    made: Any = load(tmp_path / "pixels.py")
    assert made.brighten((made.Pixel * 2)(made.Pixel(1, 300), made.Pixel(2, 400))) == 700
    rows = np.array([(1, 5), (2, 6)], dtype=[("red", "u1"), ("green", "<u2")])
    assert made.brighten(rows) == 11
    assert made.brighten(rows.tobytes()) == 11


def test_it_is_a_command_and_needs_no_source(tmp_path: Path) -> None:
    host_gcc()
    library = build(tmp_path, DEMO, LINUX_X86_64, "libdemo.so")
    other = tmp_path / "elsewhere"
    other.mkdir()
    shutil.move(library, other / "libdemo.so")
    words = [sys.executable, "-m", "mlrift.bind", "libdemo.so"]
    done = subprocess.run(words, cwd=other, capture_output=True, text=True, check=True)
    assert done.stdout == "11 functions -> demo.py\n"
    words = [sys.executable, "-c", "import demo; print(demo.add(2, 3))"]
    done = subprocess.run(words, cwd=other, capture_output=True, text=True, check=True)
    assert done.stdout == "5\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "neither ELF nor PE"),
        (b"\x7fELF", "damaged"),
        (b"MZ" + bytes(100), "no PE file"),
        (b"#!/bin/sh\n", "neither ELF nor PE"),
        (b"\xcf\xfa\xed\xfe" + bytes(40), "does not say what it offers"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, data: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    library, output = tmp_path / "libx.so", tmp_path / "x.py"
    library.write_bytes(data)
    output.write_text("old")
    assert bind([str(library), "-o", str(output)]) == 1
    error = capsys.readouterr().err
    assert message in error and error.startswith("mlrift.bind: error: ") and error.count("\n") == 1
    assert output.read_text() == "old"


def test_unreadable_and_unwritable_files_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bind([str(tmp_path / "nothing.so")]) == 1
    assert "nothing.so': no such file or directory" in capsys.readouterr().err
    library = build(tmp_path, DEMO, LINUX_X86_64, "libdemo.so")
    assert bind([str(library), "-o", str(tmp_path / "none" / "x.py")]) == 1
    assert "no such file or directory" in capsys.readouterr().err
    before = library.read_bytes()
    assert bind([str(library), "-o", str(library)]) == 1
    assert "is the library itself" in capsys.readouterr().err and library.read_bytes() == before


def test_cut_files_never_give_a_traceback(tmp_path: Path) -> None:
    for target, name in ((LINUX_X86_64, "a.so"), (WINDOWS_X86_64, "a.dll"), (MACOS_ARM64, "a.x")):
        data = build(tmp_path, DEMO, target, name).read_bytes()
        cut = tmp_path / "cut"
        for length in (8, 63, 64, 100, 200, 500, 1000, len(data) // 2, len(data) - 40):
            cut.write_bytes(data[:length])
            assert bind([str(cut), "-o", str(tmp_path / "cut.py")]) in (0, 1)


@pytest.mark.parametrize(
    "target", [LINUX_X86_64, WINDOWS_X86_64, MACOS_ARM64], ids=lambda row: row.name
)
def test_damaged_files_never_give_a_traceback(tmp_path: Path, target: Any) -> None:
    data = build(tmp_path, DEMO, target, "a.lib_image").read_bytes()
    interface = data.index(b'{"constants"')
    choose = random.Random(1)
    damaged = tmp_path / "damaged"
    for _ in range(300):
        changed = bytearray(data)
        start = choose.choice([0, interface])
        for _ in range(choose.choice([1, 3, 20])):
            changed[choose.randrange(start, len(changed))] = choose.randrange(256)
        damaged.write_bytes(changed)
        output = tmp_path / "damaged.py"
        if bind([str(damaged), "-o", str(output)]) == 0:
            compile(output.read_text(), str(output), "exec")
