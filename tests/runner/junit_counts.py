"""Prints "PASSED FAILED" for the JUnit report (of pytest) named on the command line.

A skipped test is neither: it did not run. A missing report means that pytest itself broke down: one failure.
"""

import sys
import xml.etree.ElementTree as tree


def main():
    try:
        suites = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
    except (FileNotFoundError, tree.ParseError):
        print(0, 1)
        return
    total = {key: sum(int(s.get(key, "0")) for s in suites) for key in ("tests", "failures", "errors", "skipped")}
    failed = total["failures"] + total["errors"]
    print(max(0, total["tests"] - failed - total["skipped"]), failed)


main()
