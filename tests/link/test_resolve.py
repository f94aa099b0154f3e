"""Symbol resolution: what is kept, what is refused, and that order alone decides."""

import pytest

from mlrift.link.image import ImportedSymbol, LinkError, LinkOptions, link
from mlrift.link.objects import Binding, SectionKind
from mlrift.link.resolve import Program, resolve
from mlrift.targets import LINUX_X86_64, TARGETS, WINDOWS_X86_64, X86_64
from mlrift.values import replace
from tests.link.objects_by_hand import call, section, unit
from tests.link.programs import link_program, program_objects, program_options

START = LinkOptions(entry="start")


def live_names(program: Program) -> list[str]:
    return [
        program.objects[index].sections[section_index].name
        for index, live in enumerate(program.live)
        for section_index in live
    ]


def test_all_undefined_symbols_are_listed_with_their_users() -> None:
    start = unit("a.o", [section("t", relocations=(call("x"), call("y", 8)))], {"start": 0})
    with pytest.raises(LinkError) as caught:
        link([start], LINUX_X86_64, START)
    text = str(caught.value)
    assert "`x`, needed by section t of a.o" in text
    assert "`y`" in text


def test_missing_entry_and_missing_kept_symbol_are_undefined() -> None:
    with pytest.raises(LinkError, match="`start`, needed by the entry point"):
        link([], LINUX_X86_64, START)
    start = unit("a.o", [section("t")], {"start": 0})
    with pytest.raises(LinkError, match="`kept`, needed by the list of symbols to keep"):
        link([start], LINUX_X86_64, replace(START, keep=("kept",)))


def test_duplicate_definitions_are_refused() -> None:
    units = [unit(name, [section("t")], {"start": 0}) for name in ("a.o", "b.o")]
    with pytest.raises(LinkError, match=r"`start` in a\.o and b\.o"):
        link(units, LINUX_X86_64, START)


def test_defining_a_linker_symbol_is_refused() -> None:
    start = unit("a.o", [section("t")], {"start": 0, "__image_base": 0})
    with pytest.raises(LinkError, match="the linker defines it"):
        link([start], LINUX_X86_64, START)


def test_a_strong_definition_beats_a_weak_one_in_either_order() -> None:
    start = unit("a.o", [section("t", relocations=(call("f"),))], {"start": 0})
    weak = unit("w.o", [section("weak")], {"f": 0}, Binding.WEAK)
    strong = unit("s.o", [section("strong")], {"f": 0})
    for units in ([start, weak, strong], [start, strong, weak]):
        assert live_names(resolve(units, START, X86_64)) == ["t", "strong"]
    assert live_names(resolve([start, weak, weak], START, X86_64)) == ["t", "weak"]


def test_local_symbols_of_two_objects_do_not_meet() -> None:
    units = []
    for name in ("a", "b"):
        code = section(f"code {name}", relocations=(call("f.1"),))
        local = section(f"local {name}")
        part = unit(name, [code, local], {"start" if name == "a" else "kept": 0})
        part.symbols |= unit(name, [], {"f.1": 1}, Binding.LOCAL).symbols
        units.append(part)
    options = replace(START, keep=("kept",))
    program = resolve(units, options, X86_64)
    assert live_names(program) == ["code a", "local a", "code b", "local b"]


def test_unreachable_sections_disappear_with_their_undefined_symbols() -> None:
    parts = [
        section("start", relocations=(call("used"),)),
        section("used"),
        section("dead", relocations=(call("nowhere"),)),
    ]
    whole = unit("a.o", parts, {"start": 0, "used": 1, "dead": 2})
    assert live_names(resolve([whole], START, X86_64)) == ["start", "used"]
    with pytest.raises(LinkError, match="nowhere"):
        resolve([whole], replace(START, keep=("dead",)), X86_64)


def test_code_in_a_debug_section_is_refused() -> None:
    parts = [section("start", relocations=(call("d"),)), section("x", SectionKind.DEBUG)]
    with pytest.raises(LinkError, match="debug section"):
        resolve([unit("a.o", parts, {"start": 0, "d": 1})], START, X86_64)


def test_unused_imports_leave_no_trace() -> None:
    image = link_program(WINDOWS_X86_64)
    assert b"WriteFile" in image
    assert b"ReadFile" not in image


def test_an_own_definition_hides_an_import_of_the_same_name() -> None:
    start = unit("a.o", [section("t", relocations=(call("f"),))], {"start": 0})
    own = unit("b.o", [section("own")], {"f": 0})
    options = replace(START, imports={"f": ImportedSymbol("x.dll", "f")})
    assert resolve([start, own], options, X86_64).libraries == ()
    assert resolve([start], options, X86_64).libraries[0].functions == (("f", "f"),)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_linking_twice_gives_the_same_bytes_and_changes_no_object(target: object) -> None:
    row = next(row for row in TARGETS if row is target)
    objects = program_objects(row)
    options = program_options(row)
    before = repr(objects)
    assert link(objects, row, options) == link(objects, row, options)
    assert repr(objects) == before
