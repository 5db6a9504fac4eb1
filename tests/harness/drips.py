"""Clients that send a request's head a byte a second, from many addresses, and come again when they are turned out."""

import os
import resource
import selectors
import socket
import threading
import time

COUNT = int(os.environ.get("PACKHOUSE_TEST_DRIPS", "2000"))
HEAD = b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 8000


def allow_many_files():
    """As many sockets as this machine lets a process have."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Drips:
    """With Drips(port) as drips: … — 2,000 connections, a hundred from each of 127.1.0.1 … 127.1.0.20."""

    def __init__(self, port, count=COUNT):
        self.port = port
        self.count = count
        self.addresses = [f"127.1.0.{n + 1}" for n in range((count + 99) // 100)]
        self.open = {}  # socket: bytes sent
        self.turned_out = 0
        self.bytes = 0
        self.trouble = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        allow_many_files()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        for connection in self.open:
            connection.close()
        if self.trouble:
            raise self.trouble

    def await_all(self, seconds=120):
        """Until as good as all are there, and have sent some bytes; now and then many are turned out at once."""
        deadline = time.monotonic() + seconds
        while self.bytes < 3 * self.count or len(self.open) < 0.9 * self.count:
            assert not self.trouble and time.monotonic() < deadline, f"{len(self.open)} connections, {self.trouble}"
            time.sleep(0.05)

    def run(self):
        try:
            with selectors.EpollSelector() as selector:
                while not self.stopping.is_set():
                    self.drip(selector)
        except Exception as trouble:  # pylint: disable=broad-except # told by the test
            self.trouble = trouble

    def drip(self, selector):
        """A second: whoever is missing comes, each sends a byte, who is turned out is closed."""
        began = time.monotonic()
        for number in range(self.count - len(self.open)):
            self.connect(selector, self.addresses[number % len(self.addresses)])
        for connection in list(self.open):
            self.send(selector, connection)
        while (left := began + 1 - time.monotonic()) > 0 and not self.stopping.is_set():
            for key, _ in selector.select(left):
                self.close(selector, key.fileobj)

    def connect(self, selector, address):
        connection = socket.socket()
        connection.bind((address, 0))
        connection.settimeout(120)
        connection.connect(("127.0.0.1", self.port))
        connection.setblocking(False)
        self.open[connection] = 0
        selector.register(connection, selectors.EVENT_READ)
        self.send(selector, connection)

    def send(self, selector, connection):
        sent = self.open.get(connection)
        if sent is None:
            return
        try:
            connection.send(HEAD[sent:sent + 1])
            self.open[connection] += 1
            self.bytes += 1
        except OSError:
            self.close(selector, connection)

    def close(self, selector, connection):
        """Answered, or cut off."""
        selector.unregister(connection)
        connection.close()
        del self.open[connection]
        self.turned_out += 1
