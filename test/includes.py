"""Includes go one way: base <- dsl <- grammar; base <- dsl <- lower <- emit; sim sees base, the chip's interface and the syntax tree
of machine data; only tool/ sees all. includes.py ROOT: TAP, one case for each source file."""
import pathlib
import re
import sys

# What a file of a folder may include: folders, and single headers.
MAY = {
    "base": ["base/"],
    "dsl": ["base/", "dsl/"],
    "grammar": ["base/", "dsl/", "grammar/"],
    "lower": ["base/", "dsl/", "lower/"],
    "emit": ["base/", "dsl/", "lower/", "emit/"],
    "sim": ["base/", "sim/", "include/knyfe/pe.h", "knyfe/pe.h", "knyfe/pe_ops.def", "dsl/ast.h"],
    "include": ["knyfe/"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def faults(root, path):
    """Of one file: includes that go the wrong way, or that name no folder."""
    name = path.relative_to(root).as_posix()
    folder = name.split("/")[0]
    found = []
    for included in INCLUDE.findall(path.read_text()):
        beside = (path.parent / included).exists() and "/" not in included
        target = folder + "/" + included if beside else included
        if "/" not in target:
            if not target.endswith(".inc") and target != "knf.h":
                found.append(included + " names no folder")
        elif not any(target.startswith(m) for m in MAY[folder]):
            found.append("%s/ may not see %s" % (folder, included))
    return found


def main(root):
    root = pathlib.Path(root)
    paths = sorted(p for folder in MAY for pattern in ("*.[ch]", "*.re", "*.y") for p in (root / folder).rglob(pattern))
    print("1..%d" % len(paths))
    bad = 0
    for number, path in enumerate(paths, 1):
        found = faults(root, path)
        print("%s %d - %s" % ("not ok" if found else "ok", number, path.relative_to(root).as_posix()))
        for line in found:
            print("# " + line)
        bad += bool(found)
    return bad > 0 or not paths


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
