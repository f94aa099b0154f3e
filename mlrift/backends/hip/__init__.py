"""Kernels as C++ for HIP: what `--target=hip-amd` writes for the vendor's compiler."""
