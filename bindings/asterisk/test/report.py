"""The table that the tests print, and its sum."""

import re

passed = failed = skipped = 0
SUM = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


def check(version, what, expected, seen, ok=None):
    """A row of the table."""
    global passed, failed
    ok = expected == seen if ok is None else bool(ok)
    passed, failed = passed + ok, failed + (not ok)
    seen = " ".join(str(seen).split())
    print(f"{'ok' if ok else 'FAILED':6} {version:3} {what:58} {expected!s:38} {seen}", flush=True)
    return ok


def measured(version, what, value):
    """A row that is neither right nor wrong."""
    print(f"{'':6} {version:3} {what:58} {'':38} {value}", flush=True)


def skip(why):
    """What cannot be tested here."""
    global skipped
    skipped += 1
    print(f"skipped: {why}", flush=True)


def heading():
    print(f"{'':6} {'':3} {'call, or what was done':58} {'expected':38} seen", flush=True)


def add(line):
    """Adds what another process has summed up in its last line; False where that is no sum."""
    global passed, failed, skipped
    found = SUM.match(line.rstrip("\n"))
    if found:
        passed, failed, skipped = passed + int(found[1]), failed + int(found[2]), skipped + int(found[3] or 0)
    return found is not None


def total():
    """The last line, and the exit status."""
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed else 0
