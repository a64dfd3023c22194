#!/usr/bin/env python3
"""Faults planted in emitted PE programs: `knyfe run --emitted` must catch them. TAP on standard output.

usage: grid_mutants.py KNYFE FOLDER [COUNT [MACHINE]]     FOLDER holds the kernels; COUNT mutants in all (48); MACHINE (mtia1)

A mutant is one change at one place of a stage's functions: an operator, a number, a bound, an argument, a call left out. Left alone is
what only chooses among programs that are all right: what the core is charged for (pe_ops, PE_KNF), guards of ways to deal the work, sizes
of blocks and the room for them; and the tests of facts, which these runs keep. A mutant is caught when a run at one of the shapes
is refused by the C compiler's checks of pe.h, by the simulator, or by the comparison with the reference. Not counted are those
that do not compile, those at lines that no run meets, and those whose value is in no run another. At least nine of ten others must be
caught. Survivors are printed, with the reason why the program may be as right as before where it is known.
"""
import concurrent.futures
import pathlib
import random
import re
import subprocess
import sys
import tempfile

KERNELS = {
    'softmax': ([], (['N=300', 'D=300'], ['N=150', 'D=10700'])),
    'fc': ([], (['M=70', 'N=130', 'K=200'], ['M=600', 'N=1100', 'K=33'], ['M=40', 'N=600', 'K=520'], ['M=100', 'N=600', 'K=600'], ['M=600', 'N=100', 'K=1600'])),
    'layernorm': (['-D', 'T=f16'], (['N=300', 'D=300'], ['N=150', 'D=16100'])),
    'transpose': (['-D', 'T=f16'], (['N=700', 'M=2000'],)),
    'embedding_bag': ([], (['V=90', 'D=70', 'L=400', 'B=100'], ['V=90', 'D=300', 'L=1500', 'B=1400'])),
    'conv2d': (['-D', 'T=f16', '-D', 'padding=1'], (['B=2', 'H=9', 'W=8', 'C=3', 'R=3', 'S=2', 'K=37'], ['B=3', 'H=70', 'W=70', 'C=70', 'R=3', 'S=3', 'K=130'])),
}
OPERATORS = (
    ('sum for difference', re.compile(r' - '), ' + '),
    ('difference for sum', re.compile(r' \+ '), ' - '),
    ('sum for product', re.compile(r' \* '), ' + '),
    ('quotient for remainder', re.compile(r' % '), ' / '),
    ('remainder for quotient', re.compile(r' / '), ' % '),
    ('strict', re.compile(r' <= '), ' < '),
    ('not strict', re.compile(r' (<|>) '), r' \1= '),
    ('least for greatest', re.compile(r'\bpe_max\('), 'pe_min('),
    ('greatest for least', re.compile(r'\bpe_min\('), 'pe_max('),
    ('number one more', re.compile(r'(?<![\w.])(\d+)(?![\w.])'), lambda m: str(int(m.group(1)) + 1)),
    ('number halved', re.compile(r'(?<![\w.])(\d*[2468])(?![\w.])'), lambda m: str(int(m.group(1)) // 2)),
    ('call left out', re.compile(r'^( +)(pe_\w+\(pe, .*\);)$'), r'\1;'),
    ('pop left out', re.compile(r', \.pop = [^)]*'), ''),
    ('push left out', re.compile(r', \.push = [^)]*'), ''),
    ('pitch left out', re.compile(r', \.pitch = \w+'), ''),
    ('flag left out', re.compile(r', \.(b_row|b_col|affine|from_re|add|relu|red_rows|accumulate)\b = [^,)]*'), ''),
    ('other operator', re.compile(r'\bPE_(ADD|SUB|MUL|DIV|MAX|MIN)\b'), lambda m: 'PE_' + {'ADD': 'SUB', 'SUB': 'ADD', 'MUL': 'DIV', 'DIV': 'MUL', 'MAX': 'MIN', 'MIN': 'MAX'}[m.group(1)]),
    ('other function', re.compile(r'\bPE_(EXP|RELU|ERF|TANH|SQRT|RSQRT)\b'), lambda m: 'PE_' + {'EXP': 'TANH', 'RELU': 'EXP'}.get(m.group(1), 'EXP')),
    ('other vector operation', re.compile(r'\bpe_(add|sub|mul|div|max|min)_(f32|i32|i64)\('), lambda m: 'pe_%s_%s(' % ({'add': 'sub', 'sub': 'add', 'mul': 'add', 'div': 'mul', 'max': 'min', 'min': 'max'}[m.group(1)], m.group(2))),
    ('other sharing', re.compile(r'\bpe_load_(row|col)\('), lambda m: 'pe_load_%s(' % {'row': 'col', 'col': 'row'}[m.group(1)]),
    ('not shared', re.compile(r'\bpe_load_(row|col)\('), 'pe_load('),
    ('row for column', re.compile(r'\bpe_row\(pe\)'), 'pe_col(pe)'),
    ('column for row', re.compile(r'\bpe_col\(pe\)'), 'pe_row(pe)'),
    ('other type', re.compile(r'(pe_ring\(pe, \w+, )PE_F16'), r'\1PE_F32'),
)
# Survivors that may be right, by what the line holds and the change.
REASONS = (
    (None, re.compile('not shared'), 'each PE copies for itself: slower'),
    (None, re.compile('pitch left out'), 'one row, or rows that lie densely anyway'),
    (re.compile('pe_max\\('), re.compile('number one more|greatest for least|least for greatest'), 'a bound for empty ranges, and none is empty'),
    (re.compile('_hi = |_top = |_rest = '), re.compile('strict|number'), 'a round more, without points'),
)
FREE = re.compile(r'^\s*(pe_ops\(|PE_KNF\(|/\*|//|return |pe_ring\(|pe_scratch\(|const int64_t \w+_(step|slot|pitch|turned\w*)(_\d+)? = )|INT64_C')


def call(*command, seconds=120):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)


def sites(lines):
    """(line number, name of the change, the line changed), for the functions of the stages"""
    begin = next(i for i, line in enumerate(lines) if line.startswith('/* --- stage'))
    end = next(i for i, line in enumerate(lines) if line.startswith('static const char *const facts') or line.startswith('static const PeStage stages'))
    tests = False
    for i in range(begin, end):
        line = lines[i]
        tests = 'fact' in line if line.startswith('static ') else tests
        if tests or not line.startswith('    ') or FREE.search(line) or 'pe_dim(pe, ' in line:
            continue
        for name, pattern, to in OPERATORS:
            for m in pattern.finditer(line):
                changed = line[:m.start()] + m.expand(to) + line[m.end():] if isinstance(to, str) else line[:m.start()] + to(m) + line[m.end():]
                if changed != line:
                    yield i, name, changed


def reason(line, name):
    for text, change, why in REASONS:
        if (text is None or text.search(line)) and (change is None or change.search(name)):
            return why
    return None


DECLARED = re.compile(r'^ +const int(64_t)? \w+ = (.*);$')


def probes(line, changed):
    """Lines in place of `line` that end the run where it is met; and where the change is one of values, where these differ."""
    yield 'met', '    pe_refuse(pe, 1); ' + line.lstrip()
    if DECLARED.match(line):
        yield 'differs', '    if ((%s) != (%s)) pe_refuse(pe, 1); ' % (DECLARED.match(line).group(2), DECLARED.match(changed).group(2)) + line.lstrip()


class Judge:
    def __init__(self, knyfe, machine, knf, defines, shapes, path, lines):
        self.command = (knyfe, 'run', str(knf), '--emitted', str(path), '-q', *defines, '-t', machine, '--time-limit', '60')
        self.shapes, self.path, self.lines = shapes, path, lines

    def outcome(self, at, line):
        """'compile', 'caught' or 'passed'"""
        self.path.write_text('\n'.join(self.lines[:at] + [line] + self.lines[at + 1:]) + '\n')
        for shape in self.shapes:
            try:
                ran = call(*self.command, *shape)
            except subprocess.TimeoutExpired:
                return 'caught'
            if 'the compiler refuses it' in ran.stderr:
                return 'compile'
            if ran.returncode != 0:
                return 'caught'
        return 'passed'

    def __call__(self, site):
        at, name, changed = site
        what = f'{self.path.stem}: {name}: {changed.strip()[:150]}'
        verdict = self.outcome(at, changed)
        if verdict != 'passed':
            return verdict, what
        for probe, line in probes(self.lines[at], changed):
            if self.outcome(at, line) == 'passed':
                return 'idle', f'{what} -- no run {"meets the line" if probe == "met" else "has another value there"}'
        why = reason(self.lines[at], name)
        return ('reasoned', f'{what} -- {why}') if why else ('survived', what)


def main():
    knyfe, root = sys.argv[1], pathlib.Path(sys.argv[2])
    count, machine = int(sys.argv[3]) if len(sys.argv) > 3 else 48, sys.argv[4] if len(sys.argv) > 4 else 'mtia1'
    jobs, dice = [], random.Random(1)
    with tempfile.TemporaryDirectory() as temp, concurrent.futures.ThreadPoolExecutor(2) as pool:
        for kernel, (defines, shapes) in KERNELS.items():
            knf = root / f'{kernel}.knf'
            lines = call(knyfe, str(knf), '-t', machine, *defines).stdout.split('\n')
            plain = pathlib.Path(temp, f'{kernel}.c')
            if Judge(knyfe, machine, knf, defines, shapes, plain, lines).outcome(0, lines[0]) != 'passed':
                sys.exit(f'{kernel}: the program is refused as it is')
            found = list(sites(lines))
            for number, site in enumerate(dice.sample(found, min(len(found), -(-count // len(KERNELS))))):
                jobs.append(pool.submit(Judge(knyfe, machine, knf, defines, shapes, pathlib.Path(temp, f'{kernel}{number}.c'), lines), site))
        results = [job.result() for job in jobs]
    tally = {}
    for verdict, what in results:
        tally[verdict] = tally.get(verdict, 0) + 1
        if verdict in ('idle', 'reasoned', 'survived'):
            print(f'# {verdict}: {what}')
    caught, counted = tally.get('caught', 0), len(results) - tally.get('compile', 0) - tally.get('idle', 0)
    print(f'# {len(results)} mutants: {tally.get("compile", 0)} do not compile, {tally.get("idle", 0)} change nothing in these runs; of the {counted} others '
          f'{caught} are caught, {tally.get("reasoned", 0)} survive for a reason, {tally.get("survived", 0)} for none that is known')
    good = caught >= 0.9 * counted and counted > 0
    print(f'{"ok" if good else "not ok"} 1 - faults in emitted PE programs are caught: {100 * caught // max(1, counted)} %')
    print('1..1')
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
