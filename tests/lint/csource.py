"""As much of C as the checks need: text without comments and strings, and where functions begin and end.

It relies on the project's style (clang-format): the braces of a function, and only those, stand alone in column one.
"""

import re
from dataclasses import dataclass

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_of(text):
    """The text with comments blanked and strings emptied; lines stay where they are."""

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] * 2
        return "\n" * found.count("\n")

    return TOKEN.sub(blank, text)


@dataclass
class Function:
    name: str
    signature: str
    line: int  # of the opening brace
    body: str
    length: int  # lines between the braces


def functions_of(text):
    lines = code_of(text).splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            signature = signature_above(lines, start)
            plain = re.sub(r"__attribute__\s*\(\(.*?\)\)|TASK_ENTRY|MUST_CHECK", " ", signature)
            name = re.search(r"\b(\w+)\s*\(", plain)
            if name:
                body = "\n".join(lines[start + 1:number])
                yield Function(name.group(1), signature, start + 1, body, number - start - 1)
            start = None


def signature_above(lines, brace):
    first = brace
    while first > 0 and lines[first - 1].strip() and not re.search(r"[;}]\s*$|^#", lines[first - 1]):
        first -= 1
    return " ".join(line.strip() for line in lines[first:brace])
