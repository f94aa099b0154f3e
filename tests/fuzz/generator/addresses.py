"""A template about addresses as numbers: every detour that arithmetic allows must lead there.

Addresses are plain integers: a difference of two of them added to the first is the second, and an
address may be hidden in a word, masked, multiplied, stored and read back. A back end that tracks
which storage an address belongs to must not be fooled.
"""

from random import Random

from tests.fuzz.generator.declared import Program

_BYTES = 32


def write_detours(program: Program, chance: Random, name: str) -> tuple[str, int]:
    """Two storages `a` and `b` of 32 bytes, written and read by name and by detours."""
    declarations = [_storage(program, chance, letter, name) for letter in "ab"]
    steps = [_step(chance, name) for _ in range(chance.randint(4, 9))]
    body = "\n    ".join([*(text for text, _ in declarations), *steps])
    base_a, base_b = (base for _, base in declarations)
    text = f"""fn {name}_same(u64 x) -> u64 {{ return x }}
fn {name}_far(u64 x, u64 n) -> u64 {{
    if n > 20 {{ return 0 }}
    if n == 0 {{ return x }}
    return {name}_far(x, n - 1)
}}
fn {name}_put(u64 p, u64 v) -> u64 {{
    store64(p, v)
    return load64(p) + 1
}}
fn {name}(u64 n) -> u64 {{
    u64 r = 0
    {body}
    for i in 0..{_BYTES} {{ r = r * 31 + load8({base_a} + i) + load8(i + {base_b}) * 7 }}
    return r
}}"""
    text = text.replace("@a", base_a).replace("@b", base_b)
    return text, 300


def _storage(program: Program, chance: Random, letter: str, name: str) -> tuple[str, str]:
    """Return a declaration and the name of the address."""
    kind = chance.randrange(6)
    if kind == 0:
        return f"u64[4] {letter}", letter
    if kind == 1:
        return f"u8[{_BYTES}] {letter}", letter
    if kind == 2:
        return f"u64 {letter} = alloc({_BYTES})", letter
    if kind == 3:
        program.declarations.append(f"static u64[4] {name}_{letter}")
        return f"{name}_{letter}[1] = n", f"{name}_{letter}"
    if kind == 4:
        program.declarations.append(f"struct Box{name}{letter} {{ u64 f; u64 g; u64 h; u64 k }}")
        return f"Box{name}{letter} s{letter}\n    u64 {letter} = s{letter}", letter
    return f"u64[600] big{letter}\n    u64 {letter} = big{letter} + 8 * (n & 7)", letter


def _step(chance: Random, name: str) -> str:
    offset = chance.choice(("0", "8", "24", "(n & 3) * 8", "8 * (n & 1)"))
    address = _detour(chance, name, offset)
    value = chance.choice(
        ("n", "r", "n * 77", "0xFFFFFFFFFFFFFFFF", "load64(@a)", "load64(@b + 8)")
    )
    return chance.choice((
        f"store64({address}, {value})",
        f"r = r * 5 + load64({address})",
        f"r += {name}_put({address}, {value})",
        f"store8({address}, {value})",
        f"r ^= atomic_add({address}, {value})",
        f"memset({address}, {value}, 8)",
        f"u64 c{chance.getrandbits(30)} = {address}",
        f"unsafe {{ *({address} as u32) = {value} }}",
        _walk(chance, address),
        _index(chance, address, value),
    ))  # fmt: skip


def _detour(chance: Random, name: str, offset: str) -> str:
    p, q = chance.choice((("@a", "@b"), ("@b", "@a")))
    return chance.choice((
        f"({p} + {offset})",
        f"({offset} + {p})",
        f"({q} + ({p} - {q}) + {offset})",
        f"({q} + {offset} + ({p} - {q}))",
        f"({offset} + ({p} - {q}) + {q})",
        f"({q} - ({q} - {p}) + {offset})",
        f"({p} - (0 - {offset}))",
        f"((({p} ^ n) ^ n) + {offset})",
        f"(({p} | 0) + {offset})",
        f"({p} * 3 - {p} * 2 + {offset})",
        f"((n & 1) * {p} + (1 - (n & 1)) * {q} + {offset})",
        f"({q} + (n & 1) * ({p} - {q}) + {offset})",
        f"(((0 - (n & 1)) & {p}) + (((n & 1) - 1) & {q}) + {offset})",
        f"({name}_same({p}) + {offset})",
        f"({q} + {name}_same({p} - {q}) + {offset})",
        f"({name}_far({p} - {q}, 2) + {q} + {offset})",
        f"({p} + 32 - (32 - {offset}))",
        f"(({p} << 1 >> 1) + {offset})",
        f"(({p} & 0xFFFFFFFF00000000) + ({p} & 0xFFFFFFFF) + {offset})",
        f"(({p} + {q}) - {q} + {offset})",
        f"(({p} / 8) * 8 + ({p} % 8) + {offset})",
        f"(bit_insert({p}, 60, 0, 0) + {offset})",
        f"((n & 1 && {p}) + (!(n & 1) && {q}) + {offset})",
        f"(f64_to_int(int_to_f64({p} - {q})) + {q} + {offset})",
    ))  # fmt: skip


def _walk(chance: Random, address: str) -> str:
    """A cursor that moves through a loop, up or down."""
    cursor = f"w{chance.getrandbits(30)}"
    start, step = chance.choice((("@a", "8"), ("@b + 24", "0 - 8"), ("@b", "@b - @b + 8")))
    return (
        f"u64 {cursor} = {start}\n"
        f"    for i in 0..4 {{ store64({cursor}, load64({cursor}) + i) {cursor} += {step} }}\n"
        f"    {cursor} = {address}\n"
        f"    store32({cursor}, r)"
    )


def _index(chance: Random, address: str, value: str) -> str:
    """Bytes of an address, in front of a name and behind it."""
    cursor = f"x{chance.getrandbits(30)}"
    return chance.choice((
        f"u64 {cursor} = {address}\n    {cursor}[n & 7] = {value}",
        f"u64 {cursor} = @a + 32\n    {cursor}[0 - 8] = {value}",
        f"u64 {cursor} = @a\n    {cursor}[@b - @a + (n & 7)] = {value}",
        f"u64 {cursor} = @b\n    if n & 1 {{ {cursor} = @a }}\n    {cursor}[3] = {value}",
        f"u64[2] {cursor}\n    {cursor}[1] = {address}\n    store16({cursor}[1], {value})",
    ))  # fmt: skip
