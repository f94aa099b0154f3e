"""IR to LLVM IR to machine code, shared by both host CPUs."""
