"""Tests of the engines: what they run, and above all what they refuse."""
