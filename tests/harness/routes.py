"""The gateway's routes, read from its source: so that a test that goes through all of them cannot miss a new one."""

import pathlib
import re

TABLE = pathlib.Path(__file__).resolve().parents[2] / "gateway/route_table.c"


def packages(text):
    """The table with what PACKAGE(path) stands for."""
    rows = re.search(r"^#define PACKAGE\(P\)[ \t]*\\\n((?:.*\\\n)*.*\n)", text, flags=re.M)
    text = text.replace(rows[0], "")
    lines = re.sub(r"[ \t]*\\$", "", rows[1], flags=re.M)
    return re.sub(r'^\tPACKAGE\("([^"]+)"\)$', lambda m: re.sub(r'P(?: "([^"]+)")?,', lambda row: (
        f'"{m[1]}{row[1] or ""}",'), lines), text, flags=re.M)


def routes():
    """[(method, pattern, the name of the right it needs)], in the table's order."""
    text = packages(TABLE.read_text(encoding="utf-8"))
    paths = dict(re.findall(r'^#define (UPLOADS?) +"([^"]+)"', text, flags=re.M))
    rows = re.findall(r'^\t\{([A-Z_ |]+), +("[^"]+"|UPLOADS?), +([A-Z_]+),', text, flags=re.M)
    assert len(rows) == len(re.findall(r"^\t\{[A-Z]", text, flags=re.M)) > 20
    found = []
    for methods, path, right in rows:
        for method in methods.replace("READ", "METHOD_GET | METHOD_HEAD").split(" | "):
            found.append((method.removeprefix("METHOD_"), paths.get(path, path.strip('"')), right))
    return found
