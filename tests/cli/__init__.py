"""Command lines of `mlrc`, in process and as a process."""
