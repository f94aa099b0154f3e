"""The kernels of std/kernels on everything that can run them, beside numpy in double precision."""
