#!/usr/bin/python3
"""Counts what pipelines do per packet: allocations, retains, releases and locks must be none.

    steady.py CLEANQ_BENCH

Each stage alone, whole pipelines, from text and built in Swift, run over packets that `cleanq-bench steady` generates, with
count_calls.c in front. The source asks it for its counts after a tenth of the packets and at the last: between the two the
threads of a pipeline call none of these, not even once. The stages of the list at the end do what none may, and must be noticed. Ends
with `N passed, N failed, N skipped`.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "count_calls.c"
PACKETS = 50_000
KINDS = ("allocations", "retains", "releases", "locks")

IP = "ip(10.0.0.2/24)"
# The generator's packets, with as many buffers as it has.
SEVEN = "udp(7, share: 96)"
TEXTS = [
    # Each stage alone.
    "loopback", "discard", "echo", "count | loopback", "checked | loopback", "pcap(/dev/null) | loopback",
    "pcap(/dev/null, filter: \"udp port 7\", snaplen: 40) | loopback", f"{IP} | echo", f"{IP} | udp(7) | echo",
    f"{IP} | udp(7) | discard", f"{IP} | loopback",
    # Several of them.
    f"count | checked | pcap(/dev/null) | {IP} | count | checked | udp(7) | count | checked | echo",
    f"{IP} | pcap(/dev/null) | udp(7) | pcap(/dev/null) | echo",
    # Forks: packets that are claimed and that are not, and a fork above a fork.
    f"{IP} {{ {SEVEN} | echo; udp(9) | discard }}", f"{IP} {{ {SEVEN} | count | discard; udp(9) | echo }}",
    f"{IP} | udp(7) {{ port(9) | discard }}",
    f"{IP} | udp {{ port(7, share: 96) | echo; port(9) | discard }}",
    f"{IP} {{ udp(10) | discard; udp(share: 96) {{ port(7) | echo }} }}",
    f"count {{ ip(10.0.0.2/24) {{ udp(7) | echo }} }}",
]
# An interlink between two threads; wants two CPUs.
THREADS = ["count@0 | loopback@1", f"count@0 | {IP} | udp(7)@1 | echo",
           f"count@0 | {IP} {{ udp(7)@1 | echo }}"]
SWIFT = ["echo", "counted-echo", "checked-echo", "captured-echo", "frames", "two-threads", "loopback", "discard"]
# What must be noticed: the stage, and of what kind one per packet is counted.
MUTANTS = [("allocate", "allocations"), ("retain", "retains"), ("retain", "releases"), ("lock", "locks")]


class Gates:
    def __init__(self, bench, work):
        self.bench, self.work = bench, work
        self.library = work / "count_calls.so"
        self.passed, self.failed, self.skipped = 0, 0, 0
        compiler = shutil.which("clang")
        if not compiler:
            sys.exit("no clang: it comes with the Swift toolchain")
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", self.library, SOURCE, "-ldl"], check=True)

    def counted(self, words):
        """What one run called while it was steady: the object that it printed."""
        report = self.work / "calls"
        report.unlink(missing_ok=True)
        environment = os.environ | {"LD_PRELOAD": str(self.library), "COUNT_CALLS": str(report)}
        done = subprocess.run([self.bench, "steady", *words, "--packets", str(PACKETS)], env=environment,
                              capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(done.stderr.strip()[-500:])
        whole_run = {kind: int(number) for kind, number in (line.split() for line in report.read_text().splitlines())}
        if min(whole_run["allocations"], whole_run["retains"], whole_run["releases"]) == 0:
            raise AssertionError(f"nothing is counted at all: {whole_run}")
        return json.loads(done.stdout)

    def check(self, name, verdict):
        """`verdict` says what is wrong, or nothing."""
        try:
            wrong = verdict()
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            wrong = str(error)
        self.passed, self.failed = self.passed + (not wrong), self.failed + bool(wrong)
        print(f"FAIL  {name}\n      {wrong}" if wrong else f"ok    {name}", flush=True)

    def free(self, name, *words):
        def verdict():
            found = self.counted(words)
            calls = {kind: found[kind] for kind in KINDS if found[kind]}
            return f"{found['packets']} packets cost {calls}" if calls else None
        self.check(f"nothing per packet: {name}", verdict)

    def noticed(self, crime, kind):
        def verdict():
            found = self.counted([f"mutant({crime}) | echo"])
            # A burst may straddle either end of what is counted.
            return None if found[kind] >= found["packets"] - 32 else f"{found['packets']} packets count as {found[kind]}"
        self.check(f"a stage that does: {crime}, is noticed among the {kind}", verdict)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: steady.py CLEANQ_BENCH")
    with tempfile.TemporaryDirectory() as work:
        gates = Gates(os.path.abspath(sys.argv[1]), Path(work))
        for text in TEXTS:
            gates.free(f"text, {text}", text)
        for text in THREADS:
            if {0, 1} <= os.sched_getaffinity(0):
                gates.free(f"text, {text}", text)
            else:
                gates.skipped += 1
                print(f"skip  nothing per packet: text, {text}: wants CPUs 0 and 1")
        for name in SWIFT:
            gates.free(f"Swift, {name}", "--swift", name)
        for crime, kind in MUTANTS:
            gates.noticed(crime, kind)
    print(f"{gates.passed} passed, {gates.failed} failed, {gates.skipped} skipped")
    return 1 if gates.failed else 0


if __name__ == "__main__":
    sys.exit(main())
