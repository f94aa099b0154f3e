"""The catalogue: every diagnostic of the compiler, declared exactly once. Data only.

Codes: E01xx driver and imports, E02xx syntax, E03xx semantics, E04xx type shapes (turned into
warnings by `--no-check-types`), E05xx names and code generation, E06xx linking, E07xx tensors and
models, E08xx kernels, W03xx and W04xx warnings.
Wording: lower case, no final stop, what was found. The key phrases of reference.md 17 are verbatim.
"""

from mlrift.diagnostics.model import DiagnosticKind, Severity


def _error(code: str, phrase: str) -> DiagnosticKind:
    return DiagnosticKind(code, Severity.ERROR, phrase)


def _warning(code: str, phrase: str) -> DiagnosticKind:
    return DiagnosticKind(code, Severity.WARNING, phrase)


# ------------------------------------------------------------- E01xx driver and imports

ROOT_NOT_FOUND = _error("E0101", "cannot open '{path}': file not found")
ROOT_UNREADABLE = _error("E0102", "cannot open '{path}': {reason}")
IMPORT_NOT_OPENED = _error("E0103", "cannot open import: {path}")
IMPORTS_ABORTED = _error("E0104", "compilation aborted: one or more imports could not be opened")
OUTPUT_NOT_WRITABLE = _error("E0105", "cannot open output file for writing: {path}")
NO_MAIN = _error("E0106", "no 'main' function found")

# ------------------------------------------------------------------------- E02xx syntax

EXPECTED_TOKEN = _error("E0201", "expected {expected}, got {found}")
UNEXPECTED_IN_EXPRESSION = _error("E0202", "unexpected {found} in expression")
STRAY_TOP_LEVEL = _error("E0203", "unexpected {found} at top level")
IMPORT_WITH_ALIAS = _error("E0204", "expected `;` or a new item after the import path, got 'as'")
UNTERMINATED_STRING = _error("E0205", "unterminated string literal")
UNTERMINATED_COMMENT = _error("E0206", "unterminated block comment")
UNTERMINATED_CHAR = _error("E0207", "unterminated char literal")
UNTERMINATED_FORMAT_STRING = _error("E0208", "unterminated f-string")
EMPTY_CHAR = _error("E0209", "empty char literal")
MULTIPLE_CHARS = _error("E0210", "char literal holds {count} bytes, expected one")
NUMBER_WITHOUT_DIGITS = _error("E0211", "number '{text}' has no digits after its prefix")
BAD_DIGIT = _error("E0212", "invalid digit '{digit}' in {kind} number")
INVALID_CHARACTER = _error("E0213", "unexpected character {character}")
NUL_BYTE = _error("E0214", "unexpected NUL byte in source")
BAD_HEX_ESCAPE = _error("E0215", "`\\x` needs two hex digits")
EMPTY_FORMAT_EXPRESSION = _error("E0216", "empty expression in f-string")
NESTING_TOO_DEEP = _error("E0217", "{what} nested deeper than {limit} levels")
BARE_BLOCK = _error("E0218", "a bare block is not a statement, got '{{'")
TOP_LEVEL_ONLY = _error("E0219", "keyword '{word}' is allowed at top level only")
KEYWORD_AS_NAME = _error("E0220", "expected a name, got keyword '{word}'")
EXPECTED_AS = _error("E0221", "expected `as`, got identifier '{text}'")
BAD_REGISTER_ACCESS = _error("E0222", "expected `rw`, `ro` or `wo`, got identifier '{text}'")
WILDCARD_NOT_FIRST = _error("E0223", "`_` is only allowed as the first pattern of an arm")
BAD_TUPLE_SIZE = _error("E0225", "a tuple has two or three elements, got {count}")
BAD_ASM_CONSTRAINT = _error("E0226", "expected {expected} in `{clause}(...)`")
MISPLACED_LANG_LINE = _error("E0227", "unexpected `#`; `#lang` is only allowed as the first line")
FLOAT_TOO_LARGE = _error("E0229", "float exponent too large: '{text}' does not fit f64")

# -------------------------------------------------------------------- E03xx semantics

FUNCTION_REDEFINED = _error("E0301", "redefinition of function '{name}'")
VARIABLE_REDEFINED = _error("E0302", "redefinition of variable in same scope '{name}'")
WRONG_ARGUMENT_COUNT = _error(
    "E0303", "wrong number of arguments to '{name}': expected {expected}, got {found}"
)
WRONG_BUILTIN_ARGUMENT_COUNT = _error(
    "E0304", "wrong number of arguments to builtin '{name}': expected {expected}, got {found}"
)
MISSING_RETURN = _error(
    "E0305", "function with return type may not return a value on all paths '{name}'"
)
EXPECTED_BOOL = _error("E0306", "type mismatch: expected bool, got {found}")
BOOL_NEEDS_CAST = _error("E0307", "type mismatch: bool requires explicit cast to {expected}")
EXPECTED_CHAR = _error("E0308", "type mismatch: expected char, got {found}")
CHAR_NEEDS_CAST = _error("E0309", "type mismatch: char requires explicit cast to {expected}")
FLOAT_SCRUTINEE = _error("E0310", "match on a float scrutinee is not supported, got {found}")
INVALID_TARGET = _error("E0311", "invalid assignment target: {what} cannot be assigned to")
ASSIGNMENT_TO_CONST = _error("E0312", "assignment to constant '{name}'")
UNKNOWN_ENUM_MEMBER = _error("E0313", "no member '{member}' in enum '{name}'{suggestion}")
BREAK_OUTSIDE_LOOP = _error("E0314", "`break` outside of a loop")
CONTINUE_OUTSIDE_LOOP = _error("E0315", "`continue` outside of a loop")
RETURN_INSIDE_DEFER = _error("E0316", "`return` inside a defer block")
BREAK_OUT_OF_DEFER = _error("E0317", "`{word}` would leave a defer block")
DUPLICATE_STATIC = _error("E0318", "redefinition of static '{name}'")
DUPLICATE_CONST = _error("E0319", "redefinition of constant '{name}'")
DUPLICATE_STRUCT = _error("E0320", "redefinition of struct '{name}'")
DUPLICATE_ENUM = _error("E0321", "redefinition of enum '{name}'")
DUPLICATE_ENUM_MEMBER = _error("E0322", "redefinition of member '{member}' in enum '{name}'")
DUPLICATE_ALIAS = _error("E0323", "redefinition of type '{name}'")
DUPLICATE_DEVICE = _error("E0324", "redefinition of device '{name}'")
DUPLICATE_REGISTER = _error("E0325", "redefinition of register '{register}' in device '{name}'")
DUPLICATE_FIELD = _error("E0326", "redefinition of field '{field}' in struct '{name}'")
NOT_CONSTANT = _error("E0327", "initializer of '{name}' is not a constant expression: {reason}")
CONSTANT_DIVISION_BY_ZERO = _error("E0329", "division by zero in constant expression")
CONSTANT_CYCLE = _error("E0330", "constant '{name}' is used in its own initializer")
ARRAY_SIZE_NOT_CONSTANT = _error("E0331", "size of array '{name}' is not a constant: {size}")
ARRAY_SIZE_ZERO = _error("E0332", "size of array '{name}' is zero")
ARRAY_TOO_LARGE = _error("E0333", "array '{name}' is too large: {size_bytes} bytes")
RECURSIVE_STRUCT = _error("E0334", "struct '{name}' contains itself")
RECURSIVE_ALIAS = _error("E0335", "type '{name}' is an alias of itself")
UNKNOWN_TYPE = _error("E0337", "unknown type '{name}'{suggestion}")
SIZEOF_UNKNOWN_TYPE = _error("E0338", "sizeof of unknown type '{name}'{suggestion}")
UNKNOWN_REGISTER = _error("E0339", "no register '{register}' in device '{name}'{suggestion}")
UNKNOWN_ASM_REGISTER = _error("E0340", "unknown register '{name}' of {cpu} in asm constraint")
WRONG_TUPLE_ARITY = _error(
    "E0341", "wrong number of tuple elements: expected {expected}, got {found}"
)
TUPLE_FROM_NON_CALL = _error("E0342", "a tuple can only be taken from a call, got {found}")
MAIN_WITH_PARAMETERS = _error("E0343", "`main` takes no parameters")
UNKNOWN_FIELD_IN_ASSIGNMENT = _error(
    "E0344", "no such field '{field}' on struct '{name}' in assignment{suggestion}"
)
UNKNOWN_FIELD_IN_LITERAL = _error(
    "E0345", "no such field '{field}' on struct '{name}' in struct literal{suggestion}"
)
DUPLICATE_FIELD_IN_LITERAL = _error("E0346", "field '{field}' is given twice")
TOO_MANY_FIELD_VALUES = _error(
    "E0347", "too many values for struct '{name}': it has {expected} field(s), got {found}"
)
MIXED_FIELD_VALUES = _error("E0348", "struct literal mixes named and positional fields")
DEVICE_AS_VALUE = _error("E0349", "device '{name}' used as a value")
ENUM_AS_VALUE = _error("E0350", "enum '{name}' used as a value")
TYPE_AS_VALUE = _error("E0351", "type '{name}' used as a value")
DUPLICATE_GENERIC = _error("E0353", "redefinition of type parameter '{name}'")
STRUCT_ARRAY_ASSIGNMENT = _error("E0354", "array '{name}' cannot be assigned as a whole")
FIELD_IS_ARRAY = _error("E0355", "arrays are not allowed as fields")
EXTERN_REDEFINED = _error(
    "E0356", "extern function '{name}' is declared again with different parameters"
)
UNSUPPORTED_FEATURE = _error("E0358", "{what} is not supported {where}")
CTX_VIOLATION = _error("E0359", "ctx-check: context violation in '{name}': {detail}")
UNDECLARED_EFFECT = _error("E0360", "eff-check: undeclared effect in '{name}': {detail}")
LOCK_CYCLE = _error("E0361", "lock-cycle: potential deadlock: {detail}")
BAD_SECTION = _error("E0362", "@section needs a quoted name, got {found}")
FIXED_ASM_REGISTER = _error(
    "E0363", "register '{name}' cannot be set by `in(...)`: asm must leave it as it was"
)

# ------------------------------------------------------------------- E04xx type shapes

NO_SUCH_FIELD = _error(
    "E0401", "no such field on this struct type: '{field}' in '{name}'{suggestion}"
)
FIELD_OF_NON_STRUCT = _error("E0402", "field access on non-struct value: '{field}'")
ARITHMETIC_ON_STRUCT = _error("E0403", "arithmetic operator on struct value: '{operator}'")
ORDERING_OF_STRUCT = _error("E0404", "ordering comparison on struct value: '{operator}'")
CONDITION_IS_STRUCT = _error("E0405", "condition must be a scalar, got struct value")
CONDITION_IS_FLOAT = _error("E0406", "condition must be a scalar, got float value")
VOID_AS_VALUE = _error("E0407", "result of void-returning function used as a value: '{name}'")
VOID_INITIALIZER = _error(
    "E0408", "void-returning function used to initialize a variable: '{name}'"
)
VOID_ASSIGNED = _error("E0409", "void-returning function assigned to a variable: '{name}'")
VOID_RETURNED = _error("E0410", "returning the result of a void-returning function: '{name}'")
VALUE_IN_VOID_FUNCTION = _error("E0411", "return with value in void function '{name}'")
NO_VALUE_IN_FUNCTION = _error("E0412", "return without value in non-void function '{name}'")
INITIALIZER_STRUCT_KIND = _error(
    "E0413",
    "initializer struct kind does not match declared type: expected '{expected}', got '{found}'",
)
ASSIGNMENT_STRUCT_KIND = _error(
    "E0414", "assignment struct kind does not match: expected '{expected}', got '{found}'"
)
ARGUMENT_STRUCT_KIND = _error(
    "E0415",
    "argument struct kind does not match parameter type: expected '{expected}', got '{found}'",
)
RETURN_STRUCT_KIND = _error(
    "E0416",
    "return value struct kind does not match declared type: expected '{expected}', got '{found}'",
)
RETURN_FLOAT_KIND = _error(
    "E0417",
    "return value float kind does not match declared type: expected {expected}, got {found}",
)
PATTERN_STRUCT_KIND = _error("E0418", "match-arm pattern struct kind does not match scrutinee")
MIXED_ARITHMETIC = _error(
    "E0419", "mixed integer and float operands of '{operator}': {left} and {right}"
)
FLOAT_OPERATOR = _error("E0420", "operator '{operator}' is not defined on float values")
LEN_OF_NON_SLICE = _error("E0421", "`.len` on a value that is not a slice: {found}")
STRUCT_OPERAND = _error("E0422", "operator '{operator}' is not defined on struct values")
INDEX_IS_FLOAT = _error("E0423", "index must be an integer, got {found} value")
LOGICAL_ON_STRUCT = _error("E0425", "logical operator on struct value: '{operator}'")
RANGE_BOUND_KIND = _error("E0426", "range bound must be an integer, got {found} value")

# ---------------------------------------------------- E05xx names and code generation

UNDECLARED_IDENTIFIER = _error("E0501", "use of undeclared identifier '{name}'{suggestion}")
UNDECLARED_ASSIGNMENT = _error(
    "E0502", "use of undeclared identifier '{name}' in assignment{suggestion}"
)
UNDEFINED_FUNCTION = _error("E0503", "undefined function '{name}'{suggestion}")
FN_ADDR_UNDEFINED = _error("E0504", "fn_addr: undefined function '{name}'{suggestion}")
FN_ADDR_NOT_LITERAL = _error("E0505", "fn_addr: argument must be a string literal")
TOO_MANY_ARGUMENTS = _error("E0506", "too many call arguments (max 32), got {found}")
UNRECOGNIZED_ASM = _error("E0507", "unrecognized asm instruction '{text}' for {cpu}{suggestion}")
FUNCTION_AS_VALUE = _error("E0508", "use of undeclared identifier '{name}': it is a function")
CALL_OF_NON_FUNCTION = _error("E0509", "undefined function '{name}': it is a {what}")
UNDECLARED_ASM_VARIABLE = _error(
    "E0511", "use of undeclared identifier '{name}' in asm constraint{suggestion}"
)
UNKNOWN_METHOD = _error("E0513", "undefined function '{name}': no such method{suggestion}")
UNDECLARED_TYPE = _error("E0514", "use of undeclared identifier '{name}' as a type{suggestion}")

# -------------------------------------------------------------------- E06xx linking

UNRESOLVED_EXTERN = _error(
    "E0601", "extern function '{name}' cannot be linked into an executable for {target}"
)
DUPLICATE_SYMBOL = _error("E0603", "duplicate symbol '{name}'")
IMAGE_TOO_LARGE = _error("E0604", "program image too large: {size_bytes} bytes")
IMPOSSIBLE_SECTION = _error(
    "E0605", "function '{name}' cannot be in section '{section}' of an object: {reason}"
)
BAD_LIBRARY = _error(
    "E0606", '`@dynamic` needs names of library files such as "libz.so.1", found {found}'
)
NOTHING_EXPORTED = _error(
    "E0607", "nothing is exported: a library needs functions or statics marked `@export`"
)
NOT_FOR_C = _error("E0608", "'{name}' cannot be exported to C: {reason}")
EXPORTED_TWICE = _error("E0609", "'{name}' is exported twice: C has one name space for everything")

# -------------------------------------------------------------------- E070x tensors

TENSOR_MISPLACED = _error("E0701", "a tensor cannot be {where}: this is {found}")
EXPECTED_TENSOR = _error("E0702", "a tensor is expected here, got {found}")
SHAPES_DO_NOT_FIT = _error("E0703", "shapes do not fit: {left} and {right}")
SHAPE_MISMATCH = _error("E0704", "expected {expected}, got {found}")
ELEMENT_KINDS_DIFFER = _error("E0705", "elements of {left} and of {right}")
NO_TENSOR_OPERATION = _error("E0706", "there is no {operation} of {element}")
NO_SUCH_AXIS = _error("E0707", "axis {axis} of a tensor with {rank} axes")
AXIS_NOT_CONSTANT = _error("E0708", "{what} must be a constant")
TENSOR_INDEX_COUNT = _error("E0709", "{found} indices for {tensor}")
INDEX_OUTSIDE = _error("E0710", "index {index} is outside an axis of {extent}")
BAD_INDEX = _error("E0711", "an index is an integer, a range or a tensor of integers, got {found}")
TENSOR_ARGUMENTS = _error("E0712", "'{name}' takes {expected}, got {found}")
BAD_EXTENT = _error("E0713", "an extent is an integer, got {found}")
UNKNOWN_EXTENT = _error("E0714", "the extent '{name}' is unknown here{suggestion}")
BAD_ELEMENT_KIND = _error("E0715", "'{name}' is no kind of element{suggestion}")
NO_TENSOR_MEMBER = _error("E0716", "tensors have no '{name}'{suggestion}")
EXTENT_ASSIGNED = _error("E0717", "'{name}' is an extent of a parameter, which stays as it is")
NO_CAST = _error("E0718", "there is no conversion of {found} to {wanted}")
NOT_WITH_TENSORS = _error("E0719", "{what} cannot have a tensor: {found}")
WRONG_ELEMENT_COUNT = _error("E0720", "{found} has {found_count} elements, {wanted} {wanted_count}")
TOO_MANY_AXES = _error("E0721", "a tensor has at most {most} axes, this one {found}")
TENSOR_PART_NOT_ASSIGNED = _error("E0722", "this part of a tensor cannot be assigned to")
NO_ADDRESS = _error("E0723", "only a variable has the address of its elements, this is a value")
NOT_A_LISTED_RESULT = _error(
    "E0733", "a list of results has numbers, structs and tensors, not `{found}`"
)
BAD_DURATION = _error("E0734", "a duration is zero or more, got {found}")

# -------------------------------------------------------- E0724 to E0732: vectors

VECTOR_MISPLACED = _error("E0724", "a vector cannot be {where}: this is {found}")
BAD_LANES = _error("E0725", "a vector has 2, 4, 8, 16, 32 or 64 lanes, not {found}")
LANES_NOT_CONSTANT = _error("E0726", "the number of lanes must be a constant")
VECTOR_EXPECTED = _error("E0727", "expected {expected}, got {found}")
VECTORS_DIFFER = _error("E0728", "the operands are {left} and {right}")
NO_VECTOR_OPERATION = _error("E0729", "there is no {operation} of {found}")
VECTOR_ARGUMENTS = _error("E0730", "'{name}' takes {expected}, got {found}")
NOT_WITH_VECTORS = _error("E0731", "{what} cannot have a vector: {found}")
RECURSIVE_VECTORS = _error("E0732", "'{name}' has vectors and calls itself")

# --------------------------------------------------------- E0748 to E0799: models

NOT_A_WHOLE_NUMBER = _error("E0748", "`{name}` takes whole numbers, got {found}")
MODEL_MISPLACED = _error("E0749", "{found} cannot be {where}")

MISPLACED_MODEL_LINE = _error(
    "E0750", "`d`, `decay` and `spike` stand in a `dynamics` block, `hold` in a `spike` block"
)
NOT_A_STRUCT = _error("E0751", "'{name}' is no struct{suggestion}")
NESTED_STATE = _error("E0752", "the state of {whose} is numbers: '{struct}.{field}' is {found}")
NOT_A_VARIABLE = _error("E0753", "only floats change in time: '{field}' is {found}")
BLOCK_TWICE = _error("E0754", "'{name}' is declared twice")
BAD_TIME_CONSTANT = _error("E0755", "a time constant is above zero, got {found}")
UNITS_DIFFER = _error("E0756", "operands of `{operator}` differ: {left} and {right}")
WRONG_UNIT = _error("E0757", "{what} must be {expected}, got {found}")
UNKNOWN_METHOD_OF_INTEGRATION = _error("E0758", "no method of integration '{name}'{suggestion}")
METHODS_DIFFER = _error("E0759", "`{second}` in a system that is advanced by `{first}`")
SECOND_SPIKE = _error("E0760", "a second `spike` in this block")
NOT_LINEAR = _error("E0761", "`{method}` needs a rate that is linear in '{variable}'")
COUPLED_EXACT = _error("E0762", "`exact` advances {most} coupled lines at most")
WRITE_IN_RULE = _error(
    "E0763", "`on {side}` writes '{field}': it may change the edge and add to fields of '{other}'"
)
READ_OF_SUM = _error("E0764", "'{field}' is read where this block adds to it")
NOT_A_SIDE = _error("E0765", "`on` is followed by `pre` or `post`, got '{name}'")
SIDE_TWICE = _error("E0766", "`on {name}` stands twice in a block")
NO_RULES = _error("E0767", "no `plasticity` block is for {edges}")
NO_SUCH_SIDE = _error("E0768", "the rules of {struct} have no `on {side}`")
POPULATION_SIZE = _error("E0769", "the number of neurons is an integer, got {found}")
NOT_A_POPULATION = _error("E0770", "a population is expected here, got {found}")
NOT_A_VALUE = _error("E0771", "{what} is no value; its fields are")
NO_ASSIGNMENT_TO_MODEL = _error("E0772", "nothing can be assigned to {found} as a whole")
OPERATOR_ON_MODEL = _error("E0773", "`{operator}` is for numbers and tensors, this is {found}")
NO_SUCH_OPERATION = _error("E0774", "{found} has no operation '{name}'{suggestion}")
STEP_ARGUMENTS = _error(
    "E0775", "`step` takes a time step and a block if there are several, got {found} arguments"
)
WHICH_BLOCK = _error("E0776", "`step` of {struct} needs a block: there is {known}")
NO_SUCH_BLOCK = _error("E0777", "'{name}' is no block of {struct}: there is {known}")
BAD_TIME_STEP = _error("E0778", "a time step is above zero, got {found}")
STEP_WITHOUT_UNIT = _error("E0779", "the times of '{name}' have units, this time step has none")
FOR_NEEDS_EVENTS = _error("E0780", "`for` over {found}, which is no event stream")
FOR_NEEDS_CONNECTIONS = _error("E0781", "`for i, j` over {found}, which are no connections")
NEEDS_EVENTS = _error("E0782", "events are expected here, got {found}")
SEND_TARGET = _error("E0783", "`send` adds to a field of a population, such as n.input")
SEND_TYPES = _error("E0784", "connections of {edges} cannot be sent to a field of {target}")
WHICH_FIELD = _error("E0785", "edges have several fields: {known}")
NOT_AN_EDGE = _error("E0786", "an edge is named by source and target: w[i, j]")
PART_OF_TARGETS = _error("E0787", "rows of connections can be chosen, targets not")
MISPLACED_RANGE = _error("E0788", "a range has no meaning here")
NOT_A_RULE = _error("E0789", "a rule of connection is expected here")
GROUP_NEEDS_XORSHIFT = _error("E0790", "a `build` group shares one sequence of xorshift32")
XORSHIFT_NEEDS_BERNOULLI = _error("E0791", "xorshift32 draws in order, which {rule} does not")
WHERE_NEEDS_FUNCTION = _error(
    "E0792", "`where` takes the name of a function of two numbers, got {found}"
)
EDGES_NEED_TENSORS = _error("E0793", "`edges` takes tensors of u32, got {found}")
BUILD_NEEDS_CONNECTIONS = _error("E0794", "`build` holds declarations of connections")
POISSON_ARGUMENTS = _error(
    "E0795", "`poisson` takes a population, a probability, a seed and a step, got {found}"
)
NO_DELAY = _error("E0796", "a delay of 0 steps")
PART_NEEDS_CONNECTIONS = _error("E0797", "`part` takes connections, got {found}")
STATIC_POPULATION = _error("E0798", "a population cannot be static: {struct} has dynamics")
COEFFICIENT_OF_NEURON = _error(
    "E0799", "coefficients of coupled lines are the same for all neurons: '{field}' is one of each"
)

# ------------------------------------------------- E0801 to E0829: kernels, W0401 to W0409

DEVICE_ARGUMENT_NOT_CONSTANT = _error("E0801", "{wanted} must be a constant, {limits}")
DEVICE_ARGUMENT_OUT_OF_RANGE = _error("E0802", "{wanted} must be {limits}, got {found}")
KERNEL_WITH_RESULT = _error("E0803", "kernel '{name}' declares a result")
KERNEL_RECURSION = _error("E0804", "'{name}' calls itself in device code: {way}")
NOT_IN_DEVICE_CODE = _error("E0805", "device code cannot have {what}")
TOO_MUCH_LDS = _error(
    "E0806", "kernel '{name}' has {found} bytes of LDS, a workgroup at most {limit}"
)
DIVERGENT_BARRIER = _error("E0807", "{what} under a condition that can differ between work items")
WRONG_LAUNCH = _error("E0808", "{what}: expected {expected}, got {found}")
KERNEL_PARAMETER = _error("E0809", "parameter '{name}' of a kernel is {found}")
GROUP_TOO_LARGE = _error("E0810", "a workgroup of {found} work items, at most {limit}")
GROUP_SIZES_DIFFER = _error("E0811", "kernel '{name}' assumes groups of {first} and of {second}")
LOCAL_TID = _warning("W0401", "'{name}' is local to the group here, as `block_id_x` is called, too")

# ------------------------------------------------- E0830 to E0849: code for kernels

KERNEL_REFUSED = _error("E0830", "kernel cannot be compiled: {reason}")
KERNEL_NOT_FOR_CHIP = _error("E0831", "kernel cannot be compiled for {chip}: {reason}")
NO_KERNELS = _error("E0832", "'{path}' has no `@kernel` function")

# ------------------------------------------------------------------- W03xx warnings

INITIALIZER_DOES_NOT_FIT = _warning(
    "W0301", "literal initializer does not fit the declared type (truncated) '{name}'"
)
ASSIGNMENT_DOES_NOT_FIT = _warning(
    "W0302", "literal assignment does not fit the target type (truncated) '{name}'"
)
STEP_TOO_LONG = _warning(
    "W0314", "a time step of {step} is longer than the time constant of {shortest}"
)
UNUSED_VARIABLE = _warning("W0303", "unused variable (prefix with _ to suppress) '{name}'")
USED_BEFORE_INITIALIZATION = _warning("W0304", "variable used before initialization '{name}'")
UNREACHABLE_CODE = _warning("W0305", "unreachable code after return/break/exit")
STATIC_LIST_IGNORED = _warning(
    "W0307", "initializer list of static array '{name}' is ignored, the elements are zero"
)
ALLOC_IN_CRITICAL_SECTION = _warning(
    "W0308", "critical-region: alloc inside critical section in '{name}'"
)
BUILTIN_WINS = _warning("W0309", "function '{name}' is never called: the builtin '{name}' wins")
UNREACHABLE_NAME_ERROR = _warning("W0310", "in unreachable function '{name}': {message}")
WILDCARD_WITH_OTHERS = _warning(
    "W0311", "`_` matches everything, other patterns of the arm are dead"
)
ASM_LEAVES_FUNCTION = _warning(
    "W0313", "'{text}' in an asm block leaves the function with its frame on the stack"
)
NOT_UTF8 = _warning("W0312", "invalid UTF-8 in '{path}': byte 0x{byte:02X} is kept as it is")

ALL_KINDS: tuple[DiagnosticKind, ...] = tuple(
    value for value in dict(globals()).values() if isinstance(value, DiagnosticKind)
)
TYPE_SHAPE_KINDS: tuple[DiagnosticKind, ...] = tuple(
    kind for kind in ALL_KINDS if kind.code.startswith("E04")
)
SYNTAX_KINDS: tuple[DiagnosticKind, ...] = tuple(
    kind for kind in ALL_KINDS if kind.code.startswith("E02")
)
MISSING_IMPORT_KINDS: tuple[DiagnosticKind, ...] = (IMPORT_NOT_OPENED, IMPORTS_ABORTED)
# What only code generation finds: names of variables and functions (reference.md 17.4).
CODE_NAME_KINDS: tuple[DiagnosticKind, ...] = (
    UNDECLARED_IDENTIFIER,
    UNDECLARED_TYPE,
    UNDEFINED_FUNCTION,
    FN_ADDR_UNDEFINED,
    FUNCTION_AS_VALUE,
    CALL_OF_NON_FUNCTION,
    UNKNOWN_METHOD,
)
# What a file that could not be imported may have declared.
IMPORTED_NAME_KINDS: tuple[DiagnosticKind, ...] = (
    *(kind for kind in ALL_KINDS if kind.code.startswith("E05")),
    NO_MAIN,
    NOT_CONSTANT,
    ARRAY_SIZE_NOT_CONSTANT,
    UNKNOWN_TYPE,
    SIZEOF_UNKNOWN_TYPE,
)
