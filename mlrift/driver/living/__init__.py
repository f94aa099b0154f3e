"""`mlrc lc`, the living compiler (cli.md 3.3): what a file is like, and how it could be better."""
