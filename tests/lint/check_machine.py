"""Nothing of the machine where a file was written: no home or work folders, no package mirrors."""

import pathlib
import re

# package sources every machine brings along by itself
HOSTS = r"\b(deb\.debian\.org|security\.debian\.org|registry\.npmjs|pypi\.org|pythonhosted\.org|proxy\.golang\.org)"
PLACES = r"(?<![\w.])/(home/\w+|work/|Users/|mnt/\w+)"


def hosts_of_this_machine():
    hosts = set()
    for file in [pathlib.Path("/etc/apt/sources.list"), *pathlib.Path("/etc/apt/sources.list.d").glob("*")]:
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            if not line.startswith("#"):
                hosts.update(re.findall(r"https?://([^/\s]+)", line))
    return hosts


def check(tree):
    parts = [HOSTS, PLACES, re.escape(str(tree.root)) + r"\b"]
    parts += [re.escape(host) for host in sorted(hosts_of_this_machine())]
    pattern = re.compile("|".join(parts))
    for path in tree.paths:
        if path == "tests/lint/check_machine.py":
            continue
        for number, line in tree.lines(path):
            found = pattern.search(line)
            if found:
                yield path, number, f"names {found.group(0)}: take it from the machine at run time, or from an option"
