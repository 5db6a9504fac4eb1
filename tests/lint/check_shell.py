"""Shell scripts are as shellcheck wants them. Pieces without a #! line are checked with the script that reads them."""

import json
import subprocess


def check(tree):
    paths = [path for path in tree.paths if tree.is_shell(path) and tree.text(path).startswith("#!")]
    if not paths:
        return
    result = subprocess.run(["shellcheck", "-x", "-a", "-f", "json", *paths], cwd=tree.root, capture_output=True,
                            text=True, check=False)
    try:
        found = json.loads(result.stdout)
    except json.JSONDecodeError:
        yield ".shellcheckrc", 1, "shellcheck failed: " + result.stderr.strip()[-300:]
        return
    for item in found:
        yield item["file"].removeprefix("./"), item["line"], f"SC{item['code']}: {item['message']}"
