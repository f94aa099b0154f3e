"""Proof that a rewriting changes no code: the unit is compiled with the old and the new text.

The texts are laid over the file system in memory, so no scratch file is ever written. Objects of
both CPUs are compared byte for byte, and executables too when the unit has a `main`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from mlrift.diagnostics.render import render_report
from mlrift.driver import pipeline
from mlrift.driver.cache import Cache
from mlrift.driver.living.units import Unit
from mlrift.driver.modules import FileReader, read_file
from mlrift.driver.options import CompileOptions, Product
from mlrift.frontend import ast
from mlrift.frontend.ast import Program
from mlrift.link.errors import DuplicateSymbolsError, ImageTooLargeError
from mlrift.targets import LINUX_ARM64, LINUX_X86_64, Target
from mlrift.values import replace, value

VERIFIED_TARGETS = (LINUX_X86_64, LINUX_ARM64)
UNIT_NAME = "srcs-unit.mlr"


class DoesNotCompile(Exception):
    """The unit has errors; `messages` is the report."""

    def __init__(self, messages: str) -> None:
        super().__init__(messages)
        self.messages = messages


@value
class Root:
    """What is compiled: the root's path, and the texts that stand before those on disk."""

    path: Path
    texts: Mapping[Path, bytes]


@value
class Difference:
    """Code that is not the same before and after; `product` and `cpu` say which."""

    product: str
    cpu: str
    size_before: int
    size_after: int


class Verifier:
    """Compiles variants of one file's unit and compares their code."""

    def __init__(self, options: CompileOptions, cache: Cache, fingerprint: str) -> None:
        self._options = options
        self._cache = cache
        self._fingerprint = fingerprint

    def code_of(self, root: Root) -> dict[tuple[str, str], bytes]:
        """Return the code of a unit by product and CPU; raises DoesNotCompile."""
        code: dict[tuple[str, str], bytes] = {}
        for target in VERIFIED_TARGETS:
            products = [Product.OBJECT]
            while products:
                product = products.pop()
                program, data = self._compile(root, product, target)
                code[product.value, target.cpu.name] = data
                if product is Product.OBJECT and _has_main(program):
                    products.append(Product.EXECUTABLE)
        return code

    def _compile(self, root: Root, product: Product, target: Target) -> tuple[Program, bytes]:
        options = replace(
            self._options, source=root.path, output=None, product=product, targets=(target,)
        )
        context = pipeline.BuildContext(
            options, pipeline.new_sink(options), self._cache, self._fingerprint
        )
        program = pipeline.parse(context, overlay(root.texts))
        _stop_on_errors(context)
        typed = pipeline.check_types(context, program)
        _stop_on_errors(context)
        module = pipeline.make_module(context, typed)
        pipeline.optimise_module(context, module)
        if product is Product.OBJECT:
            return program, pipeline.compile_cpu(context, module, target.cpu)
        try:
            return program, pipeline.slices(context, module)[0].image
        except (DuplicateSymbolsError, ImageTooLargeError) as error:
            raise DoesNotCompile(f"{error}\n") from error


def overlay(texts: Mapping[Path, bytes]) -> FileReader:
    """Return a reader that answers from `texts`, by real path, before it asks the disk."""

    def read(path: str) -> bytes:
        laid_over = texts.get(Path(path).resolve())
        return read_file(path) if laid_over is None else laid_over

    return read


def roots_of(path: Path, unit: Unit | None) -> list[Callable[[bytes], Root]]:
    """Return the ways to compile the file's unit, given the file's text; the first to work counts.

    Files of a unit either import each other, or are concatenated by the Makefile.
    """
    real = path.resolve()
    if unit is None:
        return [lambda text: Root(path, {real: text})]
    root = unit.folder / UNIT_NAME

    def importing(text: bytes) -> Root:
        lines = [f'import "{file}"\n'.encode() for file in unit.files]
        return Root(root, {real: text, root: b"".join(lines)})

    def concatenated(text: bytes) -> Root:
        parts = [text if file == real else file.read_bytes() for file in unit.files]
        return Root(root, {root: b"\n".join(parts)})

    return [importing, concatenated]


def compare(
    before: Mapping[tuple[str, str], bytes], after: Mapping[tuple[str, str], bytes]
) -> Difference | None:
    """Return the first difference between the code of two variants."""
    for product, cpu in sorted(before.keys() | after.keys()):
        old, new = before.get((product, cpu), b""), after.get((product, cpu), b"")
        if old != new:
            return Difference(product, cpu, len(old), len(new))
    return None


def _stop_on_errors(context: pipeline.BuildContext) -> None:
    if context.sink.has_errors:
        raise DoesNotCompile(render_report(context.sink))


def _has_main(program: Program) -> bool:
    return any(
        type(item) is ast.Function and item.name.text == "main"
        for module in program.modules
        for item in module.items
    )
