#!/usr/bin/env python3
"""Faults planted in emitted C: `knyfe run --emitted` must catch them. TAP on standard output.

usage: mutants.py KNYFE FOLDER [COUNT]     FOLDER holds the kernels; COUNT mutants a kernel (8)

A mutant is one change on one line of the kernel's function: a bound, a step, an offset, an operand, a dropped tail. It is caught when a
run at one of the shapes fails (exit status 3). Changes after which the function computes the same are not counted: they are named by
the pattern that they match, with the reason. At least nine of ten others must be caught; those that are not are printed.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SHAPES = {
    'softmax': (['N=5', 'D=150'], ['N=3', 'D=7']),
    'fc': (['M=9', 'N=11', 'K=53'], ['M=4', 'N=11', 'K=53'], ['M=3', 'N=5', 'K=19']),
    'layernorm': (['N=5', 'D=150'], ['N=3', 'D=7']),
    'conv2d': (['B=2', 'H=7', 'W=8', 'C=3', 'R=3', 'S=2', 'K=37', '-D', 'padding=1'],
               ['B=1', 'H=5', 'W=4', 'C=2', 'R=3', 'S=3', 'K=18', '-D', 'padding=1'], ['B=1', 'H=5', 'W=4', 'C=2', 'R=3', 'S=3', 'K=3', '-D', 'padding=1']),
    'embedding_bag': (['V=9', 'D=70', 'L=40', 'B=6'], ['V=9', 'D=20', 'L=40', 'B=6'], ['V=9', 'D=5', 'L=40', 'B=6']),
}
MUTATIONS = (
    ('bound one too far', re.compile(r'(for \(.*; \w+) < '), r'\1 <= '),
    ('bound one short', re.compile(r'(for \(.*; \w+ < )(\w+)(;)'), r'\1\2 - 1\3'),
    ('begin one late', re.compile(r'(for \(int64_t \w+ = )0;'), r'\g<1>1;'),
    ('tail dropped', re.compile(r'for \(; (\w+ < \w+);'), r'for (; \1 && 0;'),
    ('vectors overlap', re.compile(r'(for \(; .*; \w+ \+= )(16|64)\)'), r'\1 8)'),
    ('neighbour', re.compile(r'\((\w) \+ ([1-3])\) \*'), r'(\1 + \2 - 1) *'),
    ('sum replaced', re.compile(r'^( +\w+) \+= (?!knf_max)'), r'\1 = '),
    ('operands swapped', re.compile(r'(\w\[.*\]) - (\w+)'), r'\2 - \1'),
    ('product for sum', re.compile(r'^( +(?:acc|rest)\w* \+= .*) \* '), r'\1 + '),
    ('offset', re.compile(r'(\[.*\+ [a-z])\]'), r'\1 + 1]'),
    ('stride', re.compile(r'\[(\w) \* ([A-Z]) \+'), r'[\1 * (\2 - 1) +'),
    ('inside', re.compile(r'(knf_inside\([^,]*), '), r'\1 + 1, '),
)
# What changes nothing: a prefetch is advice only; a row or vector of the last, early beginning tile is computed again by it.
HARMLESS = ((re.compile(r'__builtin_prefetch'), 'advice to the cache'),
            (re.compile(r'_next < '), 'the last tile begins at the same place when one more is begun'))
# A statement whose result another value could replace: softmax is the same whatever is subtracted, as long as nothing overflows.
FREE = {('softmax', 'm[n]'): 'any element may be subtracted'}


def call(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def sites(lines, kernel):
    """(line number, name of the mutation, the line changed)"""
    start = next(i for i, line in enumerate(lines) if line.startswith(f'int {kernel}('))
    start = next(i for i in range(start, len(lines)) if '/* y[' in lines[i] or '[n' in lines[i] and '/*' in lines[i])
    for i in range(start, len(lines)):
        if lines[i].strip().startswith('/*'):
            continue
        for name, pattern, to in MUTATIONS:
            changed = pattern.sub(to, lines[i], count=1)
            if changed != lines[i]:
                yield i, name, changed


def spread(found, count):
    """`count` of them: each kind of mutation in turn, and of a kind places far from each other."""
    kinds = {}
    for site in found:
        kinds.setdefault(site[1], []).append(site)
    chosen = []
    for turn in range(count):
        for mine in kinds.values():
            if turn < len(mine) and len(chosen) < count:
                chosen.append(mine[turn * 7919 % len(mine)])
    return list(dict.fromkeys(chosen))


def judge(knyfe, knf, shapes, folder, number, kernel, lines, site):
    """'caught', 'compile', or the words for a survivor."""
    at, name, changed = site
    path = folder / f'{kernel}{number}.c'
    path.write_text('\n'.join(lines[:at] + [changed] + lines[at + 1:]) + '\n')
    what = f'{kernel}: {name}: {changed.strip()}'
    for shape in shapes:
        ran = call(knyfe, 'run', str(knf), '-t', 'host', '--emitted', str(path), *shape)
        if ran.returncode == 3:
            return 'caught', what
        if ran.returncode != 0:
            return 'other', f'{what}: status {ran.returncode}: {ran.stderr.strip()[:200]}'
    for pattern, why in HARMLESS:
        if pattern.search(lines[at]):
            return 'harmless', f'{what}: {why}'
    statement = next((line.strip()[3:] for line in reversed(lines[:at]) if line.strip().startswith('/*')), '')
    for (owner, text), why in FREE.items():
        if kernel == owner and statement.startswith(text):
            return 'harmless', f'{what}: {why}'
    return 'survived', what


def main():
    knyfe, root, count = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 8
    jobs = []
    with tempfile.TemporaryDirectory() as temp, concurrent.futures.ThreadPoolExecutor(2) as pool:
        compiler = pathlib.Path(temp, 'cc')         # what a mutant computes is the same at every level
        compiler.write_text('#!/bin/sh\nexec %s "$@" -O0\n' % (os.environ.get('CC') or 'cc'))
        compiler.chmod(0o755)
        os.environ['CC'] = str(compiler)
        for kernel, shapes in SHAPES.items():
            knf = root / f'{kernel}.knf'
            emitted = call(knyfe, str(knf), '-t', 'host', *(['-D', 'padding=1'] if kernel == 'conv2d' else []))
            lines = emitted.stdout.split('\n')
            for number, site in enumerate(spread(sites(lines, kernel), count)):
                jobs.append(pool.submit(judge, knyfe, knf, shapes, pathlib.Path(temp), number, kernel, lines, site))
        results = [job.result() for job in jobs]
    tally = {}
    for verdict, what in results:
        tally[verdict] = tally.get(verdict, 0) + 1
        if verdict != 'caught':
            print(f'# {verdict}: {what}')
    caught, survived = tally.get('caught', 0), tally.get('survived', 0) + tally.get('other', 0)
    print(f'# {len(results)} mutants: {caught} caught, {survived} not, {tally.get("harmless", 0)} harmless')
    good = caught >= 30 and caught >= 0.9 * (caught + survived)
    print(f'{"ok" if good else "not ok"} 1 - planted faults are caught: {100 * caught // max(1, caught + survived)} %')
    print('1..1')
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
