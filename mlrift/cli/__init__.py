"""The command lines: flags in, calls of the layers below, exit status out."""
