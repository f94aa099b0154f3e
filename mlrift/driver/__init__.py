"""The driver: files in, stages in order, files out. The only part besides cli that touches files."""
