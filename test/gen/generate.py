#!/usr/bin/env python3
"""Writes random valid .knf programs, each with a test, and the statistics of what they hold.

    generate.py --seed S --count N --out DIR [--first I] [--scale X]

The same seed, number and scale give the same program, whatever the count.
"""

import argparse
import collections
import json
import os
import random

from program import Program


def program(seed, number, hits, scale=1):
    """The text of one program."""
    return Program(random.Random("%d:%d" % (seed, number)), hits, "k%06d" % number, scale=scale).generate()


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--count", type=int, default=100)
    args.add_argument("--first", type=int, default=1, help="number of the first program")
    args.add_argument("--scale", type=int, default=1, help="tensors may have so many times the elements")
    args.add_argument("--out", required=True)
    a = args.parse_args()
    os.makedirs(a.out, exist_ok=True)
    hits = collections.Counter()
    for i in range(a.first, a.first + a.count):
        text = program(a.seed, i, hits, a.scale)
        with open(os.path.join(a.out, "k%06d.knf" % i), "w") as f:
            f.write("# seed %d, program %d\n%s" % (a.seed, i, text))
    stats = {"seed": a.seed, "first": a.first, "count": a.count, "hits": dict(sorted(hits.items()))}
    with open(os.path.join(a.out, "stats.json"), "w") as f:
        json.dump(stats, f, indent=1)
        f.write("\n")
    low = [k for k, n in hits.items() if n < 50]
    print("%d programs, %d kinds of node by type, %d of them under 50 hits" % (a.count, len(hits), len(low)))


if __name__ == "__main__":
    main()
