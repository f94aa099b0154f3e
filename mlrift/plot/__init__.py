"""`python -m mlrift.plot`: recorded spikes and states in, pictures out.

It reads files and draws them with matplotlib; it knows nothing of the compiler.
"""
