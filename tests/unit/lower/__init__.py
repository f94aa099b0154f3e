"""Tests of lowering: typed model to IR."""
