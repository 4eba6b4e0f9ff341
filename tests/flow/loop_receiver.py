"""A receiver in a process of its own: it writes down every message it acknowledges, and knows each again by its key.

`python -m tests.flow.loop_receiver <file>` prints the port it listens on; one line of the file a message received.
"""

import os
import socketserver
import sys
from pathlib import Path


class Server(socketserver.ThreadingTCPServer):
    """Listens on a free port of this machine."""

    daemon_threads = True


def main(file: str) -> None:
    """Receive until the process is ended."""
    with Path(file).open("ab", buffering=0) as book:

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline()
                if line.endswith(b"\n"):
                    book.write(line)
                    os.fsync(book.fileno())
                    self.wfile.write(b"ok\n")

        with Server(("127.0.0.1", 0), Handler) as server:
            sys.stdout.write(f"{server.server_address[1]}\n")
            sys.stdout.flush()
            server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
