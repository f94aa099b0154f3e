"""Whole functions with a plot, that statements drawn at random would hardly make.

Linked lists, addresses kept in statics, addresses of a frame passed down a recursion, loops over
arrays as vectorisers like them, two names for one memory, tables of functions, texts built by hand.
"""

from collections.abc import Callable
from random import Random

from mlrift.typesystem import BOOL, S64, U64, ScalarType
from tests.fuzz.generator.addresses import write_detours
from tests.fuzz.generator.declared import FLOATS, WORDS, Function, Program, Scope, Shape, Variable
from tests.fuzz.generator.expressions import ExpressionWriter
from tests.fuzz.generator.frame import Frame

_Template = Callable[[Program, Random, str], tuple[str, int]]


def write(program: Program, chance: Random) -> None:
    """Write one function `name(u64 n) -> u64` with helpers; it may be called with n below 16."""
    template = chance.choice(_TEMPLATES)
    name = program.fresh_name("plot")
    text, cost = template(program, chance, name)
    counter = Variable("n", Shape.SCALAR, U64, bound=16)
    program.functions.append(Function(name, (counter,), (U64,), cost=cost))
    program.items.append(text)


def _expressions(program: Program, chance: Random, *names: str) -> ExpressionWriter:
    """Return a writer of expressions that see these words and the statics, and call nothing."""
    silent = Program(
        constants=program.constants,
        sizes=program.sizes,
        statics=program.statics,
        is_calm=program.is_calm,
    )
    scope = Scope(silent)
    for name in names:
        scope.declare(Variable(name, Shape.SCALAR, U64))
    return ExpressionWriter(Frame(silent, chance, scope, 10))


def _list(program: Program, chance: Random, name: str) -> tuple[str, int]:
    node = program.fresh_name("Node")
    kind = chance.choice((*WORDS, *FLOATS))
    value = _expressions(program, chance, "n", "i").convertible(kind)
    shown = "f64_to_int(cur.v * 1.5)" if kind in FLOATS else "cur.v"
    program.declarations.append(f"struct {node} {{ {kind.name} v; {node} next; u8 mark }}")
    text = f"""fn {name}(u64 n) -> u64 {{
    {node} head
    u64 first = 0
    for i in 0..n {{
        {node} one
        one.v = {value}
        one.mark = i
        one.next = first
        first = one
    }}
    u64 sum = 0
    {node} cur = head
    cur = first
    while cur != 0 {{
        sum = sum * 7 + {shown} + cur.mark
        cur = cur.next
    }}
    return sum
}}"""
    return text, 200


def _stash(program: Program, chance: Random, name: str) -> tuple[str, int]:
    """Addresses of structs that leave their function in several ways."""
    kept, struct = program.fresh_name("kept"), program.fresh_name("Kept")
    value = _expressions(program, chance, "n").word()
    program.declarations.append(f"struct {struct} {{ u64 a; i32 b; u8 c; {struct} next }}")
    program.declarations.append(f"static u64[4] {kept}")
    program.declarations.append(f"static {struct} {kept}_one")
    declaration = chance.choice(
        (f"{struct} one", f"{struct} one = {struct} {{ n, 5 }}", f"{struct}[2] one")
    )
    is_array = "[" in declaration
    place, offset = ("one[1]", f" + sizeof({struct})") if is_array else ("one", "")
    way = chance.choice(_WAYS)
    if is_array:
        way = way.replace("link = one", f"link = one{offset}")
    way = way.format(kept=kept, struct=struct, name=name)
    ways = "\n    ".join([way, *(["n = n + 1"] if chance.random() < 0.3 else [])])
    text = f"""fn {name}_put(u64 at, u64 p) {{ store64(at, p) }}
fn {name}_same(u64 p) -> u64 {{ return p }}
fn {name}_pair(u64 p) -> u64 {{ return (p, p) }}
fn {struct}.{name}_self({struct} self) -> u64 {{ return self }}
fn {name}_keep(u64 n) -> u64 {{
    u64 at = {kept} + (n & 3) * 8
    {declaration}
    {place}.a = {value}
    {place}.c = n
    {ways}
    return {place}.a
}}
fn {name}(u64 n) -> u64 {{
    u64 sum = 0
    for i in 0..n + 4 {{ sum = sum * 3 + {name}_keep(i) }}
    for i in 0..4 {{
        {struct} back = {kept}[i]{offset}
        sum = sum * 5 + back.a + back.c + back.b
        back.a = 0
    }}
    return sum
}}"""
    return text.replace("u64 at", "u64 to").replace("store64(at", "store64(to"), 300


_WAYS = (
    "{kept}[n & 3] = one",
    "store64(to, one)",
    "atomic_store(to, one)",
    "atomic_cas(to, atomic_load(to), one)",
    "u64 w = one\n    atomic_add(to, w - load64(to))",
    "u64[2] box\n    box[1] = one\n    memcpy(to, box + 8, 8)",
    "defer {{ {kept}[n & 3] = one }}",
    "unsafe {{ *(to as u64) = one }}",
    "u64 a = one\n    if n < 100 {{ {kept}[n & 3] = a }}",
    "{name}_put(to, one)",
    'call_ptr(fn_addr("{name}_put"), to, one)',
    "{kept}[n & 3] = {name}_same(one)",
    'store64(to, call_ptr(fn_addr("{name}_same"), one))',
    ";(u64 p, u64 q) = {name}_pair(one)\n    {kept}[n & 3] = q",
    "u64 p = 0\n    for i in 0..3 {{ p = one }}\n    {kept}[n & 3] = p",
    "u64 w = one\n    u64 p = w - 8\n    {kept}[n & 3] = p + 8",
    "u64 w = one\n    u64 p = (w ^ 12345) ^ 12345\n    store64(to, p)",
    "u64 w = one\n    store32(to, w)\n    store32(to + 4, w >> 32)",
    "u64 w = one\n    u64 p = (n < 100) * w\n    store64(to, p)",
    "u64 p = 0\n    match n {{ 0..50 => {{ p = one }} _ => {{ p = 1 }} }}\n    store64(to, p)",
    "{struct} other\n    other.next = one\n    store64(to, other.next)",
    "{struct} other = {struct} {{ next: one }}\n    u64 p = other\n    memcpy(to, p + 13, 8)",
    "{kept}_one.next = one\n    store64(to, {kept}_one.next)",
)


def _frames(program: Program, chance: Random, name: str) -> tuple[str, int]:
    """A recursion that passes down the address of its own storage."""
    expressions = _expressions(program, chance, "n", "seen")
    kind = chance.choice((*WORDS, BOOL))
    count = chance.choice((2, 8, 100, 600))
    value = expressions.convertible(kind)
    use = chance.choice(("load8(p + (n & 1))", "p[n & 1]", "load64(p) & 0xFF"))
    if count * kind.size_bytes < 8:
        use = "p[n & 1]"
    last = chance.choice(("", " + seen", " ^ a[1]", " * 3"))
    order = chance.choice(
        (
            f"return {name}_down(n - 1, a){last}",
            f"u64 r = {name}_down(n - 1, a)\n    return r{last}",
            f"if n & 1 {{ return {name}_down(n - 1, p){last} }}\n"
            f"    return {name}_down(n - 1, a){last}",
        )
    )
    text = f"""fn {name}_down(u64 n, u64 p) -> u64 {{
    {kind.name}[{count}] a
    u64 seen = {use}
    a[n & 1] = {value}
    if n == 0 {{ return seen }}
    {order}
}}
fn {name}(u64 n) -> u64 {{
    u64[2] start
    start[0] = n * 77
    return {name}_down(n, start)
}}"""
    return text, 400


def _kernel(program: Program, chance: Random, name: str) -> tuple[str, int]:
    """Loops over arrays: fill, combine, reduce."""
    kind, other = chance.choice((*WORDS, *FLOATS)), chance.choice((*WORDS, *FLOATS))
    count = chance.choice((16, 33, 64, 100, 257))
    expressions = _expressions(program, chance, "n", "i")
    where = chance.choice(("", "static"))
    a, b = (program.fresh_name("a") for _ in range(2))
    arrays = f"    {kind.name}[{count}] {a}\n    {other.name}[{count}] {b}\n"
    if where:
        program.declarations += [
            f"static {kind.name}[{count}] {a}",
            f"static {other.name}[{count}] {b}",
        ]
        arrays = ""
    combine = chance.choice((
        f"{b}[i] = {a}[i]",
        f"{b}[i] = {a}[{count - 1} - i]",
        f"if i > 0 {{ {a}[i] = {a}[i - 1] }}",
        f"{a}[i] {chance.choice('+-*')}= {a}[i]",
        f"{b}[i & 7] = {a}[i]",
    ))  # fmt: skip
    return f"""fn {name}(u64 n) -> u64 {{
{arrays}    for i in 0..{count} {{
        {a}[i] = {expressions.convertible(kind)}
        {b}[i] = {_small_value(other)}
    }}
    for i in 0..{count} {{ {combine} }}
{_reduction(kind, a, count, chance)}
{_reduction(other, b, count, chance)}
    return trace + n
}}""", count * 12  # fmt: skip


def _small_value(kind: ScalarType) -> str:
    return "int_to_f64(i * n) / 8.0" if kind in FLOATS else "i * n + 3"


def _reduction(kind: ScalarType, array: str, count: int, chance: Random) -> str:
    total = f"r_{array}"
    if kind in FLOATS:
        step = chance.choice((f"{total} = {total} + {array}[i]", f"{total} += {array}[i] * 0.5"))
        return f"""    {kind.name} {total} = 0.0
    for i in 0..{count} {{ {step.replace("0.5", "0.5f") if kind.size_bytes == 4 else step} }}
    println({total})"""
    step = chance.choice((
        f"{total} += {array}[i]",
        f"if {array}[i] > {total} {{ {total} = {array}[i] }}",
        f"{total} ^= {array}[i] << (i & 7)",
        f"if {array}[i] & 1 {{ continue }} {total} += 1",
        f"{total} = {total} * 31 + {array}[i]",
    ))  # fmt: skip
    word = chance.choice((U64.name, S64.name))
    return f"""    {word} {total} = 0
    for i in 0..{count} {{ {step} }}
    println({total})"""


def _aliases(program: Program, chance: Random, name: str) -> tuple[str, int]:
    """Two ways to the same bytes, written and read in turn."""
    kind = chance.choice(WORDS)
    count = chance.choice((4, 8, 16))
    expressions = _expressions(program, chance, "n")
    size = kind.size_bytes
    storage = chance.choice(
        (f"    {kind.name}[{count}] a\n", f"    {kind.name}[700] a\n", "static")
    )
    if storage == "static":
        program.declarations.append(f"static {kind.name}[{count}] {name}_a")
        storage = ""
    array = "a" if storage else f"{name}_a"
    steps = [
        f"{array}[{chance.randrange(count)}] = {expressions.word()}",
        f"store{8 * size}(p + (n & {count - 1}) * {size}, {expressions.word()})",
        f"p[n & {count * size - 1}] = {expressions.word(1)}",
        f"unsafe {{ *(p + {size} as {kind.name}) = {expressions.word(1)} }}",
        f"sum = sum * 5 + {array}[n & {count - 1}]",
        f"sum = sum * 5 + load{8 * size}(p)",
        f"sum = sum * 5 + p[{chance.randrange(count * size)}]",
        f"{name}_touch({array}, {count}, n)",
        f"memset(p, n, {size})",
        f"{array}[{chance.randrange(count)}] += {array}[0]",
    ]
    chosen = "\n    ".join(chance.choice(steps) for _ in range(8))
    text = f"""fn {name}_touch([{kind.name}] d, u64 n) {{
    d[n % d.len] = d[0] + n
    d[0] ^= d.len
}}
fn {name}(u64 n) -> u64 {{
{storage}    u64 p = {array}
    u64 sum = 0
    {chosen}
    return sum + {array}[0] + load8(p + 1)
}}"""
    return text, 60


def _table(program: Program, chance: Random, name: str) -> tuple[str, int]:
    """A table of functions, called through addresses."""
    functions = [row for row in program.functions if row.takes_words and len(row.parameters) < 6]
    plain = [row for row in functions if row.cost < 100 and not _has_bounds(row)]
    rows = [chance.choice(plain) for _ in range(4)] if plain else []
    names = [row.name for row in rows] or ["tick"] * 4
    most = max([len(row.parameters) for row in rows], default=1)
    same = [row for row in rows if len(row.parameters) == most]
    names = [row.name for row in same] or names
    expressions = _expressions(program, chance, "n", "i")
    arguments = "".join(f", {expressions.truth()}" for _ in range(most))
    fill = "\n    ".join(f'table[{slot}] = fn_addr("{chance.choice(names)}")' for slot in range(4))
    text = f"""fn {name}(u64 n) -> u64 {{
    u64[4] table
    {fill}
    i64 sum = 0
    for i in 0..8 {{ sum = sum * 3 + call_ptr(table[i & 3]{arguments}) }}
    return sum
}}"""
    return text, 8 * max([row.cost for row in rows], default=1) + 40


def _has_bounds(function: Function) -> bool:
    return any(row.bound for row in function.parameters)


def _text(program: Program, chance: Random, name: str) -> tuple[str, int]:
    """A text built byte by byte in a buffer, patched and printed."""
    expressions = _expressions(program, chance, "n", "i")
    literal = f'"patched{name}"'
    text = f"""fn {name}(u64 n) -> u64 {{
    u8[{chance.choice((64, 5000))}] buffer
    u64 end = 0
    for i in 0..n {{
        store8(buffer + end, 'a' + ({expressions.word()} & 15))
        end += 1
    }}
    end += fmt_uint(buffer + end, {expressions.word()})
    buffer[end] = 0
    print_str(buffer)
    println_str(f"<{{n}}>")
    u64 s = {literal}
    store8(s + (n & 3), 'Z')
    println_str(s)
    return str_len(buffer) * 10 + str_eq(s, "Zatched{name}")
}}"""
    return text, 120


_TEMPLATES: tuple[_Template, ...] = (
    _list, _stash, _frames, _kernel, _aliases, _table, _text, write_detours, write_detours,
)  # fmt: skip
