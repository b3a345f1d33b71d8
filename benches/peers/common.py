"""What the peers' scripts share: the plan they are given, the spin, and the lines they answer with.

A plan is JSON on the command line: {"empty": TASKS, "repeats": TIMES, "serial": TASKS, "curve": [[DURATION_US, STEPS, TASKS], ...],
"library": FILE, "program": FILE, "scratch": FOLDER}. An answer is a line a measurement: `empty TASKS SECONDS`,
`serial TASKS SECONDS`, `curve DURATION_US TASKS SECONDS`.
"""

import ctypes
import json
import os
import signal
import sys
import threading
import time

plan = json.loads(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].startswith("{") else {}
_library = None

# Seconds that the empty tasks may take; where they would take longer, a tenth of them is run.
LONGEST = 40


def _end_with(parent):
    """Whoever started this may be killed: then nothing of the process group goes on."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if plan:
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()


def spin(steps):
    """Native code; the library is loaded once a process."""
    global _library
    if _library is None:
        _library = ctypes.CDLL(plan["library"])
        _library.spin.argtypes = [ctypes.c_uint64]
        _library.spin.restype = ctypes.c_uint64
    _library.spin(steps)


def timed(run):
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def say(*words):
    print(*words, flush=True)


def measure(empty, one, curve):
    """`empty(tasks)` and `curve(steps, tasks)` run so many at once, `one()` a single task; each returns when all is known to
    be done, or the seconds that it took."""

    def seconds(run):
        took = []
        whole = timed(lambda: took.append(run()))
        return took[0] if isinstance(took[0], float) else whole

    tasks = plan["empty"]
    warm = min(tasks, 200)
    empty(warm)
    if warm / seconds(lambda: empty(warm)) * LONGEST < tasks:
        tasks = tasks // 10
    for _ in range(plan["repeats"]):
        say("empty", tasks, seconds(lambda: empty(tasks)))
    if one is not None and plan["serial"]:
        one()
        say("serial", plan["serial"], timed(lambda: [one() for _ in range(plan["serial"])]))
    if curve is not None:
        for duration_us, steps, tasks in plan["curve"]:
            say("curve", duration_us, tasks, seconds(lambda: curve(steps, tasks)))
