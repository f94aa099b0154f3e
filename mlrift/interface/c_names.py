"""Names that mean something else to C: what cannot be declared in a header."""

_C = (
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while _Alignas _Alignof _Atomic _Bool _Complex _Generic "
    "_Imaginary _Noreturn _Static_assert _Thread_local alignas alignof constexpr nullptr "
    "static_assert thread_local typeof typeof_unqual"
)
_CPP = (
    "and and_eq asm bitand bitor catch class compl concept const_cast consteval constinit co_await "
    "co_return co_yield decltype delete dynamic_cast explicit export friend mutable namespace new "
    "noexcept not not_eq operator or or_eq private protected public reinterpret_cast requires "
    "static_cast template this throw try typeid typename using virtual wchar_t xor xor_eq "
    "char8_t char16_t char32_t"
)
_MACROS = "bool true false NULL errno stdin stdout stderr assert linux unix"
_TYPES = (
    "int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t uintptr_t "
    "size_t ptrdiff_t"
)
_MEANINGS = {
    **dict.fromkeys(_C.split(), "it is a keyword of C"),
    **dict.fromkeys(_CPP.split(), "it is a keyword of C++"),
    **dict.fromkeys(_MACROS.split(), "it is a macro of C"),
    **dict.fromkeys(_TYPES.split(), "it is a type of C"),
    "main": "it is where a C program starts",
    # Names by which the linker and the systems find things of their own.
    **dict.fromkeys(("_start", "_init", "_fini", "DllMain", "_end", "_edata"), "linkers use it"),
}


def meaning_in_c(name: str) -> str:
    """Say what a name already means to C or C++; empty when it is free."""
    return _MEANINGS.get(name, "")


def free_name(name: str) -> str:
    """Return the name itself, or one with an underscore when C or C++ cannot spell it."""
    return f"{name}_" if name in _MEANINGS else name
