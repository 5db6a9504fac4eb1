"""A request whose body is sent piece by piece; a PATCH of an upload, unless said otherwise."""

import http.client
import select
import socket
import struct
from urllib.parse import urlsplit


class Slow:
    def __init__(self, user, place, length, gateway=1, method="PATCH", media="application/octet-stream"):
        to = urlsplit(user.cluster.url(gateway))
        self.connection = http.client.HTTPConnection(to.hostname, to.port, timeout=120)
        self.connection.putrequest(method, place)
        for name, value in (("Authorization", f"Bearer {user.token}"), ("Content-Length", str(length)),
                            ("Content-Type", media)):
            self.connection.putheader(name, value)
        self.connection.endheaders()

    def send(self, data):
        self.connection.send(data)

    def has_answer(self):
        """Is there one already, before the body's end?"""
        return bool(select.select([self.connection.sock], [], [], 0)[0])

    def answer(self):
        """The answer, its text as .body."""
        got = self.connection.getresponse()
        got.body = got.read()
        return got

    def break_off(self, reset=False):
        """Closes in the middle; with reset as somebody whose machine was restarted."""
        if reset:
            self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
