"""What server processes cost: CPU seconds, peak anonymous memory, calls that wait for the disk."""

import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
SYNC_CALLS = "fsync,fdatasync,sync_file_range,syncfs,sync,msync"


def stat_of(pid):
    """(parent, own CPU seconds, those of its reaped children), or None when the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    own, reaped = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return int(fields[1]), own / TICKS, reaped / TICKS


def descendants(roots):
    """{pid: name of the root it stems from}; roots: {pid: name}."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = stat_of(entry)
            if stat:
                parents[int(entry)] = stat[0]
    found = {}
    for pid in parents:
        at = pid
        while at in parents and at not in roots:
            at = parents[at]
        if at in roots:
            found[pid] = roots[at]
    return found


def cpu_seconds(roots):
    """{name: CPU seconds so far} of all processes below the roots, those that ended included."""
    seconds = collections.Counter()
    for pid, name in descendants(roots).items():
        stat = stat_of(pid)
        if stat:
            seconds[name] += stat[1] + stat[2]
    return seconds


def anonymous_kib(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    found = re.search(r"^RssAnon:\s+(\d+)", text, re.M)
    return int(found.group(1)) if found else 0


class MemoryWatch:
    """Samples RssAnon of each process below the roots; peak is by name, of the largest single process."""

    def __init__(self, roots, every=0.1):
        self.roots, self.every = roots, every
        self.peak = collections.Counter()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def _watch(self):
        pids, next_look = {}, 0
        while not self._end.wait(self.every):
            if time.monotonic() >= next_look:  # a look for new processes costs CPU: once a second
                pids, next_look = descendants(self.roots), time.monotonic() + 1
            for pid, name in pids.items():
                self.peak[name] = max(self.peak[name], anonymous_kib(pid))


class SyncCount:
    """Counts, with strace, the calls of all processes below the roots that wait for the disk."""

    def __init__(self, roots, file):
        self.roots, self.file, self.calls = roots, pathlib.Path(file), None

    def __enter__(self):
        self._process = None
        if shutil.which("strace") is None:
            return self
        command = ["strace", "-f", "-e", "trace=" + SYNC_CALLS, "-o", str(self.file)]
        for pid in descendants(self.roots):
            command += ["-p", str(pid)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(1)
        return self

    def __exit__(self, *_):
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        self._process.wait()
        calls = re.findall(r"^\d+ +(\w+)\(", self.file.read_text(encoding="utf-8", errors="replace"), re.M)
        self.calls = dict(collections.Counter(calls))
