"""Register allocation: virtual registers of machine IR become registers of the wave.

units: dwords as numbers -> liveness: where each is alive -> groups: copies that need not be made
-> colour: a place for every group, or who must leave -> spill, and again -> rewrite.
"""
