"""`python -m mlrift.bind`: from a library that mlrc made to a module that uses it from Python."""
