"""Hazards that the hardware leaves to the compiler: a function with waits enters, fixes are added.

rules: what each hazard remembers and asks for -> insert: the rules of a chip over the graph.
"""
