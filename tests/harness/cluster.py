"""A cluster started by deploy/up in a folder of its own."""

import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time

import requests

from .registry import Registry
from .run import run

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def free_ports(count):
    """The first of `count` ports in a row that nobody listens on."""
    while True:
        first = random.randrange(12000, 19000)
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.create_server(("127.0.0.1", port)))
            return first
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()


class Cluster:
    def __init__(self, build_dir, storage=3, replicas=0, gateways=1, workers=2, settings=None, tls=False,
                 bind=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="packhouse-cluster-", dir="/var/tmp"))
        self.dir.chmod(0o755)
        self.build_dir = pathlib.Path(build_dir).resolve()
        self.storage = storage
        self.gateways = gateways
        self.port = free_ports(gateways)
        self.first = ["--port", self.port, "--storage", storage, "--replicas", replicas, "--gateways", gateways,
                      "--workers", workers, *(["--tls"] if tls else []), *(["--bind", bind] if bind else [])]
        for key, value in {"storage.segment_size": "1M", **(settings or {})}.items():
            self.first += ["--set", f"{key}={value}"]
        self.common = ["--dir", self.dir, "--build-dir", build_dir, "--no-build", "--no-install", "--detach"]
        self.env = {}
        self.hosts = {}  # of processes whose private listener is not on 127.0.0.1
        self.users = 0

    # start and stop

    def up(self):
        """Starts what does not run; deploy/up's words."""
        said = run(ROOT / "deploy/up", *self.common, *self.first, timeout=300)
        self.first = []  # from now on the cluster knows them
        for line in (self.dir / "packhouse.env").read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                key, value = line.split("=", 1)
                self.env[key] = shlex.split(value)[0]
        return said

    def stop(self):
        run(ROOT / "deploy/down", "--dir", self.dir, timeout=300)
        self.assert_sanitizers_quiet()

    def assert_sanitizers_quiet(self):
        """What a sanitized program reports stands in its log, also what it has not freed at its end."""
        for log in (self.dir / "log").glob("*.log"):
            words = log.read_text(encoding="utf-8", errors="replace")
            at = re.search(r"^.*(ERROR: \w+Sanitizer|: runtime error: )", words, flags=re.M)
            assert at is None, f"{log.name}: {words[at.start():][:3000]}"

    def down(self, purge):
        self.stop()
        if purge:
            run(ROOT / "deploy/down", "--dir", self.dir, "--purge", timeout=300)
        else:
            print(f"\nlogs of a cluster: {self.dir}/log")

    # processes

    def pid(self, name):
        return int((self.dir / "run" / f"{name}.pid").read_text(encoding="ascii").split()[0])

    def kill(self, name, number=signal.SIGKILL):
        """Sends a signal; after SIGKILL waits until the process is gone."""
        pid = self.pid(name)
        os.kill(pid, number)
        if number == signal.SIGKILL:
            deadline = time.monotonic() + 120
            while is_alive(pid):
                assert time.monotonic() < deadline, f"{name} survived SIGKILL"
                time.sleep(0.01)

    def restart(self, name, prefix=(), environment=(), flags=()):
        """Kills a process and starts it as deploy/up had, with this command before it, more variables and flags.

        For deploy/up and deploy/down it is the same process, until it is killed.
        """
        proc = pathlib.Path("/proc") / str(self.pid(name))
        command = proc.joinpath("cmdline").read_text(encoding="utf-8").split("\0")[:-1]
        variables = proc.joinpath("environ").read_text(encoding="utf-8").split("\0")[:-1]
        status = proc.stat()
        self.kill(name)
        (self.dir / "run" / f"{name}.pid").unlink()
        owner = [] if os.geteuid() else ["setpriv", f"--reuid={status.st_uid}", f"--regid={status.st_gid}",
                                         "--init-groups"]
        with open(self.dir / "log" / f"{name}.log", "ab") as log:
            subprocess.Popen([*prefix, *owner, "env", "-i", *variables, *environment, *command, *flags], cwd=self.dir,
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, umask=0o077)
        deadline = time.monotonic() + 180
        while not self.is_ready(name):
            assert time.monotonic() < deadline, f"{name} is not ready: {self.log(name)[-500:]}"
            time.sleep(0.05)

    def is_ready(self, name):
        try:
            return requests.get(self.private(name) + "/readyz", timeout=3).status_code == 200
        except OSError:
            return False

    def pids(self):
        return {path.stem: self.pid(path.stem) for path in (self.dir / "run").glob("*.pid")}

    def family(self):
        """{pid: name} of all processes but PostgreSQL's; a gateway's workers are gateway-1/PID, and so on."""
        family = {}
        for name, pid in self.pids().items():
            if name != "postgres":
                family[pid] = name
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                    family.update((int(child), f"{name}/{child}") for child in file.read().split())
        return family

    def log(self, name):
        return (self.dir / "log" / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    # what it says about itself

    def url(self, gateway=1):
        return f"{self.env['PACKHOUSE_URL'].split(':')[0]}://127.0.0.1:{self.port + gateway - 1}"

    @property
    def ca(self):
        """The file with the CA that users are to trust; True, as requests has it, without."""
        return self.env["PACKHOUSE_CA"] or True

    def ports(self):
        text = (self.dir / "packhouse.ports").read_text(encoding="utf-8")
        return {name: int(port) for name, port in re.findall(r"^([\w.-]+)=(\d+)$", text, flags=re.M)}

    def private(self, name):
        return f"http://{self.hosts.get(name, '127.0.0.1')}:{self.ports()[name + '.private']}"

    def metrics(self, name="gateway-1"):
        """{'name{labels}': value} of one process's private listener."""
        lines = requests.get(self.private(name) + "/metrics", timeout=120).text.splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}

    def database(self, superuser=False):
        """A new connection, in autocommit mode."""
        import psycopg2  # only tests that look into the database need it

        address = self.env["PACKHOUSE_DATABASE_URL"]
        if superuser:
            address = f"host={self.dir}/run/postgres port={self.ports()['postgres']} user=postgres dbname=postgres"
        connection = psycopg2.connect(address, connect_timeout=120)
        connection.autocommit = True
        return connection

    def query(self, statement, *values):
        connection = self.database()
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall()
        finally:
            connection.close()

    def metadb(self, *arguments, **options):
        """packhouse-metadb COMMAND [OPTION]…; what it said."""
        return run(self.dir / "bin/packhouse-metadb", *arguments, f"--config={self.dir}/packhouse.conf", **options)

    # accounts

    def admin(self, method, path, body=None):
        """A call of the REST API by the site administrator; the answer, whatever its status."""
        return requests.request(method, f"{self.url()}/api/v3/{path}", json=body, timeout=120, verify=self.ca,
                                headers={"Authorization": "token " + self.env["PACKHOUSE_ADMIN_TOKEN"]})

    def new_user(self, scopes=("write:packages", "delete:packages")):
        self.users += 1
        login = f"user-{self.users}"
        made = self.admin("POST", "admin/users", {"login": login, "email": f"{login}@example.org"})
        assert made.status_code == 201, made.text
        return User(self, login, self.new_token(login, scopes))

    def new_token(self, login, scopes):
        made = self.admin("POST", f"admin/users/{login}/authorizations", {"scopes": list(scopes), "note": "test"})
        assert made.status_code == 201, made.text
        return made.json()["token"]

    def new_organization(self, login, admin):
        made = self.admin("POST", "admin/organizations", {"login": login, "admin": admin, "profile_name": login})
        assert made.status_code == 201, made.text

    def anonymous(self, gateway=1):
        return Registry(self.url(gateway), ca=self.ca)


class User:
    """An account with a token."""

    def __init__(self, cluster, login, token):
        self.cluster = cluster
        self.login = login
        self.token = token

    def registry(self, gateway=1):
        return Registry(self.cluster.url(gateway), self.login, self.token, self.cluster.ca)

    @property
    def credentials(self):
        return f"{self.login}:{self.token}"


class Stopped:
    """With Stopped(cluster, "postgres"): this process does not run, nor do its children."""

    def __init__(self, cluster, name):
        pid = cluster.pid(name)
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            self.pids = [pid, *map(int, children.read().split())]

    def __enter__(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

    def __exit__(self, *_):
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
