#!/usr/bin/env python3
"""The language as its users meet it, TAP on standard output.

usage: lang.py KNYFE err|lang|examples|docs|plant|sample [--bless] [--target MACHINE [--level -O0]] [--plain] [NAME ...]

Tests run on the machine of --target, their PE programs compiled at --level; on the host without, with --plain by the
statements' own loops.

err       every test/err/*.knf is refused by `knyfe check` with exit status 1 and nothing on standard output; one error stands at each
          line marked `#! error` (or `#! error: WORD`, then an error, note, help or edit has WORD), and no error elsewhere. Where FILE.err stands
          beside FILE.knf, the whole text on standard error is that; --bless writes those files. A first line `#! args: ...` has options.
lang      every test/lang/**/*.knf passes `knyfe check` and `knyfe test`.
examples  the same for examples/*.knf.
docs      the same for every ```knf block of docs/*.md.
sample    every sixth file of `lang`, for builds that are slow.
plant     one value of an `expect` is made wrong: `knyfe test` must fail.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ARGS = re.compile(r'#! args: (.*?)(?:  #|$)', re.M)
MARK = re.compile(rb'#! error(?:: (.*?))?[ \t]*$')
ERROR = re.compile(r'^([^:\n]+):(\d+):(\d+): error: (.*)$', re.M)
SAID = re.compile(r'^(?:[^:\n]+:\d+:\d+: (?:error|note)|help): .*$', re.M)
EDIT = re.compile(r'^ *\d+ \| (.*)\n      \| ( *)(\++)$', re.M)
EXPECT = re.compile(r'(expect \w+ = [\[\s]*)(-?\d[\d.]*(?:e[-+]?\d+)?|-?inf|nan|true|false)')


def run(command, folder, timeout=300):
    """Exit status, standard output, standard error; a status below 0 is a signal."""
    try:
        p = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return -1, '', f'still running after {timeout} s'
    return p.returncode, p.stdout.decode('utf-8', 'replace'), p.stderr.decode('utf-8', 'replace')


def marks(path):
    """{line: word or None} of the marked lines."""
    found = {}
    for number, line in enumerate(path.read_bytes().split(b'\n'), 1):
        m = MARK.search(line)
        if m:
            found[number] = m.group(1).decode() if m.group(1) else None
    return found


def faults_of_messages(name, text, wanted):
    """What the errors in `text` have wrong, given the marks."""
    said = '\n'.join(SAID.findall(text) + [line[len(gap):len(gap + new)] for line, gap, new in EDIT.findall(text)])
    faults, seen = [], {}
    for file, line, _, message in ERROR.findall(text):
        if file != name:
            faults.append(f'an error in {file}: {message}')
        else:
            seen.setdefault(int(line), []).append(message)
    for line, word in wanted.items():
        messages = seen.pop(line, [])
        if not messages:
            faults.append(f'line {line}: no error')
        elif len(messages) > 1:
            faults.append(f'line {line}: {len(messages)} errors: ' + '; '.join(messages))
        elif word and word not in said:
            faults.append(f'line {line}: "{word}" is not in: {messages[0]}')
    faults += [f'line {line}: unmarked error: {m}' for line, ms in sorted(seen.items()) for m in ms]
    return faults


def check_wrong(knyfe, path, options):
    words = ARGS.match(path.read_text(errors='replace'))
    status, out, err = run([knyfe, 'check', path.name, *(words.group(1).split() if words else [])], path.parent, 60)
    wanted = marks(path)
    faults = [] if wanted else ['no line is marked']
    if status != 1:
        faults.append(f'exit status {status}, not 1')
    if out:
        faults.append('standard output is not empty')
    faults += faults_of_messages(path.name, err, wanted)
    golden = path.with_suffix('.err')
    if options.bless and not faults:
        golden.write_text(err)
    if golden.exists() and golden.read_text() != err:
        faults.append(f'the messages are not those of {golden.name}:')
        faults += err.splitlines()
    return faults


def check_right(knyfe, path, options):
    status, _, err = run([knyfe, 'check', path.name], path.parent, 60)
    if status != 0:
        return [f'check: exit status {status}'] + err.splitlines()
    status, out, err = run([knyfe, 'test', '-q', '--batch', '64', *options.target, path.name], path.parent)
    faults = [line for line in out.splitlines() if line.startswith('not ok')]
    if status != 0 or faults:
        return [f'test: exit status {status}'] + out.splitlines() + err.splitlines()
    if re.search(r'^test ', path.read_text(), re.M) and not re.search(r'^ok ', out, re.M):
        return ['test: no case ran']
    return []


def spoil(text):
    """The last value that an `expect` begins with, changed."""
    found = list(EXPECT.finditer(text))
    if not found:
        return None
    m = found[-1]
    other = {'true': 'false', 'false': 'true', 'nan': '1.0', 'inf': '-inf', '-inf': 'inf'}
    value = m.group(2)
    new = other.get(value) or (repr(float(value) * 2 + 1) if re.search('[.e]', value) else str(int(value) ^ 1))
    return text[:m.start(2)] + new + text[m.end(2):]


def check_planted(knyfe, path, options):
    text = spoil(path.read_text())
    if text is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / path.parent.name
        shutil.copytree(path.parent, copy)
        (copy / path.name).write_text(text)
        status, out, err = run([knyfe, 'test', '-q', '--batch', '64', *options.target, path.name], copy)
    if status == 0 or 'not ok' not in out:
        return ['a wrong expectation passed'] + out.splitlines() + err.splitlines()
    return []


def check_blocks(knyfe, path, options):
    faults, blocks = [], re.findall(r'^```knf\n(.*?)^```', path.read_text(), re.M | re.S)
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(blocks, 1):
            block = pathlib.Path(folder) / f'block{number}.knf'
            block.write_text(text)
            faults += check_right(knyfe, block, options)
    return faults


def files_of(kind):
    if kind == 'err':
        return sorted((HERE / 'err').glob('*.knf')), check_wrong
    if kind == 'lang':
        return sorted((HERE / 'lang').rglob('*.knf')), check_right
    if kind == 'sample':
        return sorted((HERE / 'lang').glob('*.knf'))[::6], check_right
    if kind == 'examples':
        return sorted((HERE.parent / 'examples').glob('*.knf')), check_right
    if kind == 'docs':
        return sorted((HERE.parent / 'docs').glob('*.md')), check_blocks
    if kind == 'plant':
        return sorted((HERE / 'lang').glob('*.knf'))[::8], check_planted
    sys.exit(__doc__)


def main(arguments):
    options = argparse.Namespace(bless='--bless' in arguments, target=['-t', 'host'])
    arguments = [a for a in arguments if a != '--bless']
    if '--target' in arguments[:-1]:
        at = arguments.index('--target')
        options.target = ['-t', arguments[at + 1]]
        del arguments[at:at + 2]
    if '--plain' in arguments:
        options.target += ['--plain']
        arguments.remove('--plain')
    if '--level' in arguments[:-1]:
        at = arguments.index('--level')
        options.target += arguments[at:at + 2]
        del arguments[at:at + 2]
    if len(arguments) < 2:
        sys.exit(__doc__)
    knyfe, kind, names = os.path.abspath(arguments[0]), arguments[1], arguments[2:]
    files, check = files_of(kind)
    files = [f for f in files if not names or f.stem in names or f.name in names]
    print(f'1..{len(files)}')
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda f: check(knyfe, f, options), files)
        for number, (path, faults) in enumerate(zip(files, results), 1):
            print(f'{"not ok" if faults else "ok"} {number} - {kind} {path.stem}')
            for line in faults:
                print('# ' + line)
            failed += bool(faults)
    return failed > 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
