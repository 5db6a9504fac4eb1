"""The top level holds these names and dotfiles, nothing else."""

TOP = {"CMakeLists.txt", "LICENSE", "README.md", "gateway", "storage", "metadb", "proto", "deploy", "tests"}


def check(tree):
    for path in tree.paths:
        first = path.split("/")[0]
        if first not in TOP and not first.startswith("."):
            yield path, 1, f"{first} does not belong to the top level: put it into one of its folders"
