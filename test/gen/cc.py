#!/usr/bin/env python3
"""A C compiler that reads its files as one, which takes half the time where there are many small ones.

    cc.py COMPILER... -- ARGUMENTS

Each name that a file keeps to itself gets the file's number. What is included comes first and once, so a header that one of the files
lacks is not missed: some programs must go without this.
"""

import os
import re
import sys

INCLUDE = re.compile(r"^#include .*\n", re.M)
OPTIMIZE = re.compile(r"^#pragma GCC optimize .*\n", re.M)
STATIC = re.compile(r"^static [^=;{]*?\b(\w+) ?[(\[]", re.M)


def joined(texts):
    """One text of several files."""
    heads = dict.fromkeys(line for text in texts for line in INCLUDE.findall(text) + OPTIMIZE.findall(text))
    parts = sorted(heads)       # the includes before the pragmas
    for number, text in enumerate(texts):
        names = dict.fromkeys(STATIC.findall(text))
        parts += ["#define %s %s_f%d\n" % (n, n, number) for n in names]
        parts.append(OPTIMIZE.sub("", INCLUDE.sub("", text)))
        parts += ["#undef %s\n" % n for n in names]
    return "".join(parts)


def main():
    at = sys.argv.index("--")
    compiler, args = sys.argv[1:at], sys.argv[at + 1:]
    files = [a for a in args if a.endswith(".c")]
    if len(files) > 1:
        with open("joined.c", "w") as f:
            f.write(joined([open(name).read() for name in files]))
        args = ["joined.c" if a == files[0] else a for a in args if a not in files[1:]]
    os.execvp(compiler[0], compiler + args)


if __name__ == "__main__":
    main()
