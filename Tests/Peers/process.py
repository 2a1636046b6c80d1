"""Child processes of a benchmark: each is ended by its own id, whatever happens to the driver."""

import ctypes
import json
import os
import signal
import subprocess
import tempfile
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """A measurement that could not be made: one line that says why."""


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def last_lines(text, count=3):
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return " | ".join(lines[-count:]) or "it said nothing"


def _name(command):
    """The program that a command is about, not the nsenter before it."""
    start = command.index("--") + 1 if command[0] == "nsenter" else 0
    return os.path.basename(command[start])


def run(command, timeout_seconds=60):
    """Runs `command` to its end and returns its standard output; anything but exit 0 is a Failure."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                              timeout=timeout_seconds, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not there") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{_name(command)} did not end within {timeout_seconds} s") from None
    if done.returncode != 0:
        raise Failure(f"{_name(command)} ended with {done.returncode}: {last_lines(done.stderr or done.stdout)}")
    return done.stdout


def run_json(command, timeout_seconds=60):
    """The last line of standard output that is a JSON object."""
    output = run(command, timeout_seconds)
    for line in reversed(output.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    raise Failure(f"{_name(command)} printed no JSON object: {last_lines(output)}")


class Server:
    """A process that runs while something is measured against it: `with Server("name", command) as server:`.

    It ends by SIGTERM when the block is left; `exit_code` says how it took that.
    """

    def __init__(self, label, command):
        self.label = label
        self.command = command
        self.exit_code = None

    def __enter__(self):
        self.log = tempfile.TemporaryFile(mode="w+", errors="replace")
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=self.log, stderr=self.log,
                                            preexec_fn=_die_with_parent)
        except FileNotFoundError:
            self.log.close()
            raise Failure(f"{self.command[0]} is not there") from None
        self.started = time.monotonic()
        return self

    def __exit__(self, *_):
        try:
            self.process.terminate()  # does nothing when the process has been waited for
            self.process.stdin.close()
            self.exit_code = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.exit_code = self.process.wait()
            self.log.close()

    def output(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()

    def wait_until(self, condition, what, timeout_seconds=20, step_seconds=0.02):
        """Polls `condition` until it is true; a Failure when the process ends first or time runs out."""
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            if self.process.poll() is not None:
                raise Failure(f"{self.label} ended with {self.process.returncode} before {what}: {last_lines(self.output())}")
            if time.monotonic() > deadline:
                raise Failure(f"{self.label}: no {what} within {timeout_seconds} s: {last_lines(self.output())}")
            time.sleep(step_seconds)
