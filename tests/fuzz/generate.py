"""Programs from a seed: valid, terminating, and with one right output on every engine.

They use the whole core language: every scalar type and tag, mixed arithmetic, floats and their
conversions, statics, arrays, structs, slices, tuples, generics, methods, function addresses,
recursion, `match`, `defer`, loops, printing and memory by address. `tick` records the order of
evaluation. About one program in eight may divide by zero.

    python -m tests.fuzz.generate 42
"""

import random
import sys

from mlrift.typesystem import BOOL, ScalarType
from tests.fuzz.generator import numbers, templates
from tests.fuzz.generator.control import BodyWriter
from tests.fuzz.generator.declared import (
    FLOATS,
    SCALARS,
    STORED,
    WORDS,
    Program,
    Scope,
    Shape,
    Struct,
    Variable,
)
from tests.fuzz.generator.frame import Frame
from tests.fuzz.generator.functions import FunctionWriter

_MAIN_STEPS = 20_000
_LONG = 0.02
MAY_END_EARLY = "// may divide by zero"
SUPPORT = """\
static u64 trace = 1
fn tick(u64 v) -> u64 {
    trace = trace * 31 + v
    return v
}
fn as_word(u64 w) -> u64 { return w }
fn bits64(f64 x) -> u64 {
    if x != x { return 7 }
    return as_word(x)
}
fn bits32(f32 x) -> u64 {
    if x != x { return 7 }
    return as_word(x)
}
fn half_bits(f32 x) -> u64 {
    if x != x { return 7 }
    return f32_to_f16(x)
}"""


def generate(seed: int) -> str:
    """Return the program of a seed."""
    chance = random.Random(seed)
    program = Program(is_risky=chance.random() < 0.12, is_calm=chance.random() < 0.4)
    _declare_types(program, chance)
    _declare_constants(program, chance)
    _declare_statics(program, chance)
    functions = FunctionWriter(program, chance)
    is_long = chance.random() < _LONG
    for _ in range(chance.randint(20, 40) if is_long else chance.randint(1, 7)):
        functions.write()
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        templates.write(program, chance)
    main = _main(program, chance, chance.randint(200, 400) if is_long else chance.randint(5, 25))
    chance.shuffle(program.items)
    head = [MAY_END_EARLY] if program.is_risky else []
    head.append(f"// seed {seed}")
    return "\n".join([*head, *program.declarations, SUPPORT, *program.items, main, ""])


def _declare_types(program: Program, chance: random.Random) -> None:
    program.sizes += [row.name for row in SCALARS]
    for _ in range(chance.randrange(4)):
        name = program.fresh_name("S")
        fields: list[tuple[str, ScalarType | Struct]] = []
        for number in range(chance.randint(1, 6)):
            kind: ScalarType | Struct = chance.choice(STORED)
            if program.structs and chance.random() < 0.2:
                kind = chance.choice(program.structs)
            fields.append((f"f{number}", kind))
        program.structs.append(Struct(name, tuple(fields)))
        program.sizes.append(name)
        rows = " ".join(f"{kind.name} {field};" for field, kind in fields)
        program.declarations.append(f"struct {name} {{ {rows} }}")
    for _ in range(chance.randrange(3)):
        name, target = program.fresh_name("Alias"), chance.choice(SCALARS)
        program.aliases.setdefault(target, []).append(name)
        program.declarations.append(f"type {name} = {target.name}")


def _declare_constants(program: Program, chance: random.Random) -> None:
    for _ in range(chance.randrange(3)):
        name = program.fresh_name("E")
        members = [f"M{number}" for number in range(chance.randint(1, 4))]
        rows = [
            f"{row} = {chance.randrange(300)}" if chance.random() < 0.3 else row for row in members
        ]
        program.declarations.append(f"enum {name} {{ {', '.join(rows)} }}")
        program.constants += [f"{name}.{row}" for row in members]
    for _ in range(chance.randrange(4)):
        name, kind = program.fresh_name("K"), chance.choice(WORDS)
        value = _constant_expression(program, chance, 2)
        program.declarations.append(f"const {kind.name} {name} = {value}")
        program.constants.append(name)
    for kind in FLOATS:
        if chance.random() < 0.3:
            name, suffix = program.fresh_name("K"), "f" if kind is FLOATS[0] else ""
            value = f"{numbers.floating(chance)}{suffix}"
            if chance.random() < 0.5:
                value = f"{value} {chance.choice('+-*/')} {numbers.floating(chance)}{suffix}"
            program.declarations.append(f"const {kind.name} {name} = {value}")
            program.floats.setdefault(kind, []).append(name)
    if chance.random() < 0.4:
        name, count = program.fresh_name("K"), chance.choice((3, 8, 21))
        program.declarations.append(f"const u64 {name} = {count}")
        program.constants.append(name)
        program.counts[count] = name


def _constant_expression(program: Program, chance: random.Random, depth: int) -> str:
    if depth == 0 or chance.random() < 0.3:
        if program.constants and chance.random() < 0.4:
            return chance.choice(program.constants)
        if chance.random() < 0.2:
            return f"sizeof({chance.choice(program.sizes)})"
        return numbers.integer(chance, program.is_calm)
    left = _constant_expression(program, chance, depth - 1)
    right = _constant_expression(program, chance, depth - 1)
    operator = chance.choice(("+", "-", "*", "&", "|", "^", "<<", ">>", "<", "==", "/", "%"))
    if operator in "/%":
        right = f"(({right} & 255) | 1)"
    return f"({left} {operator} {right})"


def _declare_statics(program: Program, chance: random.Random) -> None:
    program.statics["trace"] = Variable("trace", Shape.SCALAR, WORDS[3], is_writable=False)
    for _ in range(chance.randrange(7)):
        name = program.fresh_name("g")
        draw = chance.random()
        kind = chance.choice(STORED)
        if draw < 0.45:
            value = "true" if kind is BOOL else _initial(program, chance, kind)
            text = f"static {kind.name} {name}" + (f" = {value}" if chance.random() < 0.7 else "")
            variable = Variable(name, Shape.SCALAR, kind)
        elif draw < 0.8 or not program.structs:
            count = chance.choice((1, 4, 7, 16, 64, 700))
            text = f"static {kind.name}[{count}] {name}"
            variable = Variable(name, Shape.ARRAY, kind, count)
        elif draw < 0.9:
            struct = chance.choice(program.structs)
            text = f"static {struct.name} {name}"
            variable = Variable(name, Shape.STRUCT, struct)
        else:
            struct, count = chance.choice(program.structs), chance.choice((1, 3, 8))
            text = f"static {struct.name}[{count}] {name}"
            variable = Variable(name, Shape.STRUCT_ARRAY, struct, count)
        program.statics[name] = variable
        program.declarations.append(text)


def _initial(program: Program, chance: random.Random, kind: ScalarType) -> str:
    if kind in FLOATS:
        return numbers.floating(chance) + ("f" if kind is FLOATS[0] else "")
    return _constant_expression(program, chance, 1)


def _main(program: Program, chance: random.Random, count: int) -> str:
    frame = Frame(program, chance, Scope(program), _MAIN_STEPS)
    has_result = chance.random() < 0.6
    body = BodyWriter(frame, (WORDS[3],) if has_result else ())
    body.statements(count)
    for row in frame.scope.of(Shape.SCALAR):
        frame.line(f"println({row.name})")
    frame.most_steps *= 2
    body.observe(100)
    frame.line('println("trace", trace)')
    if has_result:
        frame.line(f"return ({body.expressions.word()} & 63) + 2")
    head = "fn main() -> u64 {" if has_result else "fn main() {"
    return "\n".join([head, *frame.lines, "}"])


if __name__ == "__main__":
    sys.stdout.write(generate(int(sys.argv[1])))
