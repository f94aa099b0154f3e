"""Calls in device code, where names mean device builtins, and launches of kernels."""

from mlrift.diagnostics import catalog
from mlrift.frontend import ast, typed
from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.builtins.device import (
    CONSTANT_ARGUMENTS,
    DEVICE,
    LOCAL_INDICES,
    ConstantArgument,
    device_builtin,
    is_first_name,
)
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import coerce, to_word
from mlrift.frontend.check.fold import NotConstantError, fold
from mlrift.frontend.check.kernels.device_code import is_launch
from mlrift.frontend.scopes import Signature
from mlrift.frontend.walk import walk
from mlrift.source import Span
from mlrift.typesystem import ERROR, U64

_OLDER_NAME = "block_id_x"
_ONE_DIMENSION = "launch"
_SIZES = {"launch": 2, "launch_grid": 6}


class DeviceCalls:
    """What calls mean where device builtins can be called."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._local_indices: dict[Signature, bool] = {}

    def call(
        self, name: ast.Name, values: list[typed.Expression], span: Span
    ) -> typed.Expression | None:
        """Return the call of a builtin that stands in device code; None when it is another one."""
        function = self._context.function
        if function is None or not function.symbol.is_device_code:
            return None
        found = self._find(name, len(values))
        if found is not None:
            return self._call_builtin(found, values, span)
        expected = self.expected_count(name.text)
        if expected is None or name.text in self._context.names.callees:
            return None
        self._context.emit(
            catalog.WRONG_BUILTIN_ARGUMENT_COUNT.at(
                name.span, name=name.text, expected=expected, found=len(values)
            )
        )
        return typed.IntegerConstant(0, ERROR, span)

    @staticmethod
    def expected_count(name: str) -> int | None:
        """Return how many arguments the builtin of a name has; None when there is none."""
        found = DEVICE.get(name)
        return None if found is None else len(found.parameters)

    def launch(
        self, name: ast.Name, arguments: list[ast.Expression], span: Span
    ) -> typed.Expression | None:
        """Return a launch: `launch(KERNEL, groups, size, ...)`; None when it is something else."""
        if not is_launch(self._context, name, arguments):
            return None
        first = arguments[0]
        assert type(first) is ast.Identifier
        kernel = self._context.names.functions[first.text]
        handlers = self._context.expressions
        values = [handlers[type(row)](row) for row in arguments[1:]]
        sizes = _SIZES[name.text]
        parameters = kernel.symbol.parameters
        if len(values) != sizes + len(parameters):
            expected = f"{sizes} sizes and {len(parameters)} arguments"
            self._context.emit(
                catalog.WRONG_LAUNCH.at(
                    name.span,
                    what=f"a launch of '{first.text}'",
                    expected=expected,
                    found=len(values),
                ).label(kernel.symbol.span, "the kernel is declared here")
            )
            return typed.IntegerConstant(0, ERROR, span)
        if self._context.function is not None:
            self._context.function.callees[first.text] = kernel
        given = [to_word(row) for row in values[:sizes]]
        if name.text == _ONE_DIMENSION:
            one = typed.IntegerConstant(1, U64, span)
            given = [given[0], one, one, given[1], one, one]
        for value, parameter in zip(values[sizes:], parameters, strict=True):
            same = value.type is parameter.type
            given.append(value if same else coerce(value, parameter.type))
        from mlrift.frontend.builtins.launch import LAUNCH  # noqa: PLC0415 - in few programs

        address = typed.FunctionAddress(kernel.symbol, U64, first.span)
        return typed.BuiltinCall(LAUNCH, [address, *given], U64, span)

    def _find(self, name: ast.Name, argument_count: int) -> Builtin | None:
        """Return the builtin that a call means, or None."""
        text = name.text
        local = LOCAL_INDICES.get(text)
        if local is not None and not argument_count and self._is_local(name):
            return local
        if text in self._context.names.callees and not is_first_name(text, argument_count):
            return None
        return device_builtin(text, argument_count)

    def _call_builtin(
        self, builtin: Builtin, values: list[typed.Expression], span: Span
    ) -> typed.Expression:
        for position, target in enumerate(builtin.parameters):
            value = values[position]
            if value.type is not target:
                values[position] = coerce(value, target)
        for row in CONSTANT_ARGUMENTS.get(builtin.name, ()):
            values[row.position] = self._constant(builtin, row, values[row.position])
        return typed.BuiltinCall(builtin, values, builtin.result, span)

    def _constant(
        self, builtin: Builtin, row: ConstantArgument, value: typed.Expression
    ) -> typed.Expression:
        context = self._context
        wanted = f"argument {row.position + 1} of '{builtin.name}'"
        limits = f"{row.least} to {row.most}"
        try:
            found = fold(value)
        except NotConstantError as error:
            diagnostic = catalog.DEVICE_ARGUMENT_NOT_CONSTANT.at(
                value.span, wanted=wanted, limits=limits
            )
            context.emit(diagnostic.note(error.reason))
            return typed.IntegerConstant(row.least, value.type, value.span)
        is_integer = isinstance(found, typed.IntegerConstant)
        if not is_integer or not row.least <= found.value <= row.most:
            context.emit(
                catalog.DEVICE_ARGUMENT_OUT_OF_RANGE.at(
                    value.span, wanted=wanted, limits=limits, found=found.value
                )
            )
            return typed.IntegerConstant(row.least, value.type, value.span)
        return found

    def _is_local(self, name: ast.Name) -> bool:
        """Return whether `tid_x` is local here: the function calls the older `block_id_x`, too."""
        function = self._context.function
        if function is None or type(function.node) is not ast.Function:
            return False
        known = self._local_indices.get(function)
        if known is None:
            known = any(
                type(row) is ast.Call and row.function.text == _OLDER_NAME
                for row in walk(function.node.body)
            )
            self._local_indices[function] = known
            if known:
                diagnostic = catalog.LOCAL_TID.at(name.span, name=name.text)
                self._context.emit(diagnostic.help(f"{name.text.replace('tid', 'tid_local')}()"))
        return known
