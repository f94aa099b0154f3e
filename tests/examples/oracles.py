"""What the examples must print, worked out in Python without the compiler.

Nothing enters but the data files of the examples; each function returns an expected output. The
`.expected` files are these results: `python -m tests.examples.oracles` writes them, and a test
compares them. No function here may be derived from what a compiled example printed.
"""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from tests.examples.record_oracle import simulate
from tests.std.png_reader import read_picture

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_WORD_MASK = 2**64 - 1


def _next_state(state: int) -> int:
    return (state * 6364136223846793005 + 1442695040888963407) & _WORD_MASK


# ---- json ----

_JSON_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+)')


def json_indented(text: str) -> str:
    """Return a correct JSON text indented by two spaces, its scalars untouched."""
    tokens = _JSON_TOKEN.findall(text)
    out: list[str] = []
    depth = 0
    for index, token in enumerate(tokens):
        closes_empty = index > 0 and tokens[index - 1] + token in ("{}", "[]")
        if token in ("}", "]"):
            depth -= 1
            out.append("" if closes_empty else "\n" + "  " * depth)
        elif index > 0 and tokens[index - 1] in ("{", "[", ","):
            out.append("\n" + "  " * depth)
        out.append(": " if token == ":" else token)
        if token in ("{", "["):
            depth += 1
    return "".join(out) + "\n"


def json_sample() -> bytes:
    """Return what json.mlr prints for data/sample.json."""
    return json_indented((EXAMPLES / "data" / "sample.json").read_text(encoding="utf-8")).encode()


# ---- lz ----


def lz_generated(size_bytes: int) -> bytes:
    """Return the log-like data that lz.mlr makes."""
    state, out = 2025, b""
    while len(out) < size_bytes:
        state = _next_state(state)
        if (state >> 33) & 7 < 5:
            out += b"spike %d at synapse; " % ((state >> 40) & 0xFFFF)
        else:
            out += b"neuron %d " % (state >> 60)
    return out[:size_bytes]


def _lz_length(value: int) -> bytes:
    return b"\xff" * (value // 255) + bytes([value % 255])


def _lz_sequence(literals: bytes, code: int, offset: int | None) -> bytes:
    out = bytes([min(len(literals), 15) << 4 | min(code, 15)])
    if len(literals) >= 15:
        out += _lz_length(len(literals) - 15)
    out += literals
    if offset is None:
        return out
    out += offset.to_bytes(2, "little")
    return out + _lz_length(code - 15) if code >= 15 else out


def lz_block(plain: bytes) -> bytes:
    """Return the LZ4 block of a greedy compressor with a 4096-entry hash table."""
    heads: dict[int, int] = {}
    out, anchor, here = b"", 0, 0
    while here + 12 < len(plain):
        quad = plain[here : here + 4]
        slot = (int.from_bytes(quad, "little") * 2654435761 & 0xFFFFFFFF) >> 20
        there = heads.get(slot)
        heads[slot] = here
        if there is None or here - there > 65535 or plain[there : there + 4] != quad:
            here += 1 + ((here - anchor) >> 6)
            continue
        length = 4
        while here + length < len(plain) - 5 and plain[here + length] == plain[there + length]:
            length += 1
        out += _lz_sequence(plain[anchor:here], length - 4, here - there)
        here += length
        anchor = here
    return out + _lz_sequence(plain[anchor:], 0, None)


def lz_report() -> bytes:
    """Return what lz.mlr prints for generated data and data/words.txt."""
    lines: list[str] = []
    words = (EXAMPLES / "data" / "words.txt").read_bytes()
    inputs = {"generated": lz_generated(20000), "nothing": b"", "words.txt": words}
    for name, plain in inputs.items():
        packed = lz_block(plain)
        permille = len(packed) * 1000 // len(plain) if plain else 1000
        lines.append(
            f"{name}: {len(plain)} -> {len(packed)} bytes ({permille // 10}.{permille % 10} %), "
            f"crc {zlib.crc32(plain):08x}, packed crc {zlib.crc32(packed):08x}\n"
        )
    return "".join(lines).encode()


# ---- spiking ----

_NEURONS, _EXCITATORY, _FAN_OUT = 200, 160, 20


def _six_decimals(value: float) -> str:
    """Print a float as the language does: six decimals, cut off (reference.md 14)."""
    size = abs(value)
    sign = "-" if value < 0 else ""
    return f"{sign}{int(size)}.{int((size - int(size)) * 1e6):06d}"


class _Network:
    """The network of spiking.mlr; the order of random numbers is part of its definition."""

    def __init__(self) -> None:
        self.state = 42
        self.potential = [0.0] * _NEURONS
        self.drive = [0.0] * _NEURONS
        self.arriving = [0.0] * _NEURONS
        self.waiting = [0] * _NEURONS
        self.counts = [0] * _NEURONS
        self.targets: list[list[int]] = []
        for i in range(_NEURONS):
            self.potential[i] = -70.0 + 10.0 + 10.0 * self._symmetric()
            self.drive[i] = 19.0 + 4.0 * self._symmetric()
            row = [self._random() % (_NEURONS - 1) for _ in range(_FAN_OUT)]
            self.targets.append([target + (target >= i) for target in row])

    def _random(self) -> int:
        self.state = _next_state(self.state)
        return self.state >> 33

    def _symmetric(self) -> float:
        return self._random() / 1073741824.0 - 1.0

    def step(self) -> list[int]:
        """Advance by half a millisecond and return the neurons that fired."""
        fired = [i for i in range(_NEURONS) if self._fires(i)]
        for i in fired:
            self.counts[i] += 1
            for target in self.targets[i]:
                self.arriving[target] += 0.6 if i < _EXCITATORY else -2.4
        return fired

    def _fires(self, i: int) -> bool:
        kick = self.arriving[i] + 1.5 * self._symmetric()
        self.arriving[i] = 0.0
        if self.waiting[i]:
            self.waiting[i] -= 1
            return False
        slope = (-70.0 - self.potential[i] + self.drive[i]) / 20.0
        self.potential[i] = self.potential[i] + 0.5 * slope + kick
        if self.potential[i] < -50.0:
            return False
        self.potential[i] = -65.0
        self.waiting[i] = 4
        return True


def _mean_rate(counts: list[int], steps: int) -> str:
    return _six_decimals(sum(counts) / len(counts) / (steps * 0.5 / 1000.0))


def spiking(milliseconds: int) -> bytes:
    """Return what spiking.mlr prints for a run without a file."""
    network = _Network()
    steps = milliseconds * 2
    lines = ["time_ms,neuron"]
    for step in range(steps):
        lines += [f"{step // 2}.{step % 2 * 5},{i}" for i in network.step()]
    total = len(lines) - 1
    mean = 0.0
    for value in network.potential:
        mean += value
    best = network.counts.index(max(network.counts))
    lines += [
        f"# {_NEURONS} neurons, {_NEURONS * _FAN_OUT} synapses, {milliseconds} ms, {total} spikes",
        f"# mean rate: {_mean_rate(network.counts[:_EXCITATORY], steps)} Hz of the excitatory, "
        f"{_mean_rate(network.counts[_EXCITATORY:], steps)} Hz of the inhibitory neurons",
        f"# busiest: neuron {best} with {network.counts[best]} spikes",
        f"# mean potential at the end: {_six_decimals(mean / _NEURONS)} mV",
    ]
    return ("\n".join(lines) + "\n").encode()


# ---- life ----


def life(generations: int) -> bytes:
    """Return what life.mlr prints for the R-pentomino."""
    width, height = 48, 24
    alive = {(24, 11), (25, 11), (23, 12), (24, 12), (24, 13)}
    for _ in range(generations):
        counts: dict[tuple[int, int], int] = {}
        for x, y in alive:
            for dx, dy in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b):
                place = ((x + dx) % width, (y + dy) % height)
                counts[place] = counts.get(place, 0) + 1
        alive = {p for p, n in counts.items() if n == 3 or (n == 2 and p in alive)}
    rows = ["".join("O" if (x, y) in alive else "." for x in range(width)) for y in range(height)]
    return "\n".join([*rows, f"generation {generations}, {len(alive)} alive", ""]).encode()


# ---- mandelbrot ----


def _escape_steps(re_part: float, im_part: float) -> int:
    x = y = 0.0
    for steps in range(96):
        if x * x + y * y > 4.0:
            return steps
        x, y = x * x - y * y + re_part, 2.0 * x * y + im_part
    return 96


def mandelbrot() -> bytes:
    """Return the picture that mandelbrot.mlr prints."""
    shades = ((3, " "), (5, "."), (8, ":"), (12, "-"), (20, "+"), (96, "*"), (97, "#"))
    rows: list[str] = []
    for row in range(32):
        im_part = 1.15 + (-1.15 - 1.15) * (row + 0.5) / 32
        line = ""
        for column in range(72):
            steps = _escape_steps(-2.1 + (0.7 + 2.1) * (column + 0.5) / 72, im_part)
            line += next(shade for limit, shade in shades if steps < limit)
        rows.append(line)
    return ("\n".join(rows) + "\n").encode()


# ---- chart ----


def chart() -> bytes:
    """Return what chart.mlr says of data/rates.csv and of the stored, reviewed picture."""
    head, *lines = (EXAMPLES / "data" / "rates.csv").read_text(encoding="utf-8").splitlines()
    columns = zip(*(line.split(",") for line in lines), strict=True)
    out = ""
    for name, texts in zip(head.split(","), columns, strict=True):
        values = [float(text) for text in texts]
        out += f"{name} from {min(values):g} to {max(values):g}\n"
    picture = read_picture((EXAMPLES / "chart.png").read_bytes())
    pixels = b"".join(
        bytes((*reversed(picture.pixel(x, y)), 255))
        for y in range(picture.height)
        for x in range(picture.width)
    )
    size = f"{picture.width} x {picture.height} pixels"
    return f"{out}{len(lines)} rows, {size}, checksum {zlib.crc32(pixels)}\n".encode()


def expected_outputs() -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of every `.expected` file that is worked out here."""
    yield "json.expected", json_sample()
    yield "lz.expected", lz_report()
    yield "spiking.expected", spiking(60)
    yield "life.expected", life(60)
    yield "mandelbrot.expected", mandelbrot()
    yield "chart.expected", chart()
    yield "record.expected", simulate(50).report()


def main() -> None:
    """Write the `.expected` files beside the examples."""
    for name, content in expected_outputs():
        (EXAMPLES / name).write_bytes(content)


if __name__ == "__main__":
    main()
