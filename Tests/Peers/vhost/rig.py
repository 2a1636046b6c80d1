"""What every test of the peers suite stands on: hugepages that are given back, DPDK's back end, the exchange, the command.

Everything is made in one scratch folder, children carry a parent-death signal, and only own children are signalled.
"""

import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import hugepages  # noqa: E402
from process import Failure, Server, last_lines  # noqa: E402

BIN = os.environ.get("CLEANQ_BIN", os.path.join(HERE, "..", "..", "..", ".build", "release"))
CLEANQ, EXCHANGE = os.path.join(BIN, "cleanq"), os.path.join(BIN, "cleanq-exchange")
CPUS = sorted(os.sched_getaffinity(0))
SCRATCH = tempfile.mkdtemp(prefix=f"cleanq-peers-{os.getpid()}-")
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


class Hugepages(hugepages.Hugepages):
    """Of a test class, which is skipped where there are none."""

    def __init__(self, count):
        super().__init__(count)
        try:
            self.take()
        except Failure as failure:
            raise unittest.SkipTest(str(failure)) from None


def why_no_dpdk():
    """Why DPDK's back end cannot run here, or None."""
    if os.geteuid() != 0:
        return "DPDK runs as root only: it wants hugepages and /run/dpdk"
    if not shutil.which("dpdk-testpmd"):
        return "dpdk-testpmd is not installed"
    if not Hugepages.are_known():
        return "this kernel has no hugepages of 2 MiB"
    return None


class TestPMD(Server):
    """DPDK's vhost back end, which sends every frame back: `with TestPMD(path, queues=2):`."""

    PAGES = 40

    def __init__(self, path, queues=1, mode="io", cpu=CPUS[0]):
        self.path = path
        self.prefix = f"cleanq-peers-{os.getpid()}-{os.path.basename(path)}"
        super().__init__("testpmd", [
            "stdbuf", "-oL", "dpdk-testpmd", f"--lcores=0@{cpu},1@{cpu}", "--no-pci", "--no-telemetry", "--in-memory",
            "-m", "64", f"--file-prefix={self.prefix}", "--vdev", f"net_vhost0,iface={path},queues={queues}", "--",
            "--nb-cores=1", f"--rxq={queues}", f"--txq={queues}", "--total-num-mbufs=8192", f"--forward-mode={mode}"])

    def __enter__(self):
        if os.path.exists(self.path):
            os.unlink(self.path)  # of one that was killed
        super().__enter__()
        try:
            self.wait_until(lambda: re.search("[Pp]ress enter", self.output()), "start of forwarding")
        except BaseException:
            self.__exit__()
            raise
        return self

    def kill(self):
        """Without a word, as by the kernel."""
        self.process.kill()
        self.process.wait()

    def __exit__(self, *_):
        super().__exit__()
        if os.path.exists(self.path):
            os.unlink(self.path)
        shutil.rmtree(f"/run/dpdk/{self.prefix}", ignore_errors=True)


class Child:
    """A program of ours that runs until it is told to end, and prints one JSON object then."""

    def __init__(self, *command):
        self.errors = tempfile.TemporaryFile(mode="w+", errors="replace")
        self.output = tempfile.TemporaryFile(mode="w+", errors="replace")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.errors)

    def said(self):
        """What it has printed so far: standard output, standard error."""
        self.output.seek(0)
        self.errors.seek(0)
        return self.output.read(), self.errors.read()

    def end(self, seconds=15):
        """SIGTERM, then the JSON object. Fails where it does not end in time, or not with status 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {seconds} s; it said {last_lines(self.said()[1])}") from None
        output, errors = self.said()
        if status != 0:
            raise AssertionError(f"ended with {status}: {last_lines(errors)}")
        return json.loads(output.strip().splitlines()[-1])

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.errors.close()
        self.output.close()


class Case(unittest.TestCase):
    def path(self, name="x"):
        return os.path.join(SCRATCH, f"{name}-{time.monotonic_ns() % 10**9}.sock")

    def child(self, *command):
        child = Child(*command)
        self.addCleanup(child.close)
        return child

    def exchange(self, path, cpus, *flags, **options):
        """Starts the exchange; `packed=True` becomes `--packed yes`."""
        words = {True: "yes", False: "no"}
        flags = list(flags)
        for key, value in options.items():
            flags += ["--" + key.replace("_", "-"), words[value] if isinstance(value, bool) else str(value)]
        return self.child(EXCHANGE, path, "--cpus", ",".join(map(str, cpus)), *flags)

    def wait_until(self, condition, what, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"no {what} within {seconds} s")
            time.sleep(0.02)
