#!/usr/bin/env python3
"""Adds up every test case of Meson's logs: the TAP cases of a test that speaks TAP, else the test itself.
Prints 'N passed, N failed, N skipped' as the last line; ends with 1 when any failed or none passed."""
import json
import re
import sys


def tap_counts(output):
    """Of TAP text: cases passed, failed, skipped, and the number planned. Several plans add up: one program, several groups."""
    passed = failed = skipped = planned = 0
    for line in output.splitlines():
        if plan := re.match(r"1\.\.(\d+)", line):
            planned += int(plan[1])
        elif case := re.match(r"(not )?ok\b(.*)", line):
            if re.search(r"#\s*skip", case[2], re.I):
                skipped += 1
            elif case[1]:
                failed += 1
            else:
                passed += 1
    return passed, failed, skipped, planned


def counts(test):
    """Passed, failed, skipped of one entry of the log. A test that ended badly counts one failure more than its cases show."""
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    passed, failed, skipped, planned = tap_counts(test.get("stdout") or "")
    if planned == 0 and passed + failed + skipped == 0:
        return (1, 0, 0) if good else (0, 0, 1) if test["result"] == "SKIP" else (0, 1, 0)
    if test["result"] not in ("OK", "EXPECTEDFAIL", "SKIP") and failed == 0:
        failed = 1
    return passed, failed, skipped


def main(paths):
    total = [0, 0, 0]
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as log:
            for line in log:
                for i, n in enumerate(counts(json.loads(line))):
                    total[i] += n
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
