"""The project's files as the checks see them: what git tracks or would track, read once."""

import os
import pathlib
import re
import subprocess


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.paths = self._list()
        self._text = {}

    def _list(self):
        command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        try:
            out = subprocess.run(command, cwd=self.root, check=True, capture_output=True).stdout
            names = out.decode().split("\0")
        except (subprocess.CalledProcessError, FileNotFoundError):
            names = list(self._walk())  # unpacked from an archive
        return sorted({name for name in names if name and (self.root / name).is_file()})

    def _walk(self):
        for folder, below, files in os.walk(self.root):
            here = os.path.relpath(folder, self.root)
            below[:] = [b for b in below if not (here == "." and (b in ("var", ".git") or b.startswith("build")))]
            for name in files:
                yield os.path.normpath(os.path.join(here, name))

    def select(self, *endings):
        return [path for path in self.paths if path.endswith(endings)]

    def text(self, path):
        if path not in self._text:
            self._text[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")
        return self._text[path]

    def lines(self, path):
        """(number, line) from 1"""
        return list(enumerate(self.text(path).splitlines(), 1))

    def is_script(self, path):
        return path.endswith((".sh", ".py")) or self.text(path).startswith("#!")

    def is_shell(self, path):
        return path.endswith(".sh") or re.match(r"#!.*\b(ba)?sh\b", self.text(path)) is not None
