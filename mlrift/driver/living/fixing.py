"""`mlrc lc --fix`: a file in, the rewritten file out, only if its code stays byte-identical."""

from collections.abc import Sequence
from enum import Enum, unique
from pathlib import Path

from mlrift.driver.artifacts import replace_content
from mlrift.driver.build import on_deep_stack
from mlrift.driver.cache import Cache
from mlrift.driver.fingerprint import compiler_fingerprint
from mlrift.driver.living.rewriting import Migration, Rewritten, rewrite
from mlrift.driver.living.units import find_unit
from mlrift.driver.living.verification import DoesNotCompile, Verifier, compare, roots_of
from mlrift.driver.options import CompileOptions
from mlrift.driver.results import Stored
from mlrift.values import replace, value

STATUS_FAILED = 1
_FAULT = "\n@export fn living_compiler_fault() -> u64 { return 0x5A5A5A5A }\n"


@unique
class Mode(Enum):
    """What is done with the rewritten text."""

    WRITE = "write"
    PREVIEW = "preview"
    INJECT_FAULT = "inject fault"


@value
class Fix:
    """One `--fix`: the file, its text, and what to do."""

    path: Path
    text: str
    migrations: Sequence[Migration]
    mode: Mode


def fix(request: Fix, options: CompileOptions) -> Stored:
    """Carry out a fix; the result holds the exit status, the report and the messages."""
    made = rewrite(request.text, request.migrations)
    if request.mode is Mode.INJECT_FAULT:
        made = Rewritten(made.text + _FAULT, made.sites)
    elif not made.sites:
        return Stored(0, b"", "", f"no sites found: {request.path}\n")
    count = f"{len(made.sites)} site(s)"
    if request.mode is Mode.PREVIEW:
        return Stored(0, b"", "", _preview(request, made) + f"dry run: {count}, nothing written\n")
    stored = on_deep_stack(lambda: _verify(request, made, options))
    if stored.status == 0:
        replace_content(request.path, made.text.encode("utf-8", "surrogateescape"))
        return replace(stored, report=f"fixed {count}: {request.path}\n" + stored.report)
    return stored


def _preview(request: Fix, made: Rewritten) -> str:
    rows = [
        f"{request.path}:{site.line}: {_one_line(site.before)} -> {_one_line(site.after)}\n"
        for site in made.sites
    ]
    return "".join(rows)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _verify(request: Fix, made: Rewritten, options: CompileOptions) -> Stored:
    """Compile the unit with both texts and compare."""
    verifier = Verifier(options, Cache(options.cache_folder), compiler_fingerprint())
    old_text, new_text = (
        text.encode("utf-8", "surrogateescape") for text in (request.text, made.text)
    )
    unit = find_unit(request.path)
    failures: list[str] = []
    for make_root in roots_of(request.path, unit):
        try:
            before = verifier.code_of(make_root(old_text))
        except DoesNotCompile as error:
            failures.append(error.messages)
            continue
        after: dict[tuple[str, str], bytes] = {}
        message = ""
        try:
            after = verifier.code_of(make_root(new_text))
        except DoesNotCompile as error:
            message = error.messages
        return _judge(request, before, after, message)
    reason = (
        "it does not compile alone, and no build unit covers it"
        if unit is None
        else "its build unit does not compile"
    )
    return _refused(request, f"{reason}: {request.path}\n", failures[0])


def _judge(
    request: Fix,
    before: dict[tuple[str, str], bytes],
    after: dict[tuple[str, str], bytes],
    message: str,
) -> Stored:
    if message:
        return _refused(
            request, "VERIFY MISMATCH the rewritten program does not compile\n", message
        )
    difference = compare(before, after)
    if difference is None:
        products = " and ".join(dict.fromkeys(product for product, _ in sorted(before)))
        cpus = " and ".join(dict.fromkeys(cpu for _, cpu in before))
        return Stored(0, b"", "", f"verified: {products} byte-identical for {cpus}\n")
    sizes = f"{difference.size_before} and {difference.size_after} bytes"
    return _refused(
        request, f"VERIFY MISMATCH {difference.product} for {difference.cpu}: {sizes}\n", ""
    )


def _refused(request: Fix, reason: str, messages: str) -> Stored:
    return Stored(STATUS_FAILED, b"", messages, f"{reason}refused, unchanged: {request.path}\n")
