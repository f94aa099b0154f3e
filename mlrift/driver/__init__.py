"""The driver: files in, stages in order, files out; it and cli alone touch files."""
