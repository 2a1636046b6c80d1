"""What must not happen per packet: allocations, reference counting and locks.

The calls are counted by a library in front of the program (Tests/Steady/count_calls.c). A run with n packets and a run with
2n differ by what n packets cost, so whatever start and end of the program do falls out.
"""

import os
import re
import shutil
import unittest
from pathlib import Path

import captures
from harness import CLEANQ, ECHO, TAP, Case, command
from namespaces import STACK
from traffic import check_window

SOURCE = Path(__file__).resolve().parents[1] / "Steady" / "count_calls.c"
KINDS = ("allocations", "retains", "releases", "locks")
CPUS = f"{TAP}@0 | ip({STACK}/24) | udp(7)@1 | echo"


class Steady(Case):
    def setUp(self):
        super().setUp()
        compiler = shutil.which("clang")
        if not compiler:
            self.skipTest("no clang, which comes with the Swift toolchain")
        self.library = self.work / "count_calls.so"
        command(compiler, "-O2", "-shared", "-fPIC", "-o", self.library, SOURCE, "-ldl")

    def counted(self, ns, *arguments, traffic=None):
        """The calls of one run, by kind."""
        report = self.work / "calls"
        daemon = self.daemon(ns, *arguments, prefix=("env", f"LD_PRELOAD={self.library}", f"COUNT_CALLS={report}"), ready=bool(traffic))
        if traffic:
            traffic()
            summary = daemon.stop().check(self)
        else:
            summary = daemon.finished().check(self)
        text = report.read_text()
        counts = {kind: int(re.search(rf"{kind} (\d+)", text)[1]) for kind in KINDS}
        self.assertGreater(min(counts["allocations"], counts["retains"], counts["releases"]), 0, "nothing is counted at all")
        return counts, summary

    def assert_free(self, small, large, packets):
        """The two runs differ by some calls, those of timers and sleeps: no packet's, and no burst's, which would be over 1000."""
        cost = {kind: large[kind] - small[kind] for kind in KINDS}
        self.note(f"{packets} packets more cost {cost}")
        for kind, n in cost.items():
            self.assertLess(n, packets // 400, f"{kind}: {cost}")

    def echo(self, pipeline):
        def run(count):
            ns = self.namespace()
            return self.counted(ns, "run", pipeline, traffic=lambda: check_window(self, ns, count))

        (small, _), (large, _) = run(20_000), run(60_000)
        self.assert_free(small, large, 40_000)

    def test_echo(self):
        self.echo(ECHO)

    def test_echo_on_two_cpus(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("one CPU only")
        self.echo(CPUS)

    def test_tap_alone(self):
        """Frames one way, into the device and out of existence."""
        def run(count):
            ns = self.namespace()

            def send():
                ns.ip("neighbour", "replace", STACK, "lladdr", "02:00:0a:00:00:02", "dev", "tap0", "nud", "permanent")
                with ns.udp() as s:
                    for _ in range(count):
                        s.send(bytes(64))

            counts, summary = self.counted(ns, "run", f"{TAP} | discard", traffic=send)
            return counts, summary.stage("discard")["transmitted"]["packets"]

        (small, few), (large, many) = run(10_000), run(40_000)
        # What the kernel drops before the daemon comes to it, this one did not have to do.
        self.assertGreater(many - few, 10_000)
        self.assert_free(small, large, many - few)

    def test_capture(self):
        self.echo(ECHO.replace(" | ip(", f' | pcap({self.work}/f.pcap, filter: "udp port 7") | count | ip('))

    def test_capture_file_as_source(self):
        ns = self.namespace()

        def run(count):
            path = self.work / f"{count}.pcap"
            captures.write(path, [self.random.randbytes(60) for _ in range(count)])
            return self.counted(ns, "run", f"pcap({path}, read) | count | discard")

        (small, _), (large, _) = run(20_000), run(60_000)
        self.assert_free(small, large, 40_000)


if __name__ == "__main__":
    unittest.main()
