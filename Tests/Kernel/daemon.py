"""`cleanq` as a child process: started, ready, stopped, and what it said."""

import functools
import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

from processes import STOP_SECONDS, reap, wait_until

ROOT = Path(__file__).resolve().parents[2]
CLEANQ = os.path.abspath(os.environ.get("CLEANQ", ROOT / ".build/release/cleanq"))
READY_SECONDS = 10


@functools.cache
def described(stage):
    """The names that `cleanq stages NAME` explains."""
    lines = subprocess.run([CLEANQ, "stages", stage], capture_output=True, text=True).stdout.splitlines()
    return {line.split()[0] for line in lines if re.match(r"      [a-z0-9-]+  +\S", line)}


class Summary:
    """The JSON object that a stopped daemon printed, and what it wrote to standard error."""

    def __init__(self, stdout, stderr):
        self.stderr = stderr
        self.json = json.loads(stdout)  # exactly one object: anything more is an error here
        self.stages = self.json["stages"]

    def stage(self, name):
        return next(s for s in self.stages if s["name"] == name)

    @property
    def drops(self):
        return {(s["name"], reason): n for s in self.stages for reason, n in s["drops"].items() if n}

    def check(self, test):
        """What holds for every summary: exact accounts, kebab-case reasons, no negative number."""
        accounts = self.json["accounts"]
        test.assertIs(accounts["exact"], True, accounts)
        test.assertEqual(accounts["lostBytes"], 0, accounts)
        test.assertGreater(accounts["registeredBytes"], 0, accounts)
        test.assertGreater(accounts["buffers"], 0, accounts)
        test.assertEqual(accounts["registeredBytes"],
                         accounts["ownedBytes"] + accounts["inFlightBytes"] + accounts["atPeerBytes"], accounts)
        for stage in self.stages:
            for name, n in {**stage["drops"], **stage["counters"]}.items():
                test.assertRegex(name, r"^[a-z0-9]+(-[a-z0-9]+)*$", f"counter of {stage['name']}")
                test.assertGreaterEqual(n, 0)
                test.assertIn(name, described(stage["name"].split("(")[0]), f"cleanq stages {stage['name']} does not explain it")
            if "captured" in stage["counters"]:
                seen = stage["received"]["packets"] + stage["transmitted"]["packets"]
                fates = ("captured", "filtered", "not-written", "after-end")
                test.assertEqual(sum(stage["counters"][fate] for fate in fates), seen, stage)
        return self


class Daemon:
    """A running `cleanq`; with `--json` unless `json=False`. Ready when it returns."""

    def __init__(self, ns, *arguments, json=True, stdout=None, prefix=(), ready=True):
        self.json = json
        arguments = [arguments[0], *(["--json"] if json else []), *arguments[1:]]
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = ns.spawn(*prefix, CLEANQ, *arguments, stdin=subprocess.DEVNULL,
                                stdout=self.out if stdout is None else stdout, stderr=self.err)
        self.pid = self.process.pid
        if ready and not wait_until(lambda: "running" in self.stderr() or self.process.poll() is not None, READY_SECONDS):
            raise AssertionError(f"not ready after {READY_SECONDS} s: {self.stderr()}")
        if ready and self.process.poll() not in (None, 0):
            raise AssertionError(f"exit {self.process.returncode} at start: {self.stderr()}")

    def read(self, file):
        size = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), size, 0).decode(errors="replace")

    def stderr(self):
        return self.read(self.err)

    def stop(self, sign=signal.SIGINT, status=0):
        """Asks it to stop, expects an exit status, and returns the summary (without JSON: what it wrote to standard output)."""
        self.process.send_signal(sign)
        return self.finished(status=status)

    def finished(self, seconds=STOP_SECONDS, status=0):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there after {seconds} s: {self.stderr()}") from None
        if code != status:
            raise AssertionError(f"exit {code}: {self.stderr()}")
        return Summary(self.read(self.out), self.stderr()) if self.json else self.read(self.out)

    def kill(self):
        reap(self.process)


def error_lines(stderr):
    """The lines of standard error that complain: no log line (a time stamp first) below error, no line that says what runs."""
    log = re.compile(r"^\d{4}-\d\d-\d\dT\S+ (trace|debug|info|notice|warning)\b")
    return [line for line in stderr.splitlines()
            if line.strip() and not log.match(line) and "running" not in line and not line.startswith("pipeline: ")]
