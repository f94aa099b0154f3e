"""Tests of the linker: objects made by LLVM and by hand, images of all eight targets."""
