"""`mlrc test`: a file with functions marked `@test` in, one program that runs any of them out.

The program takes the number of a test as its argument. It has a `main` of ours; that of the file
gets a name that cannot be written, and so do the calls of it. A test fails by returning anything
but 0, by an exit status other than 0, or by a trap.
"""

from mlrift.diagnostics.render import Color, render_json, render_report
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver import pipeline
from mlrift.driver.build import on_deep_stack
from mlrift.driver.cache import Cache
from mlrift.driver.fingerprint import compiler_fingerprint
from mlrift.driver.modules import read_file
from mlrift.driver.options import CompileOptions, ErrorFormat
from mlrift.driver.results import Stored
from mlrift.frontend import ast
from mlrift.frontend.parser import parse_program_text
from mlrift.frontend.walk import walk
from mlrift.link.errors import DuplicateSymbolsError, ImageTooLargeError
from mlrift.source import SourceFile
from mlrift.values import value

ANNOTATION = "test"
PROGRAM_MAIN = "program.main"
STATUS_FAILED = 1
_INTEGER_RESULTS = frozenset(
    f"{sign}{bits}" for sign in ("u", "i", "uint", "int") for bits in (8, 16, 32, 64)
)
_ARGUMENT_STATICS = ("cli_argc", "cli_argv")
# Operators of the language bind as reference.md says, so every operation has its parentheses.
_MAIN = """
fn main() -> u64 {{
    u64 mlrift_test_text = load64(cli_argv + 8)
    u64 mlrift_test_number = 0
    while load8(mlrift_test_text) != 0 {{
        mlrift_test_number = (mlrift_test_number * 10) + (load8(mlrift_test_text) - 48)
        mlrift_test_text += 1
    }}
    u64 mlrift_test_result = 0
    match mlrift_test_number {{
{arms}    }}
    if mlrift_test_result == 0 {{ return 0 }}
    if (mlrift_test_result & 255) == 0 {{ return 255 }}
    return mlrift_test_result
}}
"""


@value
class TestProgram:
    """The tests of a file in its order, and the executable that runs them by number."""

    __test__ = False  # not a class of tests

    names: tuple[str, ...]
    image: bytes
    messages: str
    status: int


def build_tests(options: CompileOptions) -> TestProgram:
    """Compile the tests of the options' source; after errors the status is not 0."""
    made: list[TestProgram] = []

    def work() -> Stored:
        made.append(_build(options))
        return Stored(0, b"", "", "")

    on_deep_stack(work)
    return made[0]


def _build(options: CompileOptions) -> TestProgram:
    sink = pipeline.new_sink(options)
    cache = Cache(options.cache_folder)
    context = pipeline.BuildContext(options, sink, cache, compiler_fingerprint())
    program = pipeline.parse(context, read_file)
    if sink.has_errors:
        return _failed(options, sink)
    tests = _tests_of(program.modules[-1])
    mistakes = "".join(_mistake(test) for test in tests)
    if mistakes:
        return TestProgram((), b"", mistakes, STATUS_FAILED)
    if tests:
        _hide_main(program)
        program.modules.append(_harness(program, tests))
    typed = pipeline.check_types(context, program)
    if sink.has_errors:
        return _failed(options, sink)
    names = tuple(test.name.text for test in tests)
    messages = _messages(options, sink)
    if not tests:
        return TestProgram((), b"", messages, 0)
    module = pipeline.make_module(context, typed)
    pipeline.optimise_module(context, module)
    try:
        return TestProgram(names, pipeline.slices(context, module)[0].image, messages, 0)
    except (DuplicateSymbolsError, ImageTooLargeError) as error:
        return TestProgram((), b"", f"error: {error}\n", STATUS_FAILED)


def _failed(options: CompileOptions, sink: DiagnosticSink) -> TestProgram:
    return TestProgram((), b"", _messages(options, sink), STATUS_FAILED)


def _messages(options: CompileOptions, sink: DiagnosticSink) -> str:
    if not sink.diagnostics():
        return ""
    if options.error_format is ErrorFormat.JSON:
        return render_json(sink)
    coloured = options.error_format is ErrorFormat.COLOURED
    return render_report(sink, Color.ALWAYS if coloured else Color.NEVER)


def _tests_of(module: ast.SourceModule) -> list[ast.Function]:
    return [
        item
        for item in module.items
        if type(item) is ast.Function and any(row.name == ANNOTATION for row in item.annotations)
    ]


def _mistake(test: ast.Function) -> str:
    """Return the message on a function that cannot be a test, or ""."""
    span = test.name.span
    place = f"{span.file.path}:{span.line}:{span.column}"
    name = test.name.text
    if test.parameters or test.receiver is not None:
        return f"{place}: error: a @test function takes no parameters: '{name}'\n"
    if test.result is not None and test.result.name not in _INTEGER_RESULTS:
        return (
            f"{place}: error: a @test function returns nothing or an integer, 0 for success: "
            f"'{name}' returns {test.result.name}\n"
        )
    if name == "main":
        return f"{place}: error: `main` cannot be a test; give the test a name of its own\n"
    return ""


def _hide_main(program: ast.Program) -> None:
    """Give the program's `main`, and the calls of it, another name."""
    for module in program.modules:
        for item in module.items:
            if type(item) is not ast.Function:
                continue
            if item.name.text == "main":
                item.name = ast.Name(PROGRAM_MAIN, item.name.span)
            for call in walk(item.body):
                if type(call) is ast.Call and call.function.text == "main":
                    call.function = ast.Name(PROGRAM_MAIN, call.function.span)


def _harness(program: ast.Program, tests: list[ast.Function]) -> ast.SourceModule:
    """Return a file with the `main` that runs one test."""
    declared = {
        item.name.text
        for module in program.modules
        for item in module.items
        if type(item) is ast.Static
    }
    statics = [f"static u64 {name}\n" for name in _ARGUMENT_STATICS if name not in declared]
    arms = []
    for number, test in enumerate(tests):
        target = "" if test.result is None else "mlrift_test_result = "
        arms.append(f"        {number} => {{ {target}{test.name.text}() }}\n")
    text = "".join(statics) + _MAIN.format(arms="".join(arms))
    return parse_program_text(SourceFile("<tests>", text), DiagnosticSink())
