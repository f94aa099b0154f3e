"""What is particular to arm64: its LLVM target row, its encoded stubs, its own rules."""
