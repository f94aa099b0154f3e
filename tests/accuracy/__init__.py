"""Measured accuracy of the elementary functions of std, against mpmath."""
