"""Prints "PASSED FAILED" for the ctest log named on the command line.

A program built on cmocka counts as many tests as it says it ran; any other program, and one that crashed before its
summary, counts as one.
"""

import re
import sys


def count(log):
    passed = failed = 0
    for block in re.split(r"^\d+/\d+ Testing: ", log, flags=re.M)[1:]:
        good = re.search(r"^Test Passed\.$", block, flags=re.M) is not None
        ran = sum(int(n) for n in re.findall(r"^\[  PASSED  \] (?:\S+: )?(\d+) test", block, flags=re.M))
        bad = sum(int(n) for n in re.findall(r"^\[  FAILED  \] (?:\S+: )?(\d+) test", block, flags=re.M))
        passed += ran if ran or not good else 1
        failed += max(bad, 0 if good else 1)
    return passed, failed


def main():
    try:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
            log = file.read()
    except FileNotFoundError:
        log = ""
    print(*count(log))


main()
