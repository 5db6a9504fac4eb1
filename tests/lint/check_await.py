"""What may suspend is called await_…: whoever reads a call sees that the world may change under it.

A function that calls await_…() or task_wait…() must itself be called await_…, or be where a task starts: marked
TASK_ENTRY, handed to task_spawn(), or named in the gateway's route table.
"""

import re

from csource import code_of, functions_of

WAITS = re.compile(r"\b(await_\w+|task_wait\w*)\s*\(")


def entries_of(tree):
    names = set()
    for path in tree.select(".c", ".h"):
        code = code_of(tree.text(path))
        for call in re.finditer(r"\btask_spawn\s*\(([^;]*);", code):
            names.update(re.findall(r"\w+", call.group(1)))
        if re.fullmatch(r"gateway/route\w*\.[ch]", path):
            names.update(re.findall(r"\w+", code))
        names.update(re.findall(r"\bTASK_ENTRY\b[\s\w\*]*?(\w+)\s*\(", code))
    return names


def check(tree):
    entries = entries_of(tree)
    for path in tree.select(".c"):
        if path.startswith("tests/") or path.startswith("proto/base/task"):
            continue
        for function in functions_of(tree.text(path)):
            wait = WAITS.search(function.body)
            if wait is None or function.name.startswith("await_") or function.name in entries:
                continue
            yield (path, function.line, f"{function.name}() may suspend, because it calls {wait.group(1)}(): "
                   f"call it await_{function.name}, or mark it TASK_ENTRY if a task starts there")
