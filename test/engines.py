#!/usr/bin/env python3
"""Machines with other engines than those that come with knyfe: kernels run right on them, and use the engines; wrong rows are refused at
their line. engines.py KNYFE ROOT: TAP. The machines are machines/mtia1.knf with other engines."""
import pathlib
import re
import subprocess
import sys
import tempfile

KERNELS = '''
kernel tropical<T: type = f16>(x: T[M, K], w: T[N, K]) -> (y: f32[M, N]) {
    y[m, n] = max[k] (x[m, k] + w[n, k])
}
kernel batched<T: type = f16>(x: T[B, M, K], w: T[B, K, N]) -> (y: f32[B, M, N]) {
    y[b, m, n] = sum[k] x[b, m, k] * w[b, k, n]
}
kernel crossed<T: type = f16>(x: T[K, M], w: T[K, N]) -> (y: f32[N, M]) {
    y[n, m] = sum[k] x[k, m] * w[k, n]
}
'''
FC = ('fc', 'M=70', 'N=130', 'K=96')
TROPICAL = ('tropical', 'M=70', 'N=65', 'K=40')
BATCHED = ('batched', 'B=3', 'M=33', 'N=50', 'K=70')
CROSSED = ('crossed', 'M=133', 'N=70', 'K=245')
CONV = ('conv2d', 'B=1', 'H=9', 'W=9', 'C=16', 'K=20', 'R=3', 'S=3')
DOT = 'row dot { acc[m, n] = sum[k] a[m, k] * b[n, k]; call pe_dot }'
RATE = 'rate i8 1024 mac/cycle, f16 512 mac/cycle, bf16 512 mac/cycle'


def changed(text, *pairs):
    for old, new in pairs:
        if old not in text:
            sys.exit('mtia1.knf has no ' + old)
        text = text.replace(old, new, 1)
    return text


def without(text, engine):
    return re.sub(r'    engine %s \{.*?\n    \}\n' % engine, '', text, count=1, flags=re.S)


def machines(mtia1):
    return {
        # blocks of 16 x 16, one f32 deep, from operands that lie by rows of k; another number of accumulators
        'outer16': changed(mtia1, ('block 32, 32, 32', 'block 16, 16, 4'), (RATE, 'rate f32 256 mac/cycle, f16 512 mac/cycle'), ('accumulators 4 ', 'accumulators 8 '),
                           (DOT, 'row dot { acc[m, n] = sum[k] a[k, m] * b[k, n]; call pe_dot, a_by_k, true, b_by_k, true }')),
        'nodpe': without(without(mtia1, 'dpe'), 're'),
        'tropical': changed(mtia1, (DOT, DOT + '\n        row longest { acc[m, n] = max[k] (a[m, k] + b[n, k]); rate f32 256 mac/cycle, f16 256 mac/cycle; '
                                    'call pe_dot, red, PE_RMAX, bin, PE_ADD }')),
    }


# machine, kernel and dims, type, whether the engine of products works
RUNS = [('outer16', FC, 'f16', True), ('outer16', FC, 'f32', True), ('outer16', BATCHED, 'f16', True), ('outer16', CROSSED, 'f32', True), ('outer16', CONV, None, True),
        ('outer16', TROPICAL, 'f16', False), ('nodpe', FC, 'f16', False), ('nodpe', FC, 'f32', False), ('nodpe', BATCHED, 'f16', False), ('nodpe', CONV, None, False),
        ('tropical', TROPICAL, 'f16', True), ('tropical', TROPICAL, 'f32', True), ('tropical', FC, 'f16', True), ('tropical', CROSSED, 'f16', True)]

# a line of mtia1.knf, what stands there instead, the message
WRONG = [(DOT, DOT.replace('sum[k]', 'max[k]'), 'not what the row\'s call does'),
         (DOT, DOT.replace('a[m, k]', 'a[k, m]'), 'not what the row\'s call does'),
         ('call pe_se, bin, PE_ADD', 'call pe_se, bin, PE_SUB', 'not what the row\'s call does'),
         ('call pe_se, fn, PE_EXP', 'call pe_se, fn, PE_EXPO', 'no field'),
         ('call pe_transpose', 'call pe_turn', 'no such call'),
         ('call pe_transpose', 'call pe_se', 'a call of engine'),
         ('row exp { y[r, c] = exp(x[r, c])', 'row exp { y[r, c] = exp2(x[r, c])', 'not what the row\'s call does'),
         ('        row drain {', '        row drain { takes f32, i32 }\n        row other {', 'does not say what it computes'),
         ('into re ', 'into se ', 'accumulators of which engine'),
         ('; call pe_dot }', ' }', 'has no call'),
         (RATE, RATE + ', f64 8 mac/cycle', 'products of engine'),
         ('block 32, 32, 32', 'block 64, 64, 32', 'holds one block')]


class Tap:
    def __init__(self, n):
        print('1..%d' % n)
        self.n = self.bad = 0

    def case(self, fine, what, said=''):
        self.n += 1
        self.bad += not fine
        print('%sok %d - %s' % ('' if fine else 'not ', self.n, what), flush=True)
        for line in said.splitlines() if not fine else ():
            print('# ' + line)


def run(tap, knyfe, root, folder, machine, work, dtype, uses):
    name = work[0]
    file = folder / 'kernels.knf' if name in KERNELS else root / 'examples' / (name + '.knf')
    words = [knyfe, 'run', file, '-k', name, '-t', folder / (machine + '.knf'), *work[1:]]
    p = subprocess.run([str(w) for w in words + (['-D', 'T=' + dtype] if dtype else [])], capture_output=True, text=True, timeout=200)
    busy = re.search(r'\bdpe ([1-9]\d*) %', p.stdout)
    tap.case(p.returncode == 0 and 'check    ok' in p.stdout and (busy is not None) == uses, '%s %s on %s' % (name, dtype or '', machine), p.stdout + p.stderr)


def refuse(tap, knyfe, folder, text, old, new, message):
    file = folder / 'wrong.knf'
    wrong = changed(text, (old, new))
    file.write_text(wrong)
    line = text[:text.index(old)].count('\n') + 1
    p = subprocess.run([knyfe, 'check', str(file)], capture_output=True, text=True, timeout=60)
    found = [int(m.group(1)) for m in re.finditer(r'wrong\.knf:(\d+):\d+: error: .*' + re.escape(message), p.stderr)]
    tap.case(p.returncode == 1 and any(line <= f <= line + 1 for f in found), 'refused: ' + new.strip().splitlines()[-1], p.stderr)


def main(knyfe, root):
    root = pathlib.Path(root)
    mtia1 = (root / 'machines' / 'mtia1.knf').read_text()
    tap = Tap(len(RUNS) + len(WRONG))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / 'kernels.knf').write_text(KERNELS)
        for name, text in machines(mtia1).items():
            (folder / (name + '.knf')).write_text(text.replace('machine mtia1', 'machine ' + name, 1))
        for machine, work, dtype, uses in RUNS:
            run(tap, knyfe, root, folder, machine, work, dtype, uses)
        for wrong in WRONG:
            refuse(tap, knyfe, folder, mtia1, *wrong)
    return tap.bad > 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:3]))
