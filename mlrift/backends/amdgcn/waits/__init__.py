"""Waits for memory: a function with physical registers enters, its wait instructions are added.

counters: what counts what, per generation -> pending: what may be under way -> insert: the waits.
"""
