"""C files are exactly as clang-format makes them."""

import re
import subprocess


def check(tree):
    paths = tree.select(".c", ".h")
    if not paths:
        return
    result = subprocess.run(["clang-format-14", "--dry-run", *paths], cwd=tree.root, capture_output=True, text=True,
                            check=False)
    seen = set()
    for path, number in re.findall(r"^(\S+?):(\d+):\d+: (?:warning|error): code should be clang-formatted",
                                   result.stderr, flags=re.M):
        if path not in seen:  # one line a file is enough
            seen.add(path)
            yield path, int(number), "not as clang-format makes it: clang-format-14 -i " + path
    if result.returncode != 0 and not seen:
        yield ".clang-format", 1, "clang-format-14 failed: " + result.stderr.strip()[-300:]
