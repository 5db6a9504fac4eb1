"""What can go wrong with one storage daemon's disk, on command."""

import errno
import hashlib
import os
import shutil

from .run import run


class FaultyDisk:
    """Starts a daemon with tests/interpose/disk_faults.so, whose source tells the faults. Not for sanitized builds."""

    def __init__(self, cluster, name):
        self.folder = cluster.dir / "data" / name
        self.rules = cluster.dir / "run" / f"{name}.faults"
        library = cluster.dir / "bin/disk_faults.so"
        if not library.exists():  # another daemon may have it mapped
            shutil.copy(cluster.build_dir / "tests/interpose/disk_faults.so", library)
            library.chmod(0o755)  # the daemon's user may not be able to enter the build folder
        self.set()
        cluster.restart(name, environment=[f"LD_PRELOAD={library}", f"DISK_FAULTS={self.rules}"])

    def set(self, *faults, below="segments"):
        """set("write EIO", "sync EIO"): from now on; set(): none."""
        new = self.rules.with_suffix(".new")
        new.write_text("".join(f"{fault} {self.folder / below}\n" for fault in faults), encoding="utf-8")
        new.chmod(0o644)
        new.rename(self.rules)


class SmallDisk:
    """A file system of its own for a daemon's folder, which can be full. Only root can have it.

    To be unmounted after the cluster has stopped, or nothing can remove the cluster's folder.
    """

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.folder = cluster.dir / "data" / name
        self.ballast = self.folder / "ballast"

    def mount(self, size):
        """Moves the folder there, and leaves the daemon killed."""
        before = self.folder.with_name(f"{self.name}.before")
        self.cluster.kill(self.name)
        self.folder.rename(before)
        self.folder.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={size}", "packhouse-test", self.folder)
        run("cp", "-a", f"{before}/.", self.folder)
        shutil.rmtree(before)

    def unmount(self):
        if os.path.ismount(self.folder):
            run("umount", self.folder)

    def fill(self, leave=0):
        """To the last byte, whoever else writes; or but for so many bytes."""
        with open(self.ballast, "ab", buffering=0) as file:
            try:
                while leave == 0 or self.room() > leave:
                    file.write(bytes(64 << 10))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def room(self):
        room = os.statvfs(self.folder)
        return room.f_bavail * room.f_frsize

    def free(self):
        self.ballast.unlink(missing_ok=True)


class Segments:
    """A daemon's log on its disk, to be damaged while the daemon is killed or stands still."""

    HEADER = 96

    def __init__(self, cluster, name):
        self.folder = cluster.dir / "data" / name / "segments"

    def records(self, data):
        """(segment, offset) of each record that put this chunk: see storage/daemon/record.c."""
        digest = hashlib.sha256(data).digest()
        for path in sorted(self.folder.glob("*.seg")):
            log, at = path.read_bytes(), -1
            while (at := log.find(digest, at + 1)) >= 0:
                if log[at - 16:at - 11] == b"PHRC\x01":
                    yield path, at - 16

    def places(self, data):
        """Offsets in a record of this chunk, one in each of its parts."""
        payload = self.HEADER + 4 * -(-len(data) // (64 << 10))
        return {"magic": 0, "digest": 30, "gen": 50, "header's checksum": 95, "first block's checksum": self.HEADER,
                "last block's checksum": payload - 1, "first byte": payload, "last byte": payload + len(data) - 1}

    def flip(self, path, offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0x10]))

    def damage(self, data, place):
        """Flips a bit of each record of this chunk."""
        found = list(self.records(data))
        assert found, "the chunk is not there"
        for path, offset in found:
            self.flip(path, offset + self.places(data)[place])
