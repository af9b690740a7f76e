# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A port where something else than our POP3 server waits.

    other = listener(lambda sock, number: sock.sendall(b"220 ready\r\n"))
    result = other.account(popfetch, tls="off")()
    other.heard()       what came on each connection behind that
"""

import contextlib
import socket
import threading

from popserver import PASSWORD

PATIENCE = 20  # seconds


class Listener:
    """Does to each connection what serve(sock, number) says, and remembers what came."""

    def __init__(self, serve):
        self.serve, self.socks, self.received, self.threads = serve, [], [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.settimeout(PATIENCE)
                self.socks.append(sock)
                self.received.append(b"")
                number = len(self.socks) - 1
                thread = threading.Thread(target=self._run, args=(sock, number), daemon=True)
                self.threads.append(thread)
                thread.start()

    def _run(self, sock, number):
        with contextlib.suppress(OSError):
            self.serve(sock, number)
            while data := sock.recv(4096):
                self.received[number] += data

    def account(self, popfetch, **options):
        """An account of popfetch's at this port."""
        return popfetch.account(
            host="localhost", port=self.port, user="jane", password=PASSWORD, **options
        )

    def heard(self):
        """When popfetch has left: all that came on each connection."""
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "somebody is connected still"
        return self.received

    def end(self):
        for sock in [self.listener, *self.socks]:
            with contextlib.suppress(OSError):
                sock.close()
