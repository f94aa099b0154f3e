"""Top-level declarations: a program in, its global names out.

Order does not matter: names of all items are collected first, then aliases, struct layouts,
enums, devices and signatures are worked out. Constants and statics follow once expressions can be
checked.
"""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import DiagnosticKind
from mlrift.frontend import ast
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.layouts import lay_out_types
from mlrift.frontend.check.signatures import declare_extern, declare_function
from mlrift.frontend.check.type_names import access_type
from mlrift.frontend.scopes import DeviceNames, EnumNames
from mlrift.source import Span

_WORD_MASK = (1 << 64) - 1


class Declarations:
    """The items of all files by kind, in source order."""

    __slots__ = (
        "aliases",
        "constants",
        "devices",
        "dynamics",
        "enums",
        "functions",
        "plasticity",
        "statics",
        "structs",
        "values",
    )

    def __init__(self, program: ast.Program) -> None:
        self.functions: list[ast.Function | ast.Extern] = []
        self.constants: list[ast.Const] = []
        self.statics: list[ast.Static] = []
        self.structs: list[ast.Struct] = []
        self.enums: list[ast.EnumDeclaration] = []
        self.aliases: list[ast.Alias] = []
        self.devices: list[ast.Device] = []
        self.values: list[ast.Const | ast.Static] = []
        self.dynamics: list[ast.Dynamics] = []
        self.plasticity: list[ast.Plasticity] = []
        for module in program.modules:
            for item in module.items:
                self._add(item)

    def _add(self, item: ast.Item) -> None:
        match item:
            case ast.Function() | ast.Extern():
                self.functions.append(item)
            case ast.Const():
                self.constants.append(item)
                self.values.append(item)
            case ast.Static():
                self.statics.append(item)
                self.values.append(item)
            case ast.Struct():
                self.structs.append(item)
            case ast.EnumDeclaration():
                self.enums.append(item)
            case ast.Alias():
                self.aliases.append(item)
            case ast.Device():
                self.devices.append(item)
            case ast.Dynamics():
                self.dynamics.append(item)
            case ast.Plasticity():
                self.plasticity.append(item)


def declare_all(context: Context, items: Declarations) -> None:
    """Fill in everything but the values of constants and statics."""
    lay_out_types(context, items.structs, items.aliases)
    _reserve_values(context, items)
    for enum in items.enums:
        _declare_enum(context, enum)
    for device in items.devices:
        _declare_device(context, device)
    if items.dynamics or items.plasticity:
        from mlrift.frontend.check.models.declarations import (  # noqa: PLC0415 - in few programs
            declare_models,
        )

        declare_models(context, items)
    for function in items.functions:
        if type(function) is ast.Function:
            declare_function(context, function)
        elif type(function) is ast.Extern:
            declare_extern(context, function)


def _reserve_values(context: Context, items: Declarations) -> None:
    """Check that constants and statics have different names; make all constants pending."""
    first: dict[str, Span] = {}
    statics: list[ast.Static] = []
    for item in items.values:
        name = item.name
        if name.text in first:
            is_static = isinstance(item, ast.Static)
            kind = catalog.DUPLICATE_STATIC if is_static else catalog.DUPLICATE_CONST
            _report_twice(context, kind, name, first[name.text])
            continue
        first[name.text] = name.span
        if isinstance(item, ast.Static):
            statics.append(item)
        else:
            context.names.pending[name.text] = item
    items.statics = statics


def _report_twice(context: Context, kind: DiagnosticKind, name: ast.Name, first: Span) -> None:
    diagnostic = kind.at(name.span, name=name.text)
    context.emit(diagnostic.label(first, "first declared here"))


def _declare_enum(context: Context, node: ast.EnumDeclaration) -> None:
    enums = context.names.enums
    name = node.name.text
    if name in enums:
        _report_twice(context, catalog.DUPLICATE_ENUM, node.name, enums[name].span)
        return
    members: dict[str, int] = {}
    following = 0
    for member in node.members:
        value = member.value if member.value is not None else following
        following = (value + 1) & _WORD_MASK
        if member.name.text in members:
            diagnostic = catalog.DUPLICATE_ENUM_MEMBER.at(
                member.name.span, member=member.name.text, name=name
            )
            context.emit(diagnostic)
        else:
            members[member.name.text] = value
    enums[name] = EnumNames(node.name.span, members)


def _declare_device(context: Context, node: ast.Device) -> None:
    devices = context.names.devices
    name = node.name.text
    if name in devices:
        _report_twice(context, catalog.DUPLICATE_DEVICE, node.name, devices[name].span)
        return
    device = devices[name] = DeviceNames(node.name.span, {})
    for register in node.registers:
        if register.name.text in device.registers:
            diagnostic = catalog.DUPLICATE_REGISTER.at(
                register.name.span, register=register.name.text, name=name
            )
            context.emit(diagnostic)
            continue
        address = (node.base + register.offset) & _WORD_MASK
        device.registers[register.name.text] = (address, access_type(context, register.type))
