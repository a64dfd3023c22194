#!/usr/bin/env python3
"""Dims and values near the ends of 64 bits: refused with the right words by the reference and by what is emitted, never a fault.
TAP on standard output.

usage: large.py KNYFE SOURCE_ROOT
"""
import os
import struct
import subprocess
import sys
import tempfile

KNYFE, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
TILE = 1 << 32
VIRTUAL = f'z: f32[N // {TILE}], q: f32[M // {TILE}]'      # dims that no array makes large

# A name, the text, what follows `knyfe run FILE`, the exit status, what standard error holds.
CASES = [
    ('a fact whose product wraps to 0', f'kernel k(x: f32[(N + M) // {TILE}]) -> (y: f32[3]) where N * M <= 1000000, M >= 1 {{ y[i] = f32(i) }}',
     ['N=%d' % TILE, 'M=%d' % TILE], 3, 'refused: N * M <= 1000000'),
    ('the same within 64 bits', f'kernel k(x: f32[(N + M) // {TILE}]) -> (y: f32[3]) where N * M <= 1000000, M >= 1 {{ y[i] = f32(i) }}',
     ['N=1000', 'M=1000'], 0, ''),
    ('a guard whose product wraps below 0', f'kernel k(x: f32[L], {VIRTUAL}) -> (y: f32[3]) where L >= 1 {{ y[i] = if i + N * M < L then x[i + N * M] else 0.0 }}',
     ['N=%d' % TILE, 'M=%d' % (TILE - (1 << 8)), 'L=5'], 3, 'refused: i + N * M fits 64 bits'),
    ('a guard far from the end', f'kernel k(x: f32[L], {VIRTUAL}) -> (y: f32[3]) where L >= 1 {{ y[i] = if i + N * M < L then x[i + N * M] else 0.0 }}',
     ['N=%d' % TILE, 'M=0', 'L=5'], 0, ''),
    ('an index by a dim', f'kernel k(x: f32[L], {VIRTUAL}) -> (y: f32[3]) where L >= 1 {{ y[i] = if i * N * M >= 0 and i * N * M < L then x[i * N * M] else 0.0 }}',
     ['N=%d' % TILE, 'M=%d' % TILE, 'L=5'], 3, 'refused: i * N * M fits 64 bits'),
    ('through a function', f'fn f(i, n) = i * n\nkernel k(x: f32[L], {VIRTUAL}) -> (y: f32[3]) where L >= 1 {{ y[i] = if f(N, M) + i < L then x[f(N, M) + i] else 0.0 }}',
     ['N=%d' % TILE, 'M=%d' % (TILE - (1 << 8)), 'L=5'], 3, 'fits 64 bits'),
    ('a temporary of pieces', f'kernel k({VIRTUAL}) -> (y: f32[3]) {{ t[n] = 1.0 where n in 0..N * M\n t[n + N * M] = 2.0 where n in 0..3\n y[i] = t[i + N * M] }}',
     ['N=%d' % TILE, 'M=%d' % TILE], 3, 'N * M fits 64 bits'),
    ('a dim that no memory holds', 'kernel k(x: f32[N // 281474976710656]) -> (y: f32[3]) where N + 5 <= 1000 { y[i] = f32(i) }',
     ['N=9223372036854775805'], 3, 'refused: N is in 0 .. 2^48'),
    ('a check of data that wraps', 'kernel k(x: f32[N], id: i64[1]) -> (y: f32[1]) { check id[i] >= 0 and id[i] + 2 <= N where i in 0..1\n y[i] = x[id[i]] + x[id[i] + 1] }',
     ['N=5', '--in', 'id=FILE'], 3, 'refused: id[i] >= 0 and id[i] + 2 <= N'),
    ('a guard of data that may wrap', 'kernel k(x: f32[N], id: i64[1]) -> (y: f32[1]) { y[i] = if id[i] >= 0 and id[i] + 2 <= N then x[id[i]] else 0.0 }',
     ['N=5', '--in', 'id=FILE'], 1, 'id[i] < N cannot be proved'),
    ('a guard of data that cannot', 'kernel k(x: f32[N], id: i64[1]) -> (y: f32[1]) { y[i] = if id[i] >= 0 and id[i] < N - 1 then x[id[i] + 1] else 0.0 }',
     ['N=5', '--in', 'id=FILE'], 0, ''),
]


def npy(path, value):
    head = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }"
    with open(path, 'wb') as f:
        f.write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head + struct.pack('<q', value))


def main():
    failed = n = 0
    with tempfile.TemporaryDirectory() as folder:
        knf, data = os.path.join(folder, 'k.knf'), os.path.join(folder, 'id.npy')
        npy(data, (1 << 63) - 1)
        for what, text, args, status, words in CASES:
            with open(knf, 'w') as f:
                f.write(text + '\n')
            for target in ['host', 'mtia1']:
                if target == 'mtia1' and 'temporary' in what:
                    continue        # the simulator makes room for temporaries before a program can refuse
                args = [a.replace('FILE', data) for a in args]
                p = subprocess.run([KNYFE, 'run', knf, '-t', target, *args], capture_output=True, text=True, timeout=100, env=dict(os.environ, KNYFE_DATA=ROOT))
                good = p.returncode == status and words in p.stderr and (status != 3 or 'nothing was written' in p.stdout)
                n += 1
                failed += not good
                print('%sok %d - %s on %s' % ('' if good else 'not ', n, what, target))
                if not good:
                    print(''.join('# %s\n' % line for line in [f'status {p.returncode}, wanted {status} and {words!r}', *p.stdout.splitlines(), *p.stderr.splitlines()]), end='')
                sys.stdout.flush()
    print('1..%d' % n)
    return failed > 0


sys.exit(main())
