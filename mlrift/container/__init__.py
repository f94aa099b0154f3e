"""The `.mlrbo` fat file: writing, reading, codecs and filters; `fat.py` is the front door."""
