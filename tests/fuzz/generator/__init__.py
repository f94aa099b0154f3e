"""What `tests.fuzz.generate` is made of: one module per kind of text that it writes."""
