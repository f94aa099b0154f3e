"""The tables of characters in std, and what makes them."""
