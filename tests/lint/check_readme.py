"""Every folder with sources has a README.md that tells its idea and names each of its files.

A small folder may be told in a README above it, where each of its files is then named with its folder.
A README names a file by its name, as NAME.[ch], or with a pattern such as test_*.c.
"""

import fnmatch
import os
import re

SOURCES = (".c", ".h", ".py", ".sh", ".sql", ".proto")


def check(tree):
    folders = {}
    for path in tree.paths:
        folder, name = os.path.split(path)
        if folder and not path.startswith(".") and not name.startswith((".", "README.md", "CMakeLists.txt")):
            folders.setdefault(folder, []).append(name)
    for folder, names in folders.items():
        if any(name.endswith(SOURCES) or tree.is_script(f"{folder}/{name}") for name in names):
            yield from check_folder(tree, folder, names)


def check_folder(tree, folder, names):
    place = folder
    while place and f"{place}/README.md" not in tree.paths:
        place = os.path.dirname(place)
    if not place:
        yield f"{folder}/README.md", 1, "is missing: tell the folder's idea and name each of its files"
        return
    readme, prefix = f"{place}/README.md", f"{folder}/"[len(place) + 1:]
    words = words_of(tree.text(readme))
    for name in names:
        if not is_named(prefix + name, words):
            yield readme, 1, f"does not name {prefix}{name}: say in a line what it is"


def words_of(text):
    words = set()
    for word in re.findall(r"[\w./*-]+?\.\[ch\]|[\w./*-]+", text):
        word = word.rstrip(".")
        words.update((word[:-4] + "c", word[:-4] + "h") if word.endswith(".[ch]") else (word,))
    return words


def is_named(name, words):
    return name in words or any("*" in word and fnmatch.fnmatchcase(name, word) for word in words)
