"""Checking of vectors: types, operators, operations and functions that have them."""
