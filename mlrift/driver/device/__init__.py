"""Kernels for AMD cards: what a command line asks for, and the files that are made of them."""
