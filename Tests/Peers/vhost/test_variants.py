"""Every way in which DPDK's back end and this driver can agree: a million numbered frames there and back, each checked."""

import itertools
import time
import unittest

from rig import CPUS, Case, Hugepages, TestPMD, why_no_dpdk

NAMES = {"packed": "F_RING_PACKED", "mergeable": "NET_F_MRG_RXBUF", "in_order": "F_IN_ORDER", "event_index": "F_EVENT_IDX"}
FRAMES = 1_000_000


class Variants(Case):
    queues = 1

    @classmethod
    def setUpClass(cls):
        if reason := why_no_dpdk():
            raise unittest.SkipTest(reason)
        cls.pages = Hugepages(TestPMD.PAGES)
        cls.addClassCleanup(cls.pages.give_back)
        cls.socket = Case.path(cls, f"variants{cls.queues}")
        cls.back_end = cls.enterClassContext(TestPMD(cls.socket, queues=cls.queues))

    def check(self, wishes):
        cpus = CPUS[-1:] if self.queues == 1 else CPUS[:self.queues]
        start = time.monotonic()
        child = self.exchange(self.socket, cpus, frames=FRAMES, window=128, **wishes)
        found = child.wait(60)
        agreed = child.said()[1].split("agreed on ")[1].splitlines()[0].split(", ")
        for name, feature in NAMES.items():
            self.assertEqual(feature in agreed, wishes[name], f"{feature}: {agreed}")
        frames = found["frames"]
        self.assertEqual(frames, {"sent": FRAMES, "returned": FRAMES, "lost": 0, "late": 0, "wrong": 0})
        self.assertEqual((found["lostBytes"], found["drops"]), (0, {}))
        self.assertEqual(found["buffers"], 384 * self.queues)
        self.notes = [f"{FRAMES / (time.monotonic() - start) / 1e6:.2f} million frames/s"]


class VariantsOfTwoQueues(Variants):
    queues = 2

    @classmethod
    def setUpClass(cls):
        if len(CPUS) < 2:
            raise unittest.SkipTest("two queue pairs want two CPUs")
        super().setUpClass()


def _add(case, values):
    wishes = dict(zip(NAMES, values))
    name = "_".join(("" if wish else "no_") + name for name, wish in wishes.items())
    setattr(case, f"test_{name}", lambda self: self.check(wishes))


for values in itertools.product((False, True), repeat=len(NAMES)):
    _add(Variants, values)
    _add(VariantsOfTwoQueues, values)
