"""The SSA intermediate representation: what every program, kernel and `--emit` goes through."""
