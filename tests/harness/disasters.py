"""What can go wrong with one storage daemon's disk, on command."""

import shutil


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
