"""Child processes that cannot outlive this one, and short commands."""

import atexit
import contextlib
import ctypes
import signal
import subprocess
import time

STOP_SECONDS = 10
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)
children = []


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(argv, **options):
    """Starts a child that cannot outlive this process."""
    child = subprocess.Popen([str(a) for a in argv], preexec_fn=die_with_parent, **options)
    children.append(child)
    return child


def reap(child):
    if child.poll() is None:
        child.kill()
    child.wait(STOP_SECONDS)
    if child in children:
        children.remove(child)


def command(*argv, check=True, timeout=30, **options):
    """Runs a short command to its end; its output is in `.stdout` and `.stderr`."""
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, errors="replace", timeout=timeout, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit {done.returncode}: {done.stderr.strip()}")
    return done


def takes_signals(process, seconds=20):
    """Waits until a process takes SIGINT itself, or has ended: before, a signal would kill it, and on a busy machine that is a while."""
    def look():
        if process.poll() is not None:
            return True
        with open(f"/proc/{process.pid}/status") as file:
            masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigBlk", "SigCgt"))]
        return any(mask & 1 << signal.SIGINT - 1 for mask in masks)
    return wait_until(look, seconds)


def wait_until(condition, seconds=2.0, step=0.005):
    """The first true value of `condition()`, or its last value when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(step)


@atexit.register
def reap_all():
    for child in list(children):
        with contextlib.suppress(Exception):
            reap(child)
