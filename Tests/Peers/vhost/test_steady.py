"""What must not happen per packet over DPDK's back end: allocations, reference counting and locks.

The calls are counted by a library in front of the exchange (Tests/Steady/count_calls.c). Runs with different numbers of
frames differ by what the frames cost, so whatever start and end of the program do falls out.
"""

import os
import shutil
import subprocess
import unittest

from rig import CPUS, EXCHANGE, HERE, SCRATCH, Case, Hugepages, TestPMD, why_no_dpdk

SOURCE = os.path.join(HERE, "..", "..", "Steady", "count_calls.c")
KINDS = ("allocations", "retains", "releases", "locks")
FEW, MANY = 50_000, 550_000


class Steady(Case):
    @classmethod
    def setUpClass(cls):
        if reason := why_no_dpdk():
            raise unittest.SkipTest(reason)
        compiler = shutil.which("clang")
        if not compiler:
            raise unittest.SkipTest("no clang, which comes with the Swift toolchain")
        cls.library = os.path.join(SCRATCH, "count_calls.so")
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", cls.library, SOURCE, "-ldl"], check=True)
        cls.pages = Hugepages(TestPMD.PAGES)
        cls.addClassCleanup(cls.pages.give_back)
        cls.socket = Case.path(cls, "steady")
        cls.back_end = cls.enterClassContext(TestPMD(cls.socket))

    def test_split(self):
        self.check(packed=False)

    def test_packed(self):
        self.check(packed=True)

    def test_packed_out_of_order(self):
        self.check(packed=True, in_order=False)

    def test_split_mergeable(self):
        self.check(packed=False, mergeable=True)

    def check(self, **wishes):
        few, many = self._counted(FEW, wishes), self._counted(MANY, wishes)
        cost = {kind: many[kind] - few[kind] for kind in KINDS}
        self.notes = [f"{MANY - FEW} frames more cost {cost}"]
        for kind, count in cost.items():
            # Now and then the thread that looks after the socket; never a packet.
            self.assertLess(count, 16, f"{kind}: {cost}")

    def _counted(self, frames, wishes):
        report = os.path.join(SCRATCH, f"calls-{frames}")
        flags = []
        for key, value in wishes.items():
            flags += ["--" + key.replace("_", "-"), "yes" if value else "no"]
        child = self.child("env", f"LD_PRELOAD={self.library}", f"COUNT_CALLS={report}", EXCHANGE, self.socket,
                           "--cpus", str(CPUS[-1]), "--frames", str(frames), "--window", "128", *flags)
        self.assertEqual(child.wait(60)["frames"]["returned"], frames)
        with open(report) as file:
            counts = {kind: int(number) for kind, number in (line.split() for line in file)}
        self.assertGreater(min(counts["allocations"], counts["retains"], counts["releases"]), 0, "nothing is counted")
        return counts
