"""Kernels of linear algebra as IR, made by builders: one function per processor level and tile.

Enters: the name of a unit. Leaves: a module that the driver merges into a program as it does with
files of the core library. The loops around them are in std/core/matrix.mlr.
"""
