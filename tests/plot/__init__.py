"""The plots of recordings."""
