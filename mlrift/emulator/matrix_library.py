"""LLVM text of matrix products: `matrix.LAYOUT.RESULT.LEFT.RIGHT.DEPTH`.

D = A B + C for 16 x DEPTH times DEPTH x 16. Fragments are rows of the context: A from 0, B from 8,
C from 16, D from 24. Layouts (gpu.md 4.7): `doubled` (gfx11), a lane holds all of row (A) or column
(B) lane mod 16; `split` (gfx12), lanes 0 to 15 hold the first half of the depth. Sums of floats are
in f32, one fused multiply-add after the other.
"""

from mlrift.emulator.code import LANES, V16, V32, VFLOAT, VHALF, Code, splat
from mlrift.emulator.layout import VGPR_BYTES, ContextOffset
from mlrift.emulator.number_formats import bf16_as_float, float_as_bf16, small_float

SIDE = 16
FIRST_A, FIRST_B, FIRST_C, FIRST_D = 0, 8, 16, 24
_FLOAT_BITS = {"f16": 16, "bf16": 16, "fp8": 8, "bf8": 8}
_INTEGER_BITS = {"i8": 8, "u8": 8, "i4": 4, "u4": 4}
ROWS = 8
"""Rows of D that a lane holds."""


class _Product:
    """One function under construction."""

    def __init__(self, name: str) -> None:
        _, self.layout, self.result, self.left, self.right, depth = name.split(".")
        self.depth = int(depth)
        self.code = Code()
        self.is_float = self.left in _FLOAT_BITS
        self.kind = VFLOAT if self.is_float else V32
        self.per_lane = self.depth if self.layout == "doubled" else self.depth // 2

    def row(self, number: int) -> str:
        """Return a register row."""
        place = ContextOffset.DATA + VGPR_BYTES * number
        return self.code.load(V32, self.code.address("%context", place), 64)

    def elements(self, first: int, kind: str) -> list[str]:
        """Return the elements that a lane holds of a fragment, as f32 or i32."""
        bits = {**_FLOAT_BITS, **_INTEGER_BITS}[kind]
        per_row = 32 // bits
        rows = [self.row(first + number) for number in range(-(-self.per_lane // per_row))]
        return [
            self._element(rows[number // per_row], bits * (number % per_row), bits, kind)
            for number in range(self.per_lane)
        ]

    def _element(self, row: str, place: int, bits: int, kind: str) -> str:
        code = self.code
        top = code.binary("shl", V32, row, splat("i32", 32 - place - bits))
        operation = "ashr" if kind[0] == "i" else "lshr"
        found = code.binary(operation, V32, top, splat("i32", 32 - bits))
        match kind:
            case "f16":
                half = code.convert("trunc", V32, found, V16)
                half = code.convert("bitcast", V16, half, VHALF)
                return code.convert("fpext", VHALF, half, VFLOAT)
            case "bf16":
                return bf16_as_float(code, code.convert("trunc", V32, found, V16))
            case "fp8" | "bf8":
                return small_float(code, found, 4 if kind == "fp8" else 5)
        return found

    def shuffled(self, found: str, lanes: list[int]) -> str:
        """Return a vector whose lane l is lane lanes[l] of another."""
        order = ", ".join(f"i32 {lane}" for lane in lanes)
        return self.code.value(
            f"shufflevector {self.kind} {found}, {self.kind} poison, <{LANES} x i32> <{order}>"
        )

    def operands(self, place: int, depth: int, a: list[str], b: list[str]) -> tuple[str, str]:
        """Return row `place` of A and the columns of B at one depth, for all lanes."""
        if self.layout == "doubled":
            rows = [2 * place + lane // SIDE for lane in range(LANES)]
            return self.shuffled(a[depth], rows), b[depth]
        half, within = divmod(depth, self.per_lane)
        rows = [place + 8 * (lane // SIDE) + SIDE * half for lane in range(LANES)]
        columns = [lane % SIDE + SIDE * half for lane in range(LANES)]
        return self.shuffled(a[within], rows), self.shuffled(b[within], columns)

    def start(self, place: int) -> str:
        """Return the C that the `place`-th D begins with."""
        code = self.code
        if self.result in ("f32", "i32"):
            row = self.row(FIRST_C + place)
            return code.convert("bitcast", V32, row, self.kind)
        if self.layout == "doubled":
            row, shift = self.row(FIRST_C + place), 0
        else:
            row, shift = self.row(FIRST_C + place // 2), 16 * (place % 2)
        if shift:
            row = code.binary("lshr", V32, row, splat("i32", shift))
        half = code.convert("trunc", V32, row, V16)
        if self.result == "bf16":
            return bf16_as_float(code, half)
        return code.convert("fpext", VHALF, code.convert("bitcast", V16, half, VHALF), VFLOAT)

    def finish(self, place: int, total: str) -> None:
        """Put a D into its row; halves go to the low part of rows of their own."""
        code = self.code
        if self.result in ("f32", "i32"):
            word = code.convert("bitcast", self.kind, total, V32)
        elif self.result == "bf16":
            word = code.convert("zext", V16, float_as_bf16(code, total), V32)
        else:
            half = code.convert("fptrunc", VFLOAT, total, VHALF)
            word = code.convert("zext", V16, code.convert("bitcast", VHALF, half, V16), V32)
        target = ContextOffset.DATA + VGPR_BYTES * (FIRST_D + place)
        code.store(V32, word, code.address("%context", target), 64)

    def add(self, total: str, left: str, right: str) -> str:
        """Return a sum with one product more."""
        code = self.code
        if self.is_float:
            values = [f"{VFLOAT} {found}" for found in (left, right, total)]
            return code.call(VFLOAT, "llvm.fma.v32f32", *values)
        return code.binary("add", V32, total, code.binary("mul", V32, left, right))


def matrix_function(name: str) -> str:
    """Return the text of a matrix product."""
    product = _Product(name)
    a = product.elements(FIRST_A, product.left)
    b = product.elements(FIRST_B, product.right)
    for place in range(ROWS):
        total = product.start(place)
        for depth in range(product.depth):
            total = product.add(total, *product.operands(place, depth, a, b))
        product.finish(place, total)
    body = "\n  ".join(product.code.lines)
    return f"\ndefine internal void @{name}(ptr %context) {{\n  {body}\n  ret void\n}}\n"


MATRIX_DECLARATIONS = frozenset(
    (
        "declare <32 x float> @llvm.fma.v32f32(<32 x float>, <32 x float>, <32 x float>)",
        "declare <32 x float> @llvm.copysign.v32f32(<32 x float>, <32 x float>)",
    )
)
"""What a matrix product calls."""
