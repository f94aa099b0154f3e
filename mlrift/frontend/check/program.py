"""The whole check: an AST program in, the typed program out, findings into the sink.

Every function is checked, reachable or not; only reachable ones are in the result. All independent
errors are found in one run; the result is meant for lowering only if the sink has no errors.
"""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins.table import BUILTINS
from mlrift.frontend.check.access import AccessChecker
from mlrift.frontend.check.assembly import AssemblyChecker
from mlrift.frontend.check.assignments import AssignmentChecker
from mlrift.frontend.check.calls import CallChecker
from mlrift.frontend.check.constants import ConstantChecker
from mlrift.frontend.check.context import Context, Wiring
from mlrift.frontend.check.critical_regions import warn_critical_regions
from mlrift.frontend.check.declarations import Declarations, declare_all
from mlrift.frontend.check.expressions import ExpressionChecker
from mlrift.frontend.check.flow import always_returns
from mlrift.frontend.check.literals import StructLiteralChecker
from mlrift.frontend.check.locals import LocalChecker
from mlrift.frontend.check.options import CheckOptions, MainRequirement
from mlrift.frontend.check.reachability import find_roots, reachable_from, report_name_errors
from mlrift.frontend.check.safety import check_safety
from mlrift.frontend.check.signatures import SPECIAL_FORMS
from mlrift.frontend.check.statements import StatementChecker
from mlrift.frontend.scopes import Binding, GlobalNames, Signature
from mlrift.typesystem import VOID


def check_program(
    program: ast.Program, options: CheckOptions, sink: DiagnosticSink
) -> typed.TypedProgram:
    """Resolve and type a program."""
    names = GlobalNames()
    names.callees = {**SPECIAL_FORMS, **BUILTINS}
    context = Context(names, sink)
    items = Declarations(program)
    declare_all(context, items)
    functions = _FunctionChecker(context, options)
    if context.has_tensor_fields:
        context.extensions.tensors.settle_fields(items.structs)
    functions.check_values(items)
    _resolve_late_types(context)
    signatures = _signatures_to_check(context, program, options)
    for signature in signatures:
        functions.check(signature)
        if options.entry is MainRequirement.LIBRARY and type(signature.node) is ast.Function:
            warn_critical_regions(context, signature.node)
    for signature in names.duplicates:
        functions.check(signature)
    if context.has_vectors:
        context.extensions.vectors.finish()
    if options.entry is MainRequirement.LIBRARY:
        check_safety(context, program)
    roots = find_roots(signatures, options.entry)
    if options.entry is MainRequirement.EXECUTABLE and not _has_main(names):
        _report_no_main(context)
    reached = reachable_from(roots)
    report_name_errors(context, signatures, reached)
    _check_device_code(context, signatures)
    kept = [signature.symbol for signature in signatures if signature.symbol.name in reached]
    made = typed.TypedProgram(kept, names.statics, [root.symbol.name for root in roots])
    if options.entry is MainRequirement.EXPORTS:
        from mlrift.frontend.check.interface import (  # noqa: PLC0415 - for libraries only
            library_interface,
        )

        made.interface = library_interface(context, program.modules[-1], items, roots)
    return made


def _resolve_late_types(context: Context) -> None:
    """Give functions the types of tensors and vectors, now that constants are known."""
    for signature in context.tensor_signatures:
        context.extensions.tensors.resolve(signature)
    for signature in context.vector_signatures:
        context.extensions.vectors.resolve(signature)


def _report_no_main(context: Context) -> None:
    diagnostic = catalog.NO_MAIN.at(None)
    for name in context.names.functions:
        if name.lower() == "main":
            diagnostic = diagnostic.note(f"there is '{name}': capitals count")
    context.emit(diagnostic)


def _signatures_to_check(
    context: Context, program: ast.Program, options: CheckOptions
) -> list[Signature]:
    """Return the functions whose bodies are looked at, with the device code marked."""
    signatures = list(context.names.functions.values())
    if not context.has_kernels:
        return [] if options.entry is MainRequirement.DEVICE else signatures
    from mlrift.frontend.check.kernels.device_code import (  # noqa: PLC0415 - in few programs
        mark_all_device_code,
        mark_device_code,
    )

    if options.entry is MainRequirement.DEVICE:
        return mark_all_device_code(context)
    mark_device_code(context, program)
    return signatures


def _check_device_code(context: Context, signatures: list[Signature]) -> None:
    if not context.has_kernels:
        return
    from mlrift.frontend.check.kernels.restrictions import (  # noqa: PLC0415 - in few programs
        check_device_code,
    )

    check_device_code(context, signatures)


def _has_main(names: GlobalNames) -> bool:
    main = names.functions.get("main")
    return main is not None and not main.symbol.is_extern


class _FunctionChecker:
    """The checkers of one program, wired together."""

    def __init__(self, context: Context, options: CheckOptions) -> None:
        self._context = context
        self._expressions = ExpressionChecker(context)
        self._constants = ConstantChecker(context)
        calls = CallChecker(context)
        access = AccessChecker(context, self._expressions)
        StructLiteralChecker(context)
        self._locals = LocalChecker(context, calls, self._constants)
        assignments = AssignmentChecker(context, self._expressions, access, calls)
        self._assembly = AssemblyChecker(context, access, options)
        self._statements = StatementChecker(
            context, calls, self._locals, assignments, self._assembly
        )
        context.wire = Wiring(
            self._statements,
            self._expressions,
            access,
            calls,
            self._locals,
            assignments,
            self._constants,
        )

    def check_values(self, items: Declarations) -> None:
        """Declare the statics; evaluate the constants and the initial values of statics."""
        for static in items.statics:
            self._constants.declare_static(static)
        for constant in items.constants:
            if self._context.names.pending.get(constant.name.text) is constant:
                self._constants.evaluate(constant)
        for static in items.statics:
            self._constants.initialize_static(static)

    def check(self, signature: Signature) -> None:
        """Check the body of a function and fill in its symbol."""
        node = signature.node
        if type(node) is not ast.Function:
            return
        context, symbol = self._context, signature.symbol
        context.enter_function(signature)
        self._locals.enter_block()
        for parameter in symbol.parameters:
            if "." not in parameter.name:  # the length of a slice has no name of its own
                context.scopes.declare(Binding(parameter, True, True))
        begins = self._enter(signature)
        self._statements.function_body(signature, node.body)
        if symbol.body is not None:
            self._leave(symbol.body, begins, symbol.end_defers)
        if symbol.is_naked:
            self._assembly.check_naked(node)
        self._locals.leave_block()
        context.leave_function()
        if symbol.result is not VOID and not symbol.is_naked and not always_returns(node.body):
            diagnostic = catalog.MISSING_RETURN.at(node.name.span, name=symbol.name)
            if node.result is not None and node.result.name == "void":
                diagnostic = diagnostic.note("`void` is no type: leave `-> void` out")
            context.emit(diagnostic)

    def _enter(self, signature: Signature) -> list[typed.Statement]:
        """Return what tensors and models do before all else in a function."""
        context = self._context
        begins: list[typed.Statement] = []
        if context.has_tensors:
            begins += context.extensions.tensors.enter(signature)
        if context.has_models:
            begins += context.extensions.models.enter(signature)
        return begins

    def _leave(
        self, body: typed.Block, begins: list[typed.Statement], end_defers: list[typed.Block]
    ) -> None:
        """Have the checkers of what few programs have take a last look at a body."""
        context, blocks = self._context, [body, *end_defers]
        body.statements[0:0] = begins
        if context.has_tensors:
            context.extensions.tensors.leave(blocks)
        if context.has_vectors:
            context.extensions.vectors.leave(blocks)
        if context.has_models:
            context.extensions.models.leave(blocks)
