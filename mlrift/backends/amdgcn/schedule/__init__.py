"""Scheduling before allocation: the instructions of a block in an order that hides latencies.

graph: what must stay behind what -> order: the order, within a number of registers -> schedule.
"""
