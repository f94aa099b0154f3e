"""`mlrc doc`: a source file in, its reference page in Markdown out (docs/cli.md 1.14).

comments.py groups the lines of comments, reading.py makes a `Reference` of a parsed file, page.py
its text. Nothing here knows the standard library or the command line.
"""
