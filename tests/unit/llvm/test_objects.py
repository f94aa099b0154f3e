"""Objects and listings: names, formats, sections, coverage of the ops, refusals."""

import struct

import lief
import pytest

from mlrift.backends import BackendError, hosts
from mlrift.backends.llvm.objects import (
    compile_assembly,
    compile_object,
    compile_objects,
    compile_support,
    emit_llvm,
    optimised_llvm,
)
from mlrift.backends.llvm.options import (
    CodegenOptions,
    DebugInfo,
    ObjectFlavour,
    OptimisationLevel,
)
from mlrift.backends.rules import Rules
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Global, Linkage, Module, Successor
from mlrift.ir.op import REGISTRY
from mlrift.ir.ops import arith, atomic, call, compare, control, memory
from mlrift.ir.ops.rare import is_core
from mlrift.link.objects import SectionKind
from mlrift.link.read_elf import read_elf
from mlrift.targets import ANDROID, ARM64, LINUX, MACOS, SYSTEMS, WINDOWS, X86_64, Cpu, System
from mlrift.typesystem import F64, I8, I64
from tests.unit.llvm.machine_code import CPUS, new_function

NATIVE = ObjectFlavour.NATIVE


def small_module() -> Module:
    """`main` (exported) calls `helper`, `memcpy` (the program's) and reads `counter`."""
    module = Module("small")
    module.globals["counter"] = Global("counter", 8, 8, b"\7")
    for name in ("helper", "memcpy", "a_rather_long_function_name"):
        inner = new_function(module, name, (I64,), (I64,), Linkage.INTERNAL)
        inner.emit(control.Return([inner.function.parameters[0]]))
    builder = new_function(module, "main")
    word: arith.Add | memory.Load = builder.emit(
        memory.Load(builder.emit(memory.GlobalAddress("counter")), I64)
    )
    for name in ("helper", "memcpy", "a_rather_long_function_name"):
        word = builder.emit(arith.Add(word, builder.emit(call.Call(name, [word], (I64,)))))
    builder.emit(control.Return([word]))
    return module


def native(system: System, **options: object) -> CodegenOptions:
    """Options for an object of a system's own format, without optimisation."""
    return CodegenOptions(OptimisationLevel.NONE, NATIVE, system, **options)  # type: ignore[arg-type]  # test


@pytest.mark.parametrize("target", hosts(), ids=lambda row: row.cpu.name)
def test_every_op_has_a_rule(target: object) -> None:
    assert not target.rules.missing()  # type: ignore[attr-defined]  # a HostTarget


def test_an_op_without_a_rule_is_missing_until_a_reason_is_stated() -> None:
    rules: Rules[None] = Rules("test")
    assert len(rules.missing()) == len([row for row in REGISTRY if is_core(row)])
    rules.unsupported(arith.Add, "no adder")
    assert arith.Add not in rules.missing()
    with pytest.raises(BackendError, match="no adder"):
        rules.table[arith.Add](None, arith.Add(arith.Constant(1, I64), arith.Constant(1, I64)))


def lief_names(data: bytes) -> set[str]:
    """The symbol names of an ELF or Mach-O object."""
    parsed = lief.parse(list(data))
    assert parsed is not None
    return {str(symbol.name) for symbol in parsed.symbols}


def coff_names(data: bytes) -> set[str]:
    """The symbol names of a COFF object; lief wants every name to begin its own string."""
    table, count = struct.unpack_from("<II", data, 8)
    strings, names, index = table + count * 18, set(), 0
    while index < count:
        row = data[table + index * 18 : table + index * 18 + 18]
        if row.startswith(bytes(4)):
            start = strings + struct.unpack_from("<I", row, 4)[0]
            names.add(data[start : data.index(b"\0", start)].decode())
        else:
            names.add(row[:8].rstrip(b"\0").decode())
        index += 1 + row[17]
    return names


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda row: row.name)
def test_native_objects_show_plain_names(cpu: Cpu, system: System) -> None:
    for debug in DebugInfo:
        data = compile_object(small_module(), cpu, native(system, debug=debug))
        names = coff_names(data) if system is WINDOWS else lief_names(data)
        prefix = "_" if system is MACOS else ""
        for name in ("main", "helper", "memcpy", "a_rather_long_function_name", "counter"):
            assert prefix + name in names
        assert not [name for name in names if "fn." in name or "var." in name]


def test_native_formats_are_the_systems_own() -> None:
    starts = {LINUX: b"\x7fELF", ANDROID: b"\x7fELF", WINDOWS: b"\x64\x86", MACOS: b"\xcf\xfa"}
    for system, start in starts.items():
        assert compile_object(small_module(), X86_64, native(system)).startswith(start)


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_listings_show_plain_names(cpu: Cpu) -> None:
    text = compile_assembly(small_module(), cpu, native(LINUX))
    assert "\nhelper:" in text
    assert "fn." not in text
    assert "var." not in text


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_portable_objects_have_a_section_per_symbol(cpu: Cpu) -> None:
    module = small_module()
    module.globals["zeros"] = Global("zeros", 100, 8)
    module.globals["table"] = Global("table", 3, 1, b"abc", Linkage.INTERNAL, is_constant=True)
    builder = new_function(module, "use")
    total: arith.Add | memory.GlobalAddress = builder.emit(memory.GlobalAddress("zeros"))
    total = builder.emit(arith.Add(total, builder.emit(memory.GlobalAddress("table"))))
    builder.emit(control.Return([total]))
    options = CodegenOptions(OptimisationLevel.NONE)
    made = read_elf(compile_object(module, cpu, options), "small")
    kinds = {section.name: section.kind for section in made.sections}
    assert kinds[".text.main"] is kinds[".text.helper"] is SectionKind.CODE
    assert kinds[".data.counter"] is SectionKind.DATA
    assert kinds[".bss.zeros"] is SectionKind.ZERO
    assert kinds[".rodata.table"] is SectionKind.CONSTANT


@pytest.mark.parametrize("level", OptimisationLevel, ids=lambda row: row.value)
def test_objects_are_the_same_every_time_and_in_threads(level: OptimisationLevel) -> None:
    options = CodegenOptions(level)
    first = compile_objects(small_module(), CPUS, options)
    assert compile_objects(small_module(), CPUS, options) == first
    for cpu in CPUS:
        assert compile_object(small_module(), cpu, options) == first[cpu.name]


def test_ops_of_one_cpu_are_not_shared() -> None:
    module = Module("barrier")
    builder = new_function(module, "main", (), ())
    builder.emit(atomic.Barrier(atomic.BarrierKind.MEMORY))
    builder.emit(control.Return([]))
    options = CodegenOptions()
    made = compile_objects(module, CPUS, options)
    assert {cpu.name: compile_object(module, cpu, options) for cpu in CPUS} == made
    assert "mfence" in compile_assembly(module, X86_64, options)
    assert "dmb\tish" in compile_assembly(module, ARM64, options)


def test_windows_calls_c_functions_by_its_own_convention() -> None:
    module = Module("windows")
    builder = new_function(module, "main", (), ())
    builder.call_external("ExitProcess", [builder.word(3)], ())
    builder.call_external("os.exit", [builder.word(3)], ())
    builder.emit(control.Return([]))
    text = emit_llvm(module, X86_64, CodegenOptions(system=WINDOWS))
    assert "call win64cc void @ExitProcess(i64 3)" in text
    assert "call void @os.exit(i64 3)" in text
    assert "win64cc" not in emit_llvm(module, ARM64, CodegenOptions(system=WINDOWS))
    assert "win64cc" not in emit_llvm(module, X86_64, CodegenOptions(system=LINUX))


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_support_functions_call_only_each_other(cpu: Cpu) -> None:
    made = read_elf(compile_support(cpu), "support")
    assert {row.name for row in made.symbols.values() if row.section_index is None} == set()
    wanted = {"memcpy", "memmove", "memset", "memcmp", "bcmp"}
    assert wanted <= {row.name for row in made.symbols.values()}


def loop_over(builder: Builder, limit: object) -> tuple[BlockParameter, Block]:
    """Start `for i in 0..limit`; return the counter and the block after the loop."""
    counter = BlockParameter(I64, "i")
    head = Block("head", [counter])
    body, after = builder.new_block("body"), builder.new_block("after")
    builder.function.blocks.append(head)
    builder.emit(control.Jump(Successor(head, [builder.word(0)])))
    builder.block = head
    more = compare.CompareInteger(compare.IntegerPredicate.ULT, counter, limit)  # type: ignore[arg-type]  # a Value
    builder.emit(control.Branch(builder.emit(more), Successor(body), Successor(after)))
    builder.block = body
    return counter, after


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_loops_over_word_addresses_become_vectors(cpu: Cpu) -> None:
    """y[i] = x[i] * a + y[i] with addresses that are plain words, as C would do it."""
    module = Module("vectors")
    builder = new_function(module, "axpy", (I64, I64, I64, F64), ())
    x, y, count, scale = builder.function.parameters
    counter, after = loop_over(builder, count)
    offset = builder.emit(arith.Shl(counter, builder.word(3)))
    from_x = builder.emit(memory.Load(builder.emit(arith.Add(x, offset)), F64))
    place = builder.emit(arith.Add(y, offset))
    product = builder.emit(arith.FMul(from_x, scale))
    total = builder.emit(arith.FAdd(product, builder.emit(memory.Load(place, F64))))
    builder.emit(memory.Store(place, total, F64))
    following = builder.emit(arith.Add(counter, builder.word(1)))
    head = next(block for block in builder.function.blocks if block.name == "head")
    builder.emit(control.Jump(Successor(head, [following])))
    builder.block = after
    builder.emit(control.Return([]))
    text = optimised_llvm(module, cpu, CodegenOptions())
    assert "fmul <2 x double>" in text
    assert "fmuladd" not in text
    assert "fmadd" not in compile_assembly(module, cpu, CodegenOptions())


def test_what_cannot_be_lowered_is_a_backend_error() -> None:
    module = Module("bad")
    builder = new_function(module, "main", (), ())
    builder.emit(call.Call("nowhere", [], ()))
    builder.emit(control.Return([]))
    with pytest.raises(BackendError, match=r"in function `main`.*nowhere"):
        compile_object(module, X86_64, CodegenOptions())


def test_malformed_functions_are_refused_before_code_generation() -> None:
    module = Module("bad")
    builder = new_function(module, "main", (), (I64,))
    later = arith.Add(builder.word(1), builder.word(2))
    builder.emit(control.Return([builder.emit(arith.Constant(1.0, F64))]))
    assert later is not None
    with pytest.raises(BackendError, match="does not accept"):
        compile_object(module, X86_64, CodegenOptions())


def test_naked_functions_with_a_body_are_refused() -> None:
    module = Module("naked")
    builder = new_function(module, "main", (I64,), (I64,))
    builder.function.is_naked = True
    builder.emit(control.Return([builder.function.parameters[0]]))
    with pytest.raises(BackendError, match="naked"):
        compile_object(module, X86_64, CodegenOptions())


def test_a_native_object_needs_a_system() -> None:
    with pytest.raises(BackendError, match="operating system"):
        compile_object(small_module(), X86_64, CodegenOptions(flavour=NATIVE))


def test_a_global_symbol_may_not_look_like_an_intrinsic() -> None:
    module = Module("bad")
    builder = new_function(module, "llvm.trap", (), ())
    builder.emit(control.Return([]))
    with pytest.raises(BackendError, match="reserves"):
        compile_object(module, X86_64, CodegenOptions())


@pytest.mark.parametrize(
    ("cpu", "touch"), [(X86_64, "movq\t$0, (%rsp)"), (ARM64, "str\txzr, [sp]")]
)
def test_big_frames_touch_every_page(cpu: Cpu, touch: str) -> None:
    """Windows has one guard page: a frame that skips it faults."""
    module = Module("frame")
    builder = new_function(module, "main", (I64,), (I64,))
    base = builder.emit(memory.Stack(100_000, 8))
    place = builder.emit(arith.Add(base, builder.function.parameters[0]))
    builder.emit(memory.VolatileStore(place, builder.word(1), I64))
    builder.emit(control.Return([builder.emit(memory.VolatileLoad(place, I64))]))
    text = compile_assembly(module, cpu, CodegenOptions())
    assert touch in text
    assert "chkstk" not in text


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_a_string_length_loop_stays_a_loop(cpu: Cpu) -> None:
    module = Module("length")
    builder = new_function(module, "length", (I64,), (I64,))
    text = builder.function.parameters[0]
    counter, after = BlockParameter(I64, "i"), builder.new_block("after")
    head, body = Block("head", [counter]), builder.new_block("body")
    builder.function.blocks.append(head)
    builder.emit(control.Jump(Successor(head, [builder.word(0)])))
    builder.block = head
    byte = builder.emit(memory.Load(builder.emit(arith.Add(text, counter)), I8))
    builder.branch(builder.truth(byte), body, after)
    builder.block = body
    following = builder.emit(arith.Add(counter, builder.word(1)))
    builder.emit(control.Jump(Successor(head, [following])))
    builder.block = after
    builder.emit(control.Return([counter]))
    assert "strlen" not in compile_assembly(module, cpu, CodegenOptions())


def test_rotations_are_no_double_shifts() -> None:
    """LLVM's model of x86-64-v2 is a processor where SHLD is quick, which it is on few."""
    module = Module("rotation")
    builder = new_function(module, "rotate", (I64,), (I64,))
    word = builder.function.parameters[0]
    high = builder.emit(arith.Shl(word, builder.word(30)))
    low = builder.emit(arith.Lshr(word, builder.word(34)))
    builder.emit(control.Return([builder.emit(arith.Or(high, low))]))
    text = compile_assembly(module, X86_64, CodegenOptions(OptimisationLevel.FULL))
    assert "shld" not in text
    assert "rol" in text or "ror" in text
