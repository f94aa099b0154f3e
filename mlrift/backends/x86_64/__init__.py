"""What is particular to x86-64: its LLVM target row, its encoded stubs, its own rules."""
