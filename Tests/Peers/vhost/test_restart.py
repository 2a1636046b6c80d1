"""DPDK's back end killed under load and started again: traffic goes on by itself, and no buffer is missing."""

import time
import unittest

from rig import CPUS, Case, Hugepages, TestPMD, why_no_dpdk


class Restart(Case):
    KILLS = 3

    @classmethod
    def setUpClass(cls):
        if reason := why_no_dpdk():
            raise unittest.SkipTest(reason)
        cls.pages = Hugepages(2 * TestPMD.PAGES)
        cls.addClassCleanup(cls.pages.give_back)

    def test_split(self):
        self.check(CPUS[-1:], packed=False)

    def test_packed(self):
        self.check(CPUS[-1:], packed=True)

    def test_two_queues(self):
        if len(CPUS) < 2:
            self.skipTest("two queue pairs want two CPUs")
        self.check(CPUS[:2], packed=True)

    def check(self, cpus, packed):
        path, queues = self.path("restart"), len(cpus)
        back_end = TestPMD(path, queues=queues).__enter__()
        self.addCleanup(lambda: back_end.__exit__())
        child = self.exchange(path, cpus, "--progress", frames=10**12, window=128, packed=packed)
        gaps = []
        for _ in range(self.KILLS):
            self._await_more(child, 50_000)
            back_end.kill()
            back_end.__exit__()
            killed = time.monotonic()
            time.sleep(0.2)
            back_end = TestPMD(path, queues=queues).__enter__()
            started = time.monotonic()
            self._await_more(child, 1)
            gaps.append(time.monotonic() - started)
            self.assertLess(time.monotonic() - killed, 15)
        self._await_more(child, 50_000)
        found = child.end()
        frames, window = found["frames"], 128
        self.assertEqual((frames["wrong"], frames["late"], found["lostBytes"]), (0, 0, 0))
        # What the back end had when it died is gone, and what was sent while there was none; nothing else.
        self.assertLessEqual(frames["lost"], found["drops"]["device-gone"] + self.KILLS * queues * window)
        # What was still under way at the end came back, or was never sent to anyone.
        self.assertLessEqual(frames["sent"] - frames["returned"] - frames["lost"], queues * window)
        self.assertEqual(found["buffers"], 384 * queues)
        self.assertEqual(found["counters"]["device-losses"], self.KILLS * queues)
        self.assertEqual(found["counters"]["device-returns"], self.KILLS * queues)
        self.notes = [f"resumed after {max(gaps):.2f} s at most"]

    def _returned(self, child):
        lines = [line for line in child.said()[0].splitlines() if line.startswith("returned ")]
        return int(lines[-1].split()[1]) if lines else 0

    def _await_more(self, child, count):
        before = self._returned(child)
        self.wait_until(lambda: self._returned(child) >= before + count, f"{count} more frames", 30)
