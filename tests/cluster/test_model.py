"""Random changes to packages, by several people, through every door: what is left is what the rules say.

A few hundred steps; tests/run soak:model makes 10,000 (PACKHOUSE_TEST_STEPS). After each step the package that it was
about is compared with the model (harness/package_model.py), everything now and then. What differs is told with the
steps that led there. PACKHOUSE_TEST_SEED makes the same steps again, PACKHOUSE_TEST_PLACE (0 to 3) only those of one
package, which do not depend on the others.
"""

import collections
import os
import random

import pytest

from harness.package_compare import Compare
from harness.package_steps import Steps
from harness.package_world import Mismatch, World, dice_of

SHARES_CLUSTER = True

STEPS = int(os.environ.get("PACKHOUSE_TEST_STEPS", "150"))
SEED = os.environ.get("PACKHOUSE_TEST_SEED")
PLACE = os.environ.get("PACKHOUSE_TEST_PLACE")
SEEDS = [SEED] if SEED else ["1", str(random.randrange(10 ** 9))]
EVERY = 150  # steps between two looks at everything
TOLD = 25  # steps of a package that are told when something differs


class Run:
    def __init__(self, cluster, seed):
        self.seed = seed
        self.world = World(cluster, seed)
        self.dice = dice_of(seed, "order")
        self.steps = [Steps(self.world, place, dice_of(seed, number)) for number, place in
                      enumerate(self.world.places)]
        self.compare = [Compare(self.world, dice_of(seed, number, "looks")) for number in range(len(self.steps))]
        self.wanted = range(len(self.steps)) if PLACE is None else [int(PLACE)]
        self.last = collections.defaultdict(lambda: collections.deque(maxlen=TOLD))
        self.counts = collections.Counter()

    def go(self, count):
        for number in range(1, count + 1):
            which = self.dice.randrange(len(self.steps))
            if which in self.wanted:
                self.once(number, which)
            if number % EVERY == 0 or number == count:
                self.told(number, which, lambda: self.compare[0].everything([self.world.places[one]
                                                                            for one in self.wanted]))

    def once(self, number, which):
        steps = self.steps[which]
        self.told(number, which, steps.once)
        self.told(number, which, lambda: self.compare[which].place(steps.place))
        self.last[which].append(f"{number:6} {steps.said}")
        self.counts[steps.kind, steps.status] += 1

    def told(self, number, which, action):
        try:
            action()
        except Mismatch as mismatch:
            steps = "\n".join([*self.last[which], f"{number:6} {self.steps[which].said}"])
            failure = (f"seed {self.seed}, step {number}, package {which} ({'/'.join(self.steps[which].place)})\n"
                       f"{steps}\n{mismatch}")
        else:
            return
        pytest.fail(failure, pytrace=False)


@pytest.mark.parametrize("seed", SEEDS)
def test_packages_are_what_the_rules_say(cluster, seed):
    print(f"PACKHOUSE_TEST_SEED={seed}, {STEPS} steps")
    run = Run(cluster, seed)
    run.go(STEPS)
    for (kind, status), count in sorted(run.counts.items()):
        print(f"{count:6} {kind} {status}")
