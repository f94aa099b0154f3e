"""Builtins by family; `table.py` collects them."""
