"""How test files become tests: directives in comments, one pytest item a file."""
