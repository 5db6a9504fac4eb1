"""The registries that are compared: how each is started, stopped, and reached by the load tool."""

import json
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def free_port():
    """A port outside the range of outgoing connections, so that none of those can take it."""
    for port in range(5600, 6000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port from 5600 to 5999")


def say(text):
    print(text, flush=True)


class Packhouse:
    def __init__(self, name, folder, build, storage, replicas, options=()):
        self.name, self.folder, self.build = name, pathlib.Path(folder), build
        self.storage, self.replicas, self.options = storage, replicas, list(options)
        self.url, self.access = None, []
        self.promise = (f"201 = chunks durable (fdatasync) on {min(2, replicas)} of {replicas} "
                        f"{'copies' if replicas > 1 else 'copy'}, then the PostgreSQL commit durable")

    def start(self):
        port = free_port()
        subprocess.run([str(ROOT / "deploy/up"), "--detach", "--dir", str(self.folder), "--port", str(port),
                        "--storage", str(self.storage), "--replicas", str(self.replicas),
                        "--build-dir", str(self.build), "--no-build", "--no-install", *self.options],
                       check=True, stdout=subprocess.DEVNULL)
        environment = dict(line.split("=", 1) for line in (self.folder / "packhouse.env").read_text().splitlines()
                           if "=" in line and not line.startswith("#"))
        self.url = environment["PACKHOUSE_URL"].strip("'").replace("localhost", "127.0.0.1")
        admin = environment["PACKHOUSE_ADMIN_TOKEN"].strip("'")
        self._admin(admin, "admin/users", {"login": "bench", "email": "bench@example.org"})
        token = self._admin(admin, "admin/users/bench/authorizations",
                            {"scopes": ["write:packages"], "note": "bench"})["token"]
        self.access = ["--url", self.url, "--repository", "bench/load", "--user", "bench", "--password", token]

    def _admin(self, token, path, body):
        request = urllib.request.Request(f"{self.url}/api/v3/{path}", json.dumps(body).encode(),
                                         {"Authorization": "token " + token, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def roots(self):
        """{pid: name} of what deploy/up started."""
        return {int(file.read_text().split()[0]): file.stem for file in (self.folder / "run").glob("*.pid")}

    def stop(self, keep):
        subprocess.run([str(ROOT / "deploy/down"), "--dir", str(self.folder), *([] if keep else ["--purge"])],
                       check=False, stdout=subprocess.DEVNULL)


class DockerRegistry:
    """Debian's docker-registry (CNCF distribution), as its package configures it, without authentication."""

    name = "docker-registry"
    promise = "201 = the file's bytes synced (fsync) before its rename; no folder is synced, so its name may be lost"
    CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}", headers: {{X-Content-Type-Options: [nosniff]}}}}
health: {{storagedriver: {{enabled: true, interval: 10s, threshold: 3}}}}
"""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.access, self._process = [], None

    def start(self):
        port = free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.yml"
        config.write_text(self.CONFIG.format(data=self.folder / "data", port=port), encoding="utf-8")
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}"
        wait_for(url + "/v2/", self._process)
        self.access = ["--url", url, "--repository", "bench/load"]

    def roots(self):
        return {self._process.pid: self.name}

    def stop(self, keep):
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def wait_for(url, process):
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")
