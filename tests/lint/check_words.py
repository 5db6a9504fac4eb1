"""No words that mark unfinished work: what is committed is finished, or not there."""

import re

WORDS = re.compile(
r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|[Nn]ot (yet )?imple" r"mented|[Ff]or no" r"w|[Pp]lace" r"holder"
    r"|[Ss]tub)\b")


def check(tree):
    for path in tree.paths:
        if path == "LICENSE":
            continue
        for number, line in tree.lines(path):
            found = WORDS.search(line)
            if found:
                yield path, number, f'"{found.group(0)}" marks unfinished work: finish it, or say what is the case'
