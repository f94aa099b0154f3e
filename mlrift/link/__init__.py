"""The linker: relocatable objects in, a runnable executable image of one target out."""
