"""Time how long llama.cpp takes to load a model: `load_llama.py LIBRARY MODEL`.

Loads with the library's own settings: the file is mapped, its vocabulary is read, and tensors for
which it has a quicker layout are copied to that. Nothing is computed. Prints
`{"kind": "load", "seconds": S}`, or ends with a message.
"""

import ctypes
import json
import sys
import time

_WORDS = 64


class _Settings(ctypes.Structure):
    """A llama_model_params of any version: it is only handed on, and smaller than this."""

    _fields_ = (("words", ctypes.c_uint64 * _WORDS),)


def main() -> None:
    """Load the model of the command line."""
    library = ctypes.CDLL(sys.argv[1])
    said: list[str] = []
    listen = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    listener = listen(lambda _level, text, _data: said.append(text.decode(errors="replace")))
    library.llama_log_set(listener, None)
    library.llama_model_default_params.restype = _Settings
    library.llama_model_load_from_file.restype = ctypes.c_void_p
    library.llama_model_load_from_file.argtypes = (ctypes.c_char_p, _Settings)
    library.llama_backend_init()
    settings = library.llama_model_default_params()
    start = time.perf_counter()
    model = library.llama_model_load_from_file(sys.argv[2].encode(), settings)
    seconds = time.perf_counter() - start
    if not model:
        sys.exit(f"llama.cpp does not load {sys.argv[2]}: {''.join(said)[-200:]}")
    print(json.dumps({"kind": "load", "seconds": seconds}))


if __name__ == "__main__":
    main()
