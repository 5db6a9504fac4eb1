"""How much memory the processes of a cluster hold of their own."""

import threading


class Watch(threading.Thread):
    """Samples the anonymous memory of all processes of a cluster; .peak has the most of each, by name."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.pids = cluster.family()
        self.peak = {}
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.05):
            for pid, name in self.pids.items():
                size = anonymous_of(pid)
                self.peak[name] = max(self.peak.get(name, 0), size)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def check(self, limit):
        above = {name: f"{size >> 20} MiB" for name, size in self.peak.items() if size > limit}
        assert not above, f"more than {limit >> 20} MiB of anonymous memory"
        assert len(self.peak) == len(set(self.pids.values()))


def anonymous_of(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) << 10
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0
