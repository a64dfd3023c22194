#!/usr/bin/env python3
"""Every message in the source is shown by a test. TAP on standard output.

usage: messages.py ROOT

The formats of diag_error, diag_warning, diag_note, diag_help, diag_edit, and of functions that hand theirs on to these, are read from
grammar/ and dsl/. Each must match a line of test/err/*.err or test/grammar/*.err of its own kind, or the text of a test that compares
it (ELSEWHERE). A format that is a choice of several counts as several.
"""
import ast
import pathlib
import re
import sys

ELSEWHERE = ['test/limits.py']       # the messages stand there as strings, in full
UNREACHED = ["'%s' could not be checked"]      # says that a fault of the compiler's own kept it from saying more
OTHERS = {'FAULT': 3, 'SAY': 3, 'call_error': 2}     # macros and functions that take a whole text: its place among the arguments
WRAPPER = re.compile(r'\b(\w+)\(([^()]*?)const char \*format, \.\.\.\)')
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
CONVERSION = re.compile(r'%(?:%|[-0-9.*]*(?:hh|h|ll|l|z|j|t)?[a-zA-Z])')
SHOWN = re.compile(r'^(?:[^:\n]+:\d+:\d+: )?(error|warning|note|help): (.*)$', re.M)


def arguments_of(text, at):
    """The arguments of the call whose '(' is just before `at`, split at its commas."""
    depth, parts, begin = 1, [], at
    while depth:
        if text[at] == '"':
            at = STRING.match(text, at).end()
            continue
        if text[at] == "'":
            at += 4 if text[at + 1] == '\\' else 3
            continue
        if text[at] in '([{':
            depth += 1
        elif text[at] in ')]}':
            depth -= 1
        if depth == 0 or (depth == 1 and text[at] == ','):
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    return parts


def choices_of(argument):
    """The strings that an argument may be: neighbours joined; of a text made by arena_printf its format."""
    made = re.match(r'\s*arena_printf\(', argument)
    if made:
        argument = arguments_of(argument, made.end())[1]
    joined = re.sub(r'"\s*"', '', argument)
    return [s.replace('\\"', '"').replace('\\\\', '\\') for s in STRING.findall(joined)]


def wrappers(texts):
    """{function: place of its format} of all functions that take one for a diagnostic."""
    found = dict(OTHERS)
    for text in texts:
        for m in WRAPPER.finditer(text):
            if not re.match(r'(out|arena|tool)_', m.group(1)):
                found[m.group(1)] = m.group(2).count(',')
    return found


def messages(root, sources):
    texts = {s: re.sub(r'//[^\n"]*$|/\*.*?\*/', lambda m: re.sub(r'[^\n]', ' ', m.group()), s.read_text(), flags=re.S | re.M) for s in sources}
    places = wrappers([(root / 'base/diag.h').read_text(), *texts.values()])
    call = re.compile(r'\b(' + '|'.join(places) + r')\s*\(')
    for source, text in texts.items():
        for m in call.finditer(text):
            parts = arguments_of(text, m.end())
            place = places[m.group(1)]
            if len(parts) > place:
                for format in choices_of(parts[place]):
                    yield f'{source.relative_to(root)}:{text.count(chr(10), 0, m.start()) + 1}', m.group(1), format


def strings_of(path):
    """The messages among the strings of a Python program, one a line."""
    found = (n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return '\n'.join(s.removeprefix('error: ') for s in found if '\n' not in s)


def pattern_of(format):
    parts, at = [], 0
    for m in CONVERSION.finditer(format):
        parts.append(re.escape(format[at:m.start()]))
        last = m.group()[-1]
        parts.append({'%': '%', 'd': r'-?\d+', 'u': r'\d+', 'x': '[0-9a-f]+', 'c': '.'}.get(last, '.*'))
        at = m.end()
    return ''.join(parts) + re.escape(format[at:])


def kind_of(function):
    kinds = {'diag_note': 'note', 'diag_help': 'help', 'diag_edit': 'help', 'diag_warning': 'warning'}
    return kinds.get(function, 'error')


def main(root):
    sources = sorted([*root.glob('dsl/*.c'), *root.glob('grammar/*.c'), *root.glob('grammar/*.re'), *root.glob('grammar/*.y')])
    shown = {kind: [] for kind in ('error', 'warning', 'note', 'help')}
    for golden in [*root.glob('test/err/*.err'), *root.glob('test/grammar/*.err')]:
        for kind, text in SHOWN.findall(golden.read_text(errors='replace')):
            shown[kind].append(text)
    lines = {kind: '\n'.join(sorted(set(texts))) for kind, texts in shown.items()}
    strings = '\n'.join(strings_of(root / name) for name in ELSEWHERE)
    found = list(messages(root, sources))
    print(f'1..{len(found)}')
    failed = 0
    for number, (place, function, format) in enumerate(found, 1):
        pattern = re.compile('^' + pattern_of(format) + '$', re.M)
        good = format in UNREACHED or pattern.search(lines[kind_of(function)]) or pattern.search(strings)
        failed += not good
        print(f'{"ok" if good else "not ok"} {number} - {place} {kind_of(function)}: {format}')
    return failed > 0 or not found


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
