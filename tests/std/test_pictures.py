"""PNG files of std/png.mlr and streams of std/deflate.mlr, read by independent readers."""

import functools
import random
import zlib
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import compile_program
from tests.std.png_reader import read_picture
from tests.support.engines import default_engine

RUN = Path(__file__).resolve().parents[1] / "run" / "std"
PARTS = Path(__file__).parent / "parts"
PICTURES = {"draw_shapes": (72, 48, 3), "draw_text": (136, 84, 1), "draw_widgets": (112, 84, 3)}
CHANNELS = {8: 1, 16: 3, 24: 3, 32: 3, 0: 4}
"""Channels of a picture by the depth of its framebuffer; 0 means 32 bits with alpha."""


@functools.cache
def _image(program: Path) -> bytes:
    return compile_program(program, [], (LINUX_X86_64,)).images[LINUX_X86_64.name]


def _run(program: Path, folder: Path, *arguments: str) -> bytes:
    engine = default_engine(LINUX_X86_64)
    if engine.missing() is not None:
        pytest.skip("needs Linux x86-64")
    result = engine.run(_image(program), list(arguments), working_folder=folder)
    assert result.status == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", PICTURES)
def test_stored_picture_is_a_correct_file(name: str) -> None:
    picture = read_picture((RUN / f"{name}.png").read_bytes())
    assert (picture.width, picture.height, picture.channels) == PICTURES[name]


@pytest.mark.parametrize("depth", CHANNELS)
def test_picture_has_the_pixels_of_the_framebuffer(depth: int, tmp_path: Path) -> None:
    width, height = 37, 23
    plain = random.Random(depth).randbytes(width * height * 4)
    smooth = bytes((index // 4 % width * 5 + index // 150) & 0xFF for index in range(len(plain)))
    for pixels in (plain, smooth, bytes(len(plain))):
        (tmp_path / "pixels").write_bytes(pixels)
        words = ("pixels", "out.png", str(width), str(height), str(depth))
        _run(PARTS / "picture.mlr", tmp_path, *words)
        picture = read_picture((tmp_path / "out.png").read_bytes())
        size = (depth or 32) // 8
        expected = [
            _channels(pixels[place : place + size], depth)
            for place in range(0, width * height * size, size)
        ]
        found = [picture.pixel(x, y) for y in range(height) for x in range(width)]
        assert found == expected


def _channels(pixel: bytes, depth: int) -> tuple[int, ...]:
    """Return what a file has for the bytes of one pixel: blue comes first in memory."""
    if depth == 8:
        return (pixel[0],)
    blue, green, red, alpha = (*pixel, 0, 0, 0)[:4]
    return (red, green, blue, alpha) if depth == 0 else (red, green, blue)


def _streams() -> list[bytes]:
    source = random.Random(4)
    cases = [b"abc"[:size] for size in range(4)]
    cases += [b"a" * size for size in (257, 258, 259, 260, 261, 516, 200_000)]
    cases += [source.randbytes(size) for size in (100, 65_535, 65_536, 70_000)]
    cases += [source.randbytes(33_000) * 3, bytes(range(256)) * 300]
    cases += [bytes(source.choice(b"ab") for _ in range(50_000))]
    words = [source.randbytes(source.randint(1, 40)) for _ in range(200)]
    return [*cases, b"".join(source.choice(words) for _ in range(20_000))]


def test_zlib_reads_what_deflate_writes(tmp_path: Path) -> None:
    for plain in _streams():
        (tmp_path / "plain").write_bytes(plain)
        _run(PARTS / "pack.mlr", tmp_path, "plain", "packed")
        packed = (tmp_path / "packed").read_bytes()
        assert zlib.decompress(packed) == plain
        assert len(packed) <= len(plain) + len(plain) // 13_000 + 16


def test_nothing_is_drawn_outside_whatever_the_coordinates(tmp_path: Path) -> None:
    output = _run(RUN / "draw_extremes.mlr", tmp_path, "124416")
    assert output.splitlines()[:2] == [b"124416 calls", b"intact 1"]
