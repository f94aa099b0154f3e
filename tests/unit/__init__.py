"""Python tests that mirror the packages they test."""
