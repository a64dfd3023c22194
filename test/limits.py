#!/usr/bin/env python3
"""Inputs that are too large, too deep or no text: a clear error, soon. TAP on standard output.

usage: limits.py KNYFE
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

SECONDS = 20            # for one run, on a loaded machine with sanitizers
HEAD = 'kernel k(x: f32[N]) -> (y: f32[N]) {\n'
OK, WRONG, ENVIRONMENT = 0, 1, 4


def statement(value):
    return HEAD + f'    y[n] = {value}\n}}\n'


def many(n, line):
    return HEAD + ''.join(line.format(i=i, before=i - 1) for i in range(1, n + 1)) + '    y[n] = x[n]\n}\n'


def regions(n):
    return f'kernel k(x: f32[N]) -> (y: f32[{2 * n}]) {{\n' + ''.join(f'    y[{2 * i}] = 1.0\n' for i in range(n)) + '}\n'


def functions(n):
    return ''.join(f'fn g{i}(x) = g{i + 1}(x)\n' for i in range(n)) + f'fn g{n}(x) = x\n' + statement('g0(x[n])')


def doubling(n):
    calls = ''.join(f'kernel k{i}(x: f32[N]) -> (y: f32[N]) {{\n    a = k{i + 1}(x)\n    y = k{i + 1}(a)\n}}\n' for i in range(n))
    return calls + f'kernel k{n}(x: f32[N]) -> (y: f32[N]) {{ y[n] = x[n] }}\n' + HEAD + '    y = k0(x)\n}\n'


# A name, the text, the exit status, what standard error holds.
TEXTS = [
    ('an empty file', '', WRONG, ['error: the file holds no kernel']),
    ('parentheses', statement('(' * 200000 + 'x[n]' + ')' * 200000), WRONG, ['error: brackets are nested more than 256 deep, which is the limit']),
    ('brackets without an end', 'kernel k' + '[' * 200000, WRONG, ['error: ']),
    ('braces without an end', '{' * 200000, WRONG, ['error: ']),
    ('braces that close nothing', '}' * 200000, WRONG, ['error: ']),
    ('minus signs', statement('-' * 100000 + 'x[n]'), WRONG, ['error: more than 16384 unfinished parts of an expression, which is the limit']),
    ('a sum of 100,000 terms', statement('x[n]' + ' + x[n]' * 100000), WRONG, ['error: this expression has more than 2000 levels, which is the limit']),
    ('a sum of 1,900 terms', statement('x[n]' + ' + x[n]' * 1900), OK, []),
    ('a call with 100,000 arguments', statement('exp(x[n]' + ', x[n]' * 100000 + ')'), WRONG, ["error: 'exp' takes 1 argument, 100001 given"]),
    ('a million expressions', 'test k { x = [1' + ',1' * (1 << 20) + '] }', WRONG,
     ['error: more than 1048576 expressions in one file, which is the limit']),
    ('one line of 1 MB', statement('x[n]' + ' ' * 1000000 + '+ 1.0'), OK, []),
    ('a fault in a line of 1 MB', statement('x[n]' + ' ' * 1000000 + '+ + 1.0'), WRONG, ["error: expected an expression, found '+'"]),
    ('a name of 1 MB', statement('a' * 1000000), WRONG, ['error: ']),
    ('2,000 statements', many(2000, '    t{i}[n] = x[n] * {i}.0\n'), OK, []),
    ('100,000 faults', many(100000, '    = {i}\n'), WRONG, ['error: expected a statement']),
    ('lexical faults', '@\n' * 100000, WRONG, ["error: no token begins with '@'"]),
    ('a chain of functions', functions(1000), OK, []),
    ('a long chain of functions', functions(6000), WRONG, ['error: expressions are nested more than 4000 deep, functions included']),
    ('calls that double', doubling(10), OK, []),
    ('calls that double too often', doubling(16), WRONG, ['error: the kernel has more than 5000 statements, those of its calls included']),
    ('holes', regions(70), WRONG, ["error: 'y' is defined in more than 12 regions that are no neighbours"]),
    ('a section that never ends', 'combinator c(x: f32) -> (y: f32) {\n' + 'state s = 0.0\n' * 50000, WRONG, ['error: ']),
    ('NUL bytes', '\0' * 100000, WRONG, ['error: a NUL byte: this is no text']),
    ('bytes of all values', bytes(range(256)) * 4000, WRONG, ['error: ']),
    ('not UTF-8', b'\xff' * 100000, WRONG, ['error: outside comments and strings only ASCII may stand']),
]


class Tap:
    def __init__(self, knyfe):
        self.knyfe, self.number, self.failed = knyfe, 0, 0

    def expect(self, name, arguments, folder, status, said, knyfe=None, environment=None):
        """One run, which ends soon, with this exit status and these texts on standard error, not a page of one line."""
        begin = time.monotonic()
        try:
            p = subprocess.run([knyfe or self.knyfe, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
                               env={**os.environ, **(environment or {})})
            err = p.stderr.decode('utf-8', 'replace')
            faults = [] if p.returncode == status else [f'exit status {p.returncode}, not {status}']
            faults += [f'not said: {text}' for text in said if text not in err]
            if status != OK and p.stdout:
                faults.append('standard output is not empty')
            if len(err) > 200000:
                faults.append(f'{len(err)} characters on standard error')
            if faults:
                faults += [line[:200] for line in err.splitlines()[:6]]
        except subprocess.TimeoutExpired:
            faults = [f'still running after {SECONDS} s']
        self.number += 1
        self.failed += bool(faults)
        print(f'{"not ok" if faults else "ok"} {self.number} - {name} # {time.monotonic() - begin:.2f} s', flush=True)
        for line in faults:
            print('# ' + line)


def uses(tap, folder):
    """Files that use files."""
    (folder / 'parts').mkdir()
    for i in range(300):
        (folder / 'parts' / f'p{i}.knf').write_text(f'fn f{i}(x) = x\n')
    (folder / 'many.knf').write_text(''.join(f'use "parts/p{i}.knf"\n' for i in range(300)) + statement('x[n]'))
    tap.expect('300 files used', ['check', 'many.knf'], folder, WRONG, ['error: more than 256 files are used'])
    inner = folder / 'inner'
    inner.mkdir()
    (inner / 'link.knf').symlink_to(folder / 'parts' / 'p0.knf')
    (inner / 'a.knf').write_text('use "link.knf"\n' + statement('x[n]'))
    tap.expect('a link out of the tree', ['check', 'a.knf'], inner, WRONG, ['error: "link.knf" is a link that leaves the folder tree'])
    (folder / 'library.knf').write_text('use "nn/none"\n' + statement('x[n]'))
    alone = folder / 'bin'
    alone.mkdir()
    shutil.copy(tap.knyfe, alone / 'knyfe')
    tap.expect('no library', ['check', 'library.knf'], folder, WRONG, ['error: no library named "nn/none": a file\'s name ends in .knf'],
               str(alone / 'knyfe'), {'KNYFE_DATA': str(alone)})


def main(knyfe):
    tap = Tap(os.path.abspath(knyfe))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for title, text, status, said in TEXTS:
            (folder / 'a.knf').write_bytes(text if isinstance(text, bytes) else text.encode())
            tap.expect(title, ['check', 'a.knf'] if text else ['a.knf'], folder, status, said)
        with open(folder / 'large.knf', 'wb') as f:
            f.truncate(100 << 20)
        tap.expect('100 MB', ['check', 'large.knf'], folder, ENVIRONMENT, ['is larger than 16 MiB, the most that a source file may have'])
        tap.expect('/dev/zero', ['check', '/dev/zero'], folder, ENVIRONMENT, ['is larger than 16 MiB, the most that a source file may have'])
        tap.expect('a folder', ['check', name], folder, ENVIRONMENT, ['is a folder, not a file'])
        tap.expect('no file', ['check', 'none.knf'], folder, ENVIRONMENT, ['cannot be opened'])
        uses(tap, folder)
    print(f'1..{tap.number}')
    return tap.failed > 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
