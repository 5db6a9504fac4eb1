"""A daemon behind a cable that can be cut: its packets vanish, in both directions, and nobody is told."""

import os
import subprocess

from .run import run


def may_lay():
    """Only root in a network that leads nowhere, as tests/runner/pytest_run makes one: not in the machine's own."""
    return os.geteuid() == 0 and run("ip", "route") == ""


class Cable:
    """Between this network namespace, NEAR, and a new one, FAR. To be made before the cluster, whose daemons must be
    at NEAR: settings(). Ends with close()."""

    NEAR, FAR = "10.77.0.1", "10.77.0.2"
    NOBODY = "02:00:00:00:00:00"

    def __init__(self):
        # The namespace lives as long as somebody is in it.
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            self.holder.stdout.readline()
            run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", self.holder.pid)
            for name, address, prefix in (("near", self.NEAR, []), ("far", self.FAR, self.prefix)):
                run(*prefix, "ip", "address", "add", f"{address}/24", "dev", name)
                run(*prefix, "ip", "link", "set", name, "up")
        except BaseException:
            self.close()
            raise

    @property
    def prefix(self):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]

    def settings(self):
        return {"storage.bind": self.NEAR, "keeper.bind": f"{self.NEAR}:7777", "keeper.announce": f"{self.NEAR}:7777"}

    def move(self, cluster, name):
        """This daemon is at the far end until it is killed."""
        port = cluster.ports()[f"{name}.private"]
        cluster.hosts[name] = self.FAR
        cluster.restart(name, prefix=self.prefix, flags=[f"--storage.bind={self.FAR}",
                                                        f"--storage.private={self.FAR}:{port}"])

    def _neighbours(self, *words):
        for name, other, prefix in (("near", self.FAR, []), ("far", self.NEAR, self.prefix)):
            run(*prefix, "ip", "neighbour", words[0], other, *words[1:], "dev", name)

    def cut(self):
        """Frames go to an address that nobody has."""
        self._neighbours("replace", "lladdr", self.NOBODY, "nud", "permanent")

    def mend(self):
        self._neighbours("delete")

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
