"""Code objects: the ELF file with kernels, descriptors and metadata that AMD's loaders take.

    from mlrift.backends.amdgcn.codeobject.read import read
    from mlrift.backends.amdgcn.codeobject.write import write

`write(CodeObject)` gives the file, `read(bytes)` a `LoadedObject` of any compiler's file or bundle:
its kernels with code, descriptor, metadata and lines, and `memory(base)`, what a loader maps.
"""
