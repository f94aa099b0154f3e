"""Types of the language as LLVM debug metadata.

A scalar has two descriptions: variables, parameters and statics are words whatever their type, so
an `i8` variable is an `i8` of 64 bits; in memory (fields, elements) it has its own size. Of a word
that is a `char`, only the low byte counts. Variables of struct, array and slice type are addresses:
pointers to what lies there.
"""

from collections.abc import Callable

from mlrift.backends.llvm.names import escape
from mlrift.typesystem import (
    BOOL,
    SCALARS,
    U16,
    U64,
    ArrayType,
    CsrType,
    ErrorType,
    EventsType,
    PopulationType,
    ScalarType,
    SliceType,
    StructType,
    Tag,
    TensorType,
    Type,
    VecType,
    VoidType,
    stored_bytes,
)

NO_TYPE = "null"
_WORD_BITS = 64
_BYTE_BITS = 8
_ENCODINGS = {
    Tag.UNSIGNED: "DW_ATE_unsigned",
    Tag.SIGNED: "DW_ATE_signed",
    Tag.BOOL: "DW_ATE_boolean",
    Tag.CHAR: "DW_ATE_unsigned_char",
    Tag.F32: "DW_ATE_float",
    Tag.F64: "DW_ATE_float",
}


class DebugTypes:
    """The type nodes of a module; `add` appends a metadata node and returns its reference."""

    __slots__ = ("_add", "_basic", "_structs")

    def __init__(self, add: Callable[[str], str]) -> None:
        self._add = add
        self._basic: dict[tuple[str, int], str] = {}
        self._structs: dict[StructType, str] = {}

    def held(self, held: Type) -> str:
        """Return the type of a variable, a parameter or a result."""
        match held:
            case ScalarType():
                is_whole = held.is_float or held.tag is Tag.CHAR
                return self._scalar(held, held.size_bytes * 8 if is_whole else _WORD_BITS)
            case VoidType() | ErrorType():
                return NO_TYPE
            case PopulationType() | EventsType() | CsrType() | TensorType():
                return self._scalar(U64, _WORD_BITS)
            case VecType():
                return self._vector(held)
            case SliceType():
                target = self.stored(held.element)
            case _:
                target = self.stored(held)
        return self._add(
            f"!DIDerivedType(tag: DW_TAG_pointer_type, baseType: {target}, size: {_WORD_BITS})"
        )

    def static(self, declared: Type) -> str:
        """Return the type of a static: scalars have a word, structs and arrays are in place."""
        if isinstance(declared, StructType | ArrayType):
            return self.stored(declared)
        return self.held(declared)

    def stored(self, stored: ScalarType | StructType | ArrayType | TensorType) -> str:
        """Return the type of what lies in memory."""
        match stored:
            case ScalarType():
                return self._scalar(stored, stored.size_bytes * 8)
            case StructType():
                return self._struct(stored)
            case ArrayType():
                return self._array(stored)
            case TensorType():
                return self._tensor(stored)

    def _scalar(self, scalar: ScalarType, size_bits: int) -> str:
        key = (scalar.name, size_bits)
        known = self._basic.get(key)
        if known is None:
            known = self._basic[key] = self._add(
                f'!DIBasicType(name: "{escape(scalar.name)}", size: {size_bits}, '
                f"encoding: {_ENCODINGS[scalar.tag]})"
            )
        return known

    def _array(self, array: ArrayType) -> str:
        element = self.stored(array.element)
        count = self._add(f"!DISubrange(count: {array.count})")
        bounds = self._add(f"!{{{count}}}")
        return self._add(
            f"!DICompositeType(tag: DW_TAG_array_type, baseType: {element}, "
            f"size: {array.size_bytes * 8}, elements: {bounds})"
        )

    def _tensor(self, tensor: TensorType) -> str:
        """Return the type of a field that is a tensor: an array with as many axes."""
        scalar = SCALARS.get(tensor.element.value, U16)
        element = self._scalar(scalar, scalar.size_bytes * 8)
        counts = [self._add(f"!DISubrange(count: {extent or 0})") for extent in tensor.extents]
        bounds = self._add(f"!{{{', '.join(counts)}}}")
        return self._add(
            f"!DICompositeType(tag: DW_TAG_array_type, baseType: {element}, "
            f"size: {stored_bytes(tensor) * 8}, elements: {bounds})"
        )

    def _vector(self, held: VecType) -> str:
        """Return the type of a vector: halves are their bits, a mask the bits of all lanes."""
        element = SCALARS.get(held.kind.value, U16)
        if element is BOOL:
            return self._scalar(U64, max(held.lanes, _BYTE_BITS))
        lane = self._scalar(element, element.size_bytes * 8)
        bounds = self._add(f"!{{{self._add(f'!DISubrange(count: {held.lanes})')}}}")
        return self._add(
            f"!DICompositeType(tag: DW_TAG_array_type, baseType: {lane}, flags: DIFlagVector, "
            f"size: {element.size_bytes * 8 * held.lanes}, elements: {bounds})"
        )

    def _struct(self, struct: StructType) -> str:
        """Return a struct that goes by its name with and without the word `struct`."""
        known = self._structs.get(struct)
        if known is not None:
            return known
        members = []
        for row in struct.fields.values():
            member = self.stored(row.type)
            members.append(
                self._add(
                    f'!DIDerivedType(tag: DW_TAG_member, name: "{escape(row.name)}", '
                    f"baseType: {member}, size: {stored_bytes(row.type) * 8}, "
                    f"offset: {row.offset * 8})"
                )
            )
        name = escape(struct.name)
        listed = self._add(f"!{{{', '.join(members)}}}")
        body = self._add(
            f'!DICompositeType(tag: DW_TAG_structure_type, name: "{name}", '
            f"size: {struct.size_bytes * 8}, elements: {listed})"
        )
        known = self._structs[struct] = self._add(
            f'!DIDerivedType(tag: DW_TAG_typedef, name: "{name}", baseType: {body})'
        )
        return known
