"""Checking of models: populations, dynamics, event streams, connections and plasticity."""
