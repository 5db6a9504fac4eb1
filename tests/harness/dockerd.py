"""A docker daemon of the tests' own: own folders, own socket, own /etc/docker, no bridge and no firewall rules.

Needs root.
"""

import contextlib
import shutil
import subprocess
import time

from .run import Failed, run


class Dockerd:
    ELSEWHERE = ("unshare", "--mount", "sh", "-c", 'mkdir -p /etc/docker && mount --bind "$0" /etc/docker && exec "$@"')

    def __init__(self, folder):
        self.folder = folder
        self.socket = f"unix://{folder}/docker.sock"
        self.log = open(folder / "dockerd.log", "w", encoding="utf-8")
        self.settings = folder / "etc"
        self.settings.mkdir()
        self.process = subprocess.Popen(
            [*self.ELSEWHERE, self.settings, "/usr/sbin/dockerd", f"--data-root={folder}/data",
             f"--exec-root={folder}/exec", f"--host={self.socket}", f"--pidfile={folder}/pid", "--iptables=false",
             "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"],
            stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self._wait()

    def _wait(self):
        for _ in range(1200):
            try:
                self("version")
                return
            except Failed:
                assert self.process.poll() is None, "dockerd ended; see its log in " + str(self.folder)
                time.sleep(0.1)
        raise AssertionError("dockerd is not ready after two minutes; see its log in " + str(self.folder))

    @contextlib.contextmanager
    def trusting(self, registry, ca):
        """With the CA where users are told to put it; it looks there at each request."""
        folder = self.settings / "certs.d" / registry
        folder.mkdir(parents=True)
        shutil.copy(ca, folder / "ca.crt")
        yield
        shutil.rmtree(folder)

    def __call__(self, *arguments, timeout=300, **options):
        """docker ARGUMENT…; what it said"""
        return run("/usr/bin/docker", "--config", self.folder / "config", "-H", self.socket, *arguments,
                   timeout=timeout, **options)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=120)
        self.log.close()
