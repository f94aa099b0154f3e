"""The sink and the renderer: order, counts, excerpts, totals, JSON."""

import json

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Severity
from mlrift.diagnostics.render import Color, render_diagnostic, render_json, render_report
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.diagnostics.suggest import did_you_mean
from mlrift.source import SourceFile, Span

FILE = SourceFile("a.mlr", "fn main() {\n\tu64 x = yy + 1\n}\n")
START = FILE.text.index("yy")
YY = Span(FILE, START, START + 2)


def test_excerpt_with_label_note_and_help() -> None:
    diagnostic = catalog.UNDECLARED_IDENTIFIER.at(YY, name="yy", suggestion="")
    diagnostic = diagnostic.label(Span(FILE, 3, 7), "in this function").note("n").help("h")
    assert render_diagnostic(diagnostic).splitlines() == [
        "a.mlr:2:10: error: use of undeclared identifier 'yy' [E0501]",
        "2 |     u64 x = yy + 1",
        "  |             ^^",
        "1 | fn main() {",
        "  |    ^^^^ in this function",
        "  note: n",
        "  help: h",
    ]


def test_a_line_with_two_places_is_shown_once() -> None:
    number = Span(FILE, START + 5, START + 6)
    diagnostic = catalog.UNDECLARED_IDENTIFIER.at(YY, name="yy", suggestion="")
    assert render_diagnostic(diagnostic.label(number, "with this")).splitlines()[1:] == [
        "2 |     u64 x = yy + 1",
        "  |             ^^",
        "  |                  ^ with this",
    ]


def test_colours_only_when_asked() -> None:
    diagnostic = catalog.UNREACHABLE_CODE.at(YY)
    assert "\x1b" not in render_diagnostic(diagnostic)
    assert "\x1b[1;35mwarning:\x1b[0m" in render_diagnostic(diagnostic, Color.ALWAYS)


def test_long_lines_are_cut_around_the_caret() -> None:
    text = "x" * 5000 + " here " + "y" * 5000
    file = SourceFile("long.mlr", text)
    start = text.index("here")
    lines = render_diagnostic(
        catalog.UNREACHABLE_CODE.at(Span(file, start, start + 4))
    ).splitlines()
    assert all(len(line) < 200 for line in lines)
    assert lines[1][lines[2].index("^") :].startswith("here")
    whole = render_diagnostic(catalog.UNREACHABLE_CODE.at(Span(file, 0, len(text)))).splitlines()
    assert all(len(line) < 200 for line in whole)


def test_wide_and_control_characters() -> None:
    file = SourceFile("w.mlr", '"\u754c\u754c\x1b[31m" zz')
    span = Span(file, file.text.index("zz"), len(file.text))
    lines = render_diagnostic(catalog.UNREACHABLE_CODE.at(span)).splitlines()
    assert "\x1b" not in "".join(lines)
    # Two cells for each ideograph.
    assert lines[2].index("^") == lines[1].index("zz") + 2


def test_span_at_the_end_and_over_several_lines() -> None:
    end = Span(FILE, len(FILE.text), len(FILE.text))
    assert render_diagnostic(catalog.UNREACHABLE_CODE.at(end)).splitlines()[2] == "  | ^"
    several = Span(FILE, 0, len(FILE.text))
    assert (
        render_diagnostic(catalog.UNREACHABLE_CODE.at(several)).splitlines()[2].endswith("^" * 11)
    )


def test_order_duplicates_and_counts() -> None:
    other = SourceFile("b.mlr", "zz")
    sink = DiagnosticSink()
    sink.emit(catalog.NO_MAIN.at(None))
    sink.emit(catalog.UNREACHABLE_CODE.at(Span(other, 0, 1)))
    sink.emit(catalog.UNREACHABLE_CODE.at(YY))
    sink.emit(catalog.UNREACHABLE_CODE.at(YY))
    sink.emit(catalog.BREAK_OUTSIDE_LOOP.at(Span(FILE, 0, 2)))
    assert (sink.error_count, sink.warning_count) == (2, 2)
    codes = [entry.code for entry in sink.diagnostics()]
    assert codes == ["W0305", "E0314", "W0305", "E0106"]
    sink.set_file_order([FILE, other])
    codes = [entry.code for entry in sink.diagnostics()]
    assert codes == ["E0314", "W0305", "W0305", "E0106"]


def test_type_shape_errors_can_be_demoted() -> None:
    sink = DiagnosticSink(catalog.TYPE_SHAPE_KINDS)
    sink.emit(catalog.CONDITION_IS_FLOAT.at(YY))
    assert not sink.has_errors
    assert sink.diagnostics()[0].severity is Severity.WARNING


def test_totals() -> None:
    sink = DiagnosticSink()
    assert render_report(sink) == ""
    sink.emit(catalog.UNREACHABLE_CODE.at(YY))
    assert render_report(sink).endswith("\n\n0 error(s), 1 warning(s)\n")
    sink.emit(catalog.CONDITION_IS_FLOAT.at(YY))
    assert render_report(sink).endswith("\n1 error(s), 1 warning(s)\ntype check failed\n")
    sink.emit(catalog.BREAK_OUTSIDE_LOOP.at(YY))
    assert render_report(sink).endswith("\n2 error(s), 1 warning(s)\n2 error(s) found\n")


def test_at_most_twenty_syntax_errors_are_shown() -> None:
    sink = DiagnosticSink()
    for start in range(25):
        sink.emit(catalog.NUL_BYTE.at(Span(FILE, start, start + 1)))
    text = render_report(sink)
    assert text.count("error:") == 20
    assert text.endswith("\n25 parse error(s)\n")


def test_json_has_one_object_a_line() -> None:
    sink = DiagnosticSink()
    sink.emit(
        catalog.UNDECLARED_IDENTIFIER.at(YY, name="yy", suggestion="").label(YY, "l").note("n")
    )
    sink.emit(catalog.NO_MAIN.at(None))
    first, second = map(json.loads, render_json(sink).splitlines())
    place = {"file": "a.mlr", "line": 2, "column": 10, "end_line": 2, "end_column": 12}
    assert first == {
        "code": "E0501",
        "severity": "error",
        "message": "use of undeclared identifier 'yy'",
        **place,
        "labels": [{**place, "text": "l"}],
        "notes": ["n"],
        "helps": [],
    }
    assert second["file"] is None


def test_suggestions() -> None:
    assert did_you_mean("coutn", ["court", "count", "x"]) == "; did you mean 'count'?"
    assert did_you_mean("ab", ["abc"]) == ""
    assert did_you_mean("banana", ["apple"]) == ""
    assert did_you_mean("count", ["count"]) == ""


def test_codes_are_unique_and_in_their_range() -> None:
    codes = [kind.code for kind in catalog.ALL_KINDS]
    assert len(set(codes)) == len(codes)
    for kind in catalog.ALL_KINDS:
        assert kind.code[0] == ("E" if kind.severity is Severity.ERROR else "W")
        assert kind.code[1:].isdigit() and len(kind.code) == 5


def test_key_phrases_of_the_language_reference_are_verbatim() -> None:
    phrases = [kind.phrase for kind in catalog.ALL_KINDS]
    for phrase in KEY_PHRASES:
        assert any(phrase in text for text in phrases), phrase


KEY_PHRASES = """
file not found
cannot open import:
compilation aborted: one or more imports could not be opened
cannot open output file for writing:
no 'main' function found
redefinition of function
redefinition of variable in same scope
wrong number of arguments
wrong number of arguments to builtin
function with return type may not return a value on all paths
type mismatch: expected bool
type mismatch: bool requires explicit cast
type mismatch: expected char
type mismatch: char requires explicit cast
match on a float scrutinee is not supported
literal initializer does not fit the declared type (truncated)
literal assignment does not fit the target type (truncated)
unused variable (prefix with _ to suppress)
variable used before initialization
unreachable code after return/break/exit
no such field on this struct type
field access on non-struct value
arithmetic operator on struct value
ordering comparison on struct value
condition must be a scalar, got struct value
condition must be a scalar, got float value
result of void-returning function used as a value
void-returning function used to initialize a variable
void-returning function assigned to a variable
returning the result of a void-returning function
return with value in void function
return without value in non-void function
initializer struct kind does not match declared type
assignment struct kind does not match
argument struct kind does not match parameter type
return value struct kind does not match declared type
return value float kind does not match declared type
match-arm pattern struct kind does not match scrutinee
use of undeclared identifier '
undefined function '
fn_addr: undefined function '
too many call arguments (max 32)
unrecognized asm instruction '
float exponent too large
""".strip().splitlines()
