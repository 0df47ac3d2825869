"""`python -m dubline.serve`: take the wire, say hello, and only then load what the work needs."""

from __future__ import annotations

import os
import sys

from dubline import __version__
from dubline.serve.wire import PROTOCOL, encoded, take_wire


def main() -> None:
    """Serve until the input ends."""
    incoming, outgoing = take_wire()
    python = ".".join(map(str, sys.version_info[:3]))
    hello = encoded({"event": "hello", "protocol": PROTOCOL, "version": __version__, "python": python})
    try:
        while hello:
            hello = hello[os.write(outgoing, hello) :]
    except OSError:
        return

    from dubline.serve.lanes import serve

    serve(incoming, outgoing)


if __name__ == "__main__":
    main()
