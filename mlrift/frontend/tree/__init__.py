"""Tree builders: what the parser calls, one method a named alternative of the grammar."""
