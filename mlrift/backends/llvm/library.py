"""The typed face of libllvmlite: the few C functions we need, called directly.

`llvmlite.binding` costs 34 ms to import and serialises every call with a lock; the library itself
loads in a few milliseconds, and calls on different contexts may run in different threads (ctypes
releases the interpreter lock). The prototypes are those of llvmlite 0.50's binding. The caller
passes only text that our own writer made: LLVM aborts the process on some malformed input.
"""

import ctypes
import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, unique

from mlrift.backends.errors import BackendError
from mlrift.static_types import Any, NewType

# LLVM's O3 pipeline takes no longer than O2 here (measured) and unrolls small nests of loops
# completely: n-body needs 0.7 of the time.
_PIPELINE_LEVEL = 3
_FILE_NAMES = ("libllvmlite.so", "libllvmlite.dylib", "llvmlite.dll")
_POINTER, _TEXT, _INT, _BOOL = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_bool
_OUT_TEXT = ctypes.POINTER(ctypes.c_void_p)
_PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "InitializeAllTargetInfos": (None, ()),
    "InitializeAllTargets": (None, ()),
    "InitializeAllTargetMCs": (None, ()),
    "InitializeAllAsmPrinters": (None, ()),
    "ContextCreate": (_POINTER, ()),
    "ContextDispose": (None, (_POINTER,)),
    "ParseAssembly": (_POINTER, (_POINTER, _TEXT, _OUT_TEXT)),
    "VerifyModule": (_BOOL, (_POINTER, _OUT_TEXT)),
    "DisposeModule": (None, (_POINTER,)),
    "PrintModuleToString": (None, (_POINTER, _OUT_TEXT)),
    "DisposeString": (None, (_POINTER,)),
    "GetTargetFromTriple": (_POINTER, (_TEXT, _OUT_TEXT)),
    "CreateTargetMachine": (
        _POINTER,
        (_POINTER, _TEXT, _TEXT, _TEXT, _INT, _TEXT, _TEXT, _INT, _INT, _TEXT),
    ),
    "DisposeTargetMachine": (None, (_POINTER,)),
    "SetTargetMachineAsmVerbosity": (None, (_POINTER, _INT)),
    "TargetMachineEmitToMemory": (_POINTER, (_POINTER, _POINTER, _INT, _OUT_TEXT)),
    "GetBufferStart": (_POINTER, (_POINTER,)),
    "GetBufferSize": (ctypes.c_size_t, (_POINTER,)),
    "DisposeMemoryBuffer": (None, (_POINTER,)),
    "CreatePipelineTuningOptions": (_POINTER, ()),
    "PTOSetLoopVectorization": (None, (_POINTER, _BOOL)),
    "PTOSetSLPVectorization": (None, (_POINTER, _BOOL)),
    "PTOSetLoopInterleaving": (None, (_POINTER, _BOOL)),
    "PTOSetLoopUnrolling": (None, (_POINTER, _BOOL)),
    "DisposePipelineTuningOptions": (None, (_POINTER,)),
    "CreatePassBuilder": (_POINTER, (_POINTER, _POINTER)),
    "DisposePassBuilder": (None, (_POINTER,)),
    "buildPerModuleDefaultPipeline": (_POINTER, (_POINTER, _INT)),
    "RunNewModulePassManager": (None, (_POINTER, _POINTER, _POINTER)),
    "DisposeNewModulePassManger": (None, (_POINTER,)),
}

ModuleHandle = NewType("ModuleHandle", int)
MachineHandle = NewType("MachineHandle", int)


@unique
class OutputKind(Enum):
    """What code generation writes."""

    ASSEMBLY = 0
    OBJECT = 1


@unique
class Passes(Enum):
    """Optimisation: none, or the default pipeline; the value is code generation's level."""

    NONE = 0
    DEFAULT = 2


class Library:
    """libllvmlite, loaded and with its targets initialised."""

    def __init__(self) -> None:
        self._functions = _load()
        for name in (
            "InitializeAllTargetInfos",
            "InitializeAllTargets",
            "InitializeAllTargetMCs",
            "InitializeAllAsmPrinters",
        ):
            self._call(name)

    def _call(self, name: str, *arguments: object) -> Any:
        return self._functions[name](*arguments)

    def _take_text(self, holder: ctypes.c_void_p) -> str:
        """Return and free a string that LLVM made."""
        if not holder.value:
            return ""
        text = ctypes.string_at(holder.value).decode(errors="replace")
        self._call("DisposeString", holder)
        return text

    @contextmanager
    def module(self, text: str) -> Iterator[ModuleHandle]:
        """Parse LLVM assembly into a module with a context of its own."""
        context = self._call("ContextCreate")
        message = ctypes.c_void_p()
        module = self._call("ParseAssembly", context, text.encode(), ctypes.byref(message))
        failure = self._take_text(message)
        try:
            if failure or not module:
                raise BackendError(f"LLVM does not accept the generated text:\n{failure}")
            yield module
        finally:
            if module:
                self._call("DisposeModule", module)
            self._call("ContextDispose", context)

    def verify(self, module: ModuleHandle) -> None:
        """Raise when LLVM's verifier finds the module malformed."""
        message = ctypes.c_void_p()
        is_broken = self._call("VerifyModule", module, ctypes.byref(message))
        failure = self._take_text(message)
        if is_broken:
            raise BackendError(f"LLVM's verifier rejects the generated module:\n{failure}")

    def print(self, module: ModuleHandle) -> str:
        """Return the module as LLVM assembly."""
        holder = ctypes.c_void_p()
        self._call("PrintModuleToString", module, ctypes.byref(holder))
        return self._take_text(holder)

    @contextmanager
    def machine(
        self, triple: str, cpu: str, features: str, passes: Passes
    ) -> Iterator[MachineHandle]:
        """Make the code generator of a CPU: position independent, small code model."""
        message = ctypes.c_void_p()
        target = self._call("GetTargetFromTriple", triple.encode(), ctypes.byref(message))
        failure = self._take_text(message)
        if not target:
            raise BackendError(f"LLVM has no target for {triple}: {failure}")
        machine = self._call(
            "CreateTargetMachine",
            target,
            triple.encode(),
            cpu.encode(),
            features.encode(),
            passes.value,
            b"pic",
            b"small",
            0,
            0,
            b"",
        )
        if not machine:
            raise BackendError(f"LLVM has no code generator for {triple}, CPU {cpu}")
        try:
            yield machine
        finally:
            self._call("DisposeTargetMachine", machine)

    def optimise(self, module: ModuleHandle, machine: MachineHandle) -> None:
        """Run LLVM's default pipeline with both vectorisers."""
        tuning = self._call("CreatePipelineTuningOptions")
        for name in ("LoopVectorization", "SLPVectorization", "LoopInterleaving", "LoopUnrolling"):
            self._call(f"PTOSet{name}", tuning, True)
        builder = self._call("CreatePassBuilder", machine, tuning)
        manager = self._call("buildPerModuleDefaultPipeline", builder, _PIPELINE_LEVEL)
        try:
            self._call("RunNewModulePassManager", manager, module, builder)
        finally:
            self._call("DisposeNewModulePassManger", manager)
            self._call("DisposePassBuilder", builder)
            self._call("DisposePipelineTuningOptions", tuning)

    def emit(self, module: ModuleHandle, machine: MachineHandle, kind: OutputKind) -> bytes:
        """Generate code for a module."""
        message = ctypes.c_void_p()
        self._call("SetTargetMachineAsmVerbosity", machine, 0)
        buffer = self._call(
            "TargetMachineEmitToMemory", machine, module, kind.value, ctypes.byref(message)
        )
        failure = self._take_text(message)
        if not buffer:
            raise BackendError(f"LLVM could not generate code: {failure}")
        try:
            start, size = self._call("GetBufferStart", buffer), self._call("GetBufferSize", buffer)
            return ctypes.string_at(start, size)
        finally:
            self._call("DisposeMemoryBuffer", buffer)


def _path() -> str:
    """Return the path of the library of the installed llvmlite."""
    spec = importlib.util.find_spec("llvmlite")
    if spec is None or not spec.submodule_search_locations:
        raise BackendError("llvmlite is not installed; `pip install llvmlite` provides LLVM")
    folder = os.path.join(spec.submodule_search_locations[0], "binding")
    for file_name in _FILE_NAMES:
        path = os.path.join(folder, file_name)
        if os.path.exists(path):
            return path
    raise BackendError(f"no LLVM library in {folder}")


def _load() -> dict[str, Any]:
    """Load the library and give its functions their types."""
    path = _path()
    try:
        library = ctypes.CDLL(path)
        functions = {name: getattr(library, f"LLVMPY_{name}") for name in _PROTOTYPES}
    except (OSError, AttributeError) as error:
        raise BackendError(f"llvmlite's library cannot be used ({error}); is it 0.50?") from error
    for name, (result, arguments) in _PROTOTYPES.items():
        functions[name].restype = result
        functions[name].argtypes = arguments
    return functions


_lock = threading.Lock()
_loaded: list[Library] = []


def library() -> Library:
    """Return the library, loading it at the first call."""
    with _lock:
        if not _loaded:
            _loaded.append(Library())
        return _loaded[0]


def preload() -> None:
    """Start to load the library beside other work, for a caller who will need it soon."""
    threading.Thread(target=_map, daemon=True).start()


def _map() -> None:
    """Load the library without the interpreter's lock, which `ctypes.CDLL` keeps meanwhile."""
    try:
        opener: Any = ctypes.CDLL(None).dlopen
        path = os.fsencode(_path())
    except (BackendError, OSError, TypeError, AttributeError):
        return  # `library` says what is wrong; not every system has dlopen
    opener.restype, opener.argtypes = _POINTER, (_TEXT, _INT)
    opener(path, os.RTLD_NOW)
