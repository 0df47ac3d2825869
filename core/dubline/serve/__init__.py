"""The engine for a host program: JSON lines over standard input and output.

    python -I -X utf8 -m dubline.serve

    __main__    takes the wire, says hello, and only then loads the rest
    wire        lines in, lines out
    requests    what a host may ask for
    lanes       the queue of jobs, each in a process of its own, and how they are stopped
    work        that process: one request, its progress, its result

docs/serve.md describes the lines. Importing this package loads nothing.
"""
