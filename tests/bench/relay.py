# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A line of a certain length, which counts round trips; and a server that cannot pipeline.

    with Relay(port, rtt=0.02) as relay:
        relay.port                     what clients connect to, on localhost
        relay.forget(); ...; relay.trips()      of the connections since, the highest number

A round trip is counted when it was needed, whatever the clock says. Every piece of data gets a
number: what a client sends, one more than the highest number it had received until then; what a
server sends, the highest number it had received. The connection itself is the first. What a client
no longer waits for, because it has closed its side, does not count. The distance only keeps apart
what crosses on the way, and lets the clock show the sum.
"""

import asyncio
import contextlib
import ssl
import threading

PIECE = 1 << 18


class Line:
    """One connection. What is sent arrives half a round trip later."""

    def __init__(self, relay, reader, writer):
        self.relay, self.reader, self.writer = relay, reader, writer
        self.rtt, self.began = relay.rtt, asyncio.get_running_loop().time()
        self.at_client, self.at_server = 1, 2  # a greeting comes with the second
        self.left = False
        self.client_bytes = self.server_bytes = 0

    async def run(self):
        up, down = asyncio.Queue(), asyncio.Queue()
        # Our own side accepts at once; over the distance that takes a round trip, and the server
        # hears of the connection half a one later.
        first = self.began + 1.5 * self.rtt
        tasks = [asyncio.create_task(self.receive(self.reader, up, first, self.sent))]
        try:
            await self.sleep_until(first)
            reader, writer = await asyncio.open_connection("127.0.0.1", self.relay.target)
            tasks += [
                asyncio.create_task(self.deliver(up, writer, self.arrived_at_server)),
                asyncio.create_task(self.receive(reader, down, 0, self.answered)),
                asyncio.create_task(self.deliver(down, self.writer, self.arrived_at_client)),
            ]
            await asyncio.wait([tasks[1], tasks[3]])
            writer.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.writer.close()
            self.reader = self.writer = None  # the counts are kept, perhaps of thousands

    async def sleep_until(self, due):
        await asyncio.sleep(max(0, due - asyncio.get_running_loop().time()))

    async def receive(self, reader, queue, earliest, number):
        while True:
            try:
                data = await reader.read(PIECE)
            except OSError:
                data = b""
            due = max(earliest, asyncio.get_running_loop().time() + self.rtt / 2)
            queue.put_nowait((due, number(data), data))
            if not data:
                return

    async def deliver(self, queue, writer, arrived):
        while True:
            due, number, data = await queue.get()
            await self.sleep_until(due)
            with contextlib.suppress(OSError, RuntimeError):  # the other side has gone
                if data:
                    arrived(number)
                    writer.write(data)
                    await writer.drain()
                else:
                    writer.write_eof()
            if not data:
                return

    def sent(self, data):
        self.left = self.left or not data
        self.client_bytes += len(data)
        return self.at_client + 1

    def arrived_at_server(self, number):
        self.at_server = max(self.at_server, number)

    def answered(self, data):
        self.server_bytes += len(data)
        return self.at_server

    def arrived_at_client(self, number):
        if not self.left:
            self.at_client = max(self.at_client, number)


class Looped:
    """An asyncio server on a free port of 127.0.0.1, in a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.tls = None

    def __enter__(self):
        self.thread.start()
        self.server = self.call(
            asyncio.start_server(self.accept, "127.0.0.1", 0, ssl=self.tls, backlog=256)
        )
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def __exit__(self, *_):
        self.call(self.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def stop(self):
        self.server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Relay(Looped):
    def __init__(self, target, rtt=0.0):
        super().__init__()
        self.target, self.rtt, self.lines = target, rtt, []

    async def accept(self, reader, writer):
        self.lines.append(Line(self, reader, writer))
        await self.lines[-1].run()

    def forget(self):
        self.lines = []

    def trips(self):
        return max((line.at_client for line in self.lines), default=0)

    def bytes(self):
        return sum(line.client_bytes + line.server_bytes for line in self.lines)


class Serial(Looped):
    """POP3S before a server that speaks plain text, of whose capabilities it hides PIPELINING."""

    HIDDEN = (b"PIPELINING\r\n", b"STLS\r\n")

    def __init__(self, target, certificate, key):
        super().__init__()
        self.target = target
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(certificate, key)

    async def accept(self, client_reader, client_writer):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            client_writer.close()
            return
        up = asyncio.create_task(self.copy(client_reader, writer, ()))
        with contextlib.suppress(asyncio.CancelledError):
            await self.copy(reader, client_writer, self.HIDDEN)
        client_writer.close()
        up.cancel()
        writer.close()

    async def copy(self, reader, writer, hidden):
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                for line in hidden:
                    data = data.replace(line, b"")
                writer.write(data)
                await writer.drain()
