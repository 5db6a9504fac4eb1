"""Small pieces: files, headers, functions and lines have a limit. What outgrows it holds a second idea."""

from csource import functions_of

FILE = 600
HEADER = 200
FUNCTION = 60
COLUMNS = 96
SCRIPT_COLUMNS = 120


def check(tree):
    for path in tree.paths:
        source = path.endswith((".c", ".h"))
        if not source and not tree.is_script(path):
            continue
        lines = tree.lines(path)
        limit = HEADER if path.endswith(".h") else FILE
        if len(lines) > limit:
            yield path, limit, f"{len(lines)} lines, at most {limit}: which second idea in it deserves its own file?"
        yield from long_lines(path, lines, COLUMNS if source else SCRIPT_COLUMNS)
        if source:
            for function in functions_of(tree.text(path)):
                if function.length > FUNCTION:
                    yield (path, function.line,
                           f"{function.name}() has {function.length} lines, at most {FUNCTION}: name a part of it")


def long_lines(path, lines, limit):
    free = False  # tables of data may be wider, between the marks that also tell clang-format to keep off
    for number, line in lines:
        if "clang-format off" in line:
            free = True
        elif "clang-format on" in line:
            free = False
        if not free and len(line.expandtabs(8)) > limit:
            yield path, number, f"{len(line.expandtabs(8))} columns, at most {limit}: break it"
