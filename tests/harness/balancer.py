"""A TCP balancer before the gateways, as a company has one before its web servers.

    with Balancer(cluster) as balancer:
        Registry(balancer.url, …)

A connection goes to the next gateway whose /readyz says so; one that refuses it is passed over. Bytes, ends and breaks
are carried both ways; nothing is tried a second time.
"""

import itertools
import socket
import threading


class Balancer:
    def __init__(self, cluster):
        self.cluster = cluster
        self.names = [f"gateway-{n + 1}" for n in range(cluster.gateways)]
        self.turn = itertools.count()
        self.ready = set()
        self.stopping = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"{cluster.url().split(':')[0]}://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=work) for work in (self.look, self.accept)]

    def __enter__(self):
        self.look_once()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)  # ends accept()
        for thread in self.threads:
            thread.join()
        self.listener.close()

    def look_once(self):
        self.ready = {name for name in self.names if self.cluster.is_ready(name)}

    def look(self):
        while not self.stopping.wait(0.1):
            self.look_once()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def connect(self):
        first = next(self.turn)
        for number in range(len(self.names)):
            place = (first + number) % len(self.names)
            if self.names[place] in self.ready:
                try:
                    return socket.create_connection(("127.0.0.1", self.cluster.port + place), timeout=120)
                except ConnectionRefusedError:
                    pass
        raise OSError("no gateway is ready")

    def carry(self, client):
        with client:
            try:
                gateway = self.connect()
            except OSError:
                return
            with gateway:
                for one in (client, gateway):
                    one.settimeout(None)
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=carry_one_way, args=(gateway, client), daemon=True)
                back.start()
                carry_one_way(client, gateway)
                back.join()


def carry_one_way(source, sink):
    """Until one of them ends or breaks."""
    try:
        while data := source.recv(1 << 17):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for broken in (source, sink):
            try:
                broken.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
