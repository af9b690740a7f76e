# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A line that breaks: stands between popfetch and a server, and passes on so many bytes.

    with Line(server) as line:             listens on line.port; otherwise like the server itself
        line.cut(1234, "reset")            the line drops behind 1,234 bytes from the server
        line.passed                        what the server has sent so far, in all connections
        line.mend()                        an honest line again
"""

import select
import socket
import struct
import threading

WAYS = ("close", "reset", "stall")


class Line:
    def __init__(self, server):
        self.server, self.address, self.tls = server, server.address, server.tls
        self.certificates = server.certificates
        self.listener = socket.create_server((self.address, 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.ended = False
        self.mend()
        self.threads = []
        self.accepting = threading.Thread(target=self._accept, daemon=True)
        self.accepting.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def cut(self, size, way="close", again=False):
        """again: later connections of the same run get nothing at all."""
        self.left, self.way, self.again, self.passed, self.happened = size, way, again, 0, False
        self.connections = 0

    def mend(self):
        self.cut(None)

    def _accept(self):
        while not self.ended:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            left = self.left if self.connections == 1 or self.left is None or self.again else None
            left = 0 if left is not None and self.connections > 1 else left
            threading.Thread(target=self._serve, args=(near, left, self.way), daemon=True).start()

    def _serve(self, near, left, way):
        far = socket.create_connection((self.address, self.server.port), timeout=30)
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._pass_on(near, far, left, way)
        except OSError:
            pass
        finally:
            near.close()
            far.close()

    def _pass_on(self, near, far, left, way):
        """left: how many bytes more may come from the server."""
        while True:
            if left == 0:
                return self._end(near, way)
            for sock in select.select([near, far], [], [], 30)[0]:
                data = sock.recv(65536)
                if not data:
                    return None
                if sock is near:
                    far.sendall(data)
                    continue
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                self.passed += len(data)
                near.sendall(data)

    def _end(self, near, way):
        self.happened = True
        if way == "reset":
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if way == "stall":
            while near.recv(65536):  # until the client gives up
                pass
