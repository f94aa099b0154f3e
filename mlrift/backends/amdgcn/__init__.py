"""The AMD GPU back end: kernels of the IR in, code objects out, and tools to check and run them."""
