"""Code objects: the ELF file with kernels, descriptors and metadata that AMD's loaders take."""
