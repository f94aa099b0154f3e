"""Code objects for people: assembler text, a disassembly, and what a kernel needs and costs."""
