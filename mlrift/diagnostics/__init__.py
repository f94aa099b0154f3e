"""Diagnostics: values, the catalogue of every message, collection and rendering."""
