"""The kernels of std run on a device and compared with numpy: what `mlr doctor --selftest` does."""
