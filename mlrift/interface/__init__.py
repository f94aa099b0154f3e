"""What a library offers to other languages, as values; written as JSON and as a C header."""
