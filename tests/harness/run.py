"""Running programs in tests: always with a deadline, and their words in the failure's text."""

import subprocess


class Failed(AssertionError):
    """A program ended with another status than 0; its words are in .output."""

    def __init__(self, command, status, output):
        super().__init__(f"{' '.join(map(str, command))}\nended with {status} and said:\n{output[-6000:]}")
        self.output = output


def run(*command, timeout=120, **options):
    """Its stdout and stderr together; raises Failed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, check=False, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise Failed(command, done.returncode, done.stdout)
    return done.stdout
