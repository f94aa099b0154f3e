"""Passes: one file each, all listed and ordered in `pipeline.py`."""
