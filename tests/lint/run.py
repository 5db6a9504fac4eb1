"""Runs the checks of this folder over the project's files: tests/run lint, or this file by hand.

run.py [--counts-to FILE] [CHECK…]

Each check_NAME.py has a function check(tree) that yields (path, line, what is wrong and what to do).
"""

import argparse
import importlib
import pathlib
import sys

from tree import Tree

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description="Checks the project's files.")
    parser.add_argument("--counts-to", help='file that gets "PASSED FAILED"')
    parser.add_argument("checks", nargs="*", help="names of checks; all without")
    options = parser.parse_args()
    names = options.checks or sorted(p.stem[len("check_"):] for p in HERE.glob("check_*.py"))
    tree = Tree(HERE.parent.parent)
    passed = failed = 0
    for name in names:
        complaints = sorted(set(importlib.import_module("check_" + name).check(tree)))
        for path, line, text in complaints:
            print(f"{path}:{line}: {text}")
        print(f"lint {name}: " + (f"{len(complaints)} complaints" if complaints else "good"))
        passed += not complaints
        failed += bool(complaints)
    if options.counts_to:
        with open(options.counts_to, "w", encoding="utf-8") as file:
            print(passed, failed, file=file)
    sys.exit(1 if failed else 0)


main()
