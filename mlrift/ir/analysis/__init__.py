"""Facts about functions, for passes, the verifier and the interpreter; they change nothing."""
