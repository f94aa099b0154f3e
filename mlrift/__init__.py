"""MLRift: one `.mlr` source to native programs for eight targets and to AMD GPU code."""

VERSION = "1.1.0"
