"""`mlr --device=emulated`: an unmodified program for /dev/kfd, answered by the emulated card."""
