"""Tensors in the language: their types, shapes, operations and places, checked and typed."""
