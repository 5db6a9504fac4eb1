"""Prints "PASSED FAILED" for the JUnit reports (of pytest) named on the command line, together.

A skipped test is neither: it did not run. A missing report means that pytest itself broke down: one failure.
"""

import sys
import xml.etree.ElementTree as tree


def counts_of(report):
    try:
        suites = list(tree.parse(report).getroot().iter("testsuite"))
    except (FileNotFoundError, tree.ParseError):
        return 0, 1
    total = {key: sum(int(s.get(key, "0")) for s in suites) for key in ("tests", "failures", "errors", "skipped")}
    failed = total["failures"] + total["errors"]
    return max(0, total["tests"] - failed - total["skipped"]), failed


print(*map(sum, zip(*map(counts_of, sys.argv[1:]))))
