"""Checks of `@kernel` functions: what calls mean in device code, and what it cannot do."""
