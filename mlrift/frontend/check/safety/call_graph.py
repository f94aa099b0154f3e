"""Who calls whom: the functions of a program in, their calls in source order out."""

from collections.abc import Callable, Iterator

from mlrift.frontend import ast
from mlrift.frontend.walk import walk
from mlrift.source import Span
from mlrift.values import value


@value
class CallSite:
    """One call: the name that is called, and where."""

    name: str
    span: Span


@value
class CallGraph:
    """The functions of a program by name, and the calls in each."""

    functions: dict[str, ast.Function]
    calls: dict[str, list[CallSite]]


def call_graph(program: ast.Program) -> CallGraph:
    """Return the call graph of a program."""
    functions = {
        item.name.text: item
        for module in program.modules
        for item in module.items
        if type(item) is ast.Function
    }
    return CallGraph(functions, {name: list(_calls(row)) for name, row in functions.items()})


def annotation_of(function: ast.Function, name: str) -> ast.Annotation | None:
    """Return the annotation of this name, or None."""
    return next((row for row in function.annotations if row.name == name), None)


def annotation_words(annotation: ast.Annotation) -> list[str]:
    """Return the words between the parentheses of an annotation."""
    return (annotation.arguments or "").replace(",", " ").replace("|", " ").split()


def settle(names: list[str], improve: Callable[[str], bool]) -> None:
    """Call `improve` for all names until it changes nothing any more."""
    while any([improve(name) for name in names]):
        pass


def _calls(function: ast.Function) -> Iterator[CallSite]:
    for found in walk(function.body):
        if type(found) is ast.Call:
            yield CallSite(found.function.text, found.span)
        elif type(found) is ast.MethodCall:
            yield CallSite(found.method.text, found.span)
