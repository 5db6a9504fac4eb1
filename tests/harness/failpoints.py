"""The tests' side of proto/base/failpoint.h: a folder in which processes look for what to do at a named point."""

import contextlib
import os
import pathlib
import re
import shutil
import tempfile
import time

from .cluster import ROOT

TABLE = ROOT / "proto/base/failpoint_table.h"
UNKNOWN_OUTCOME = -1010


def names():
    """Of all failpoints there are."""
    return re.findall(r'^FAILPOINT\(\w+,\s*"([\w.]+)"', TABLE.read_text(encoding="utf-8"), flags=re.M)


class Failpoints:
    """Clusters started while this lives look here."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="packhouse-failpoints-", dir="/var/tmp"))
        self.folder.chmod(0o777)
        os.environ["PACKHOUSE_FAILPOINTS"] = str(self.folder)

    def close(self):
        del os.environ["PACKHOUSE_FAILPOINTS"]
        shutil.rmtree(self.folder)

    def set(self, name, action):
        assert name in names(), f"no failpoint {name}"
        (self.folder / f"{name}.reached").unlink(missing_ok=True)
        new = self.folder / f"{name}.new"
        new.write_text(action + "\n", encoding="ascii")
        new.chmod(0o644)
        new.rename(self.folder / name)

    def release(self, name):
        (self.folder / name).unlink(missing_ok=True)
        (self.folder / f"{name}.taken").unlink(missing_ok=True)

    def is_reached(self, name):
        return (self.folder / f"{name}.reached").exists()

    def wait(self, name, seconds=120):
        deadline = time.monotonic() + seconds
        while not self.is_reached(name):
            assert time.monotonic() < deadline, f"nobody came to {name}"
            time.sleep(0.01)

    @contextlib.contextmanager
    def pause(self, name, by=None):
        """The first who comes there waits until the end of the block."""
        self.set(name, "pause once" + (f" by {by}" if by else ""))
        try:
            yield
        finally:
            self.release(name)
