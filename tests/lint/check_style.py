"""House style that clang-format does not know: opening comments, #pragma once, plain struct names."""

import re

from csource import code_of


def check(tree):
    for path in tree.select(".c", ".h"):
        text = tree.text(path)
        if not text.startswith("/*"):
            yield path, 1, "begins without a comment: tell first what it is for, or how it works and why so"
        if path.endswith(".h") and "#pragma once" not in text and not path.endswith("_table.h"):
            yield path, 1, "has no #pragma once"
        for number, line in enumerate(code_of(text).splitlines(), 1):
            if re.match(r"\s*typedef\s+(struct|union|enum)\b", line):
                yield path, number, "hides a struct behind a typedef: write struct, union or enum where it is used"
            if re.search(r"\b(strcpy|strcat|sprintf|gets|alloca|strtok|atoi|atol)\s*\(", line):
                yield path, number, "calls a function without bounds or errors: use one that has them"
