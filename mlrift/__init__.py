"""MLRift: a compiler from one `.mlr` source to native programs for eight targets and AMD GPU code."""

VERSION = "1.1.0"
