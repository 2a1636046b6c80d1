"""No wake-up is lost: a driver that goes to sleep whenever there is nothing to do, and a device that is silent for about
as long as it takes to fall asleep.

The loop looks after its device once a second whether it was woken or not, so a lost wake-up is seen as a frame that was
away for up to that long: each has the chance of one half to be seen, and thousands are tried.
"""

import json
import os
import shutil
import subprocess
import unittest

from rig import CLEANQ, CPUS, HERE, SCRATCH, Case, Hugepages, why_no_dpdk
from process import Server, last_lines

SOURCE = os.path.join(HERE, "..", "vhost_load.c")
LIBRARIES = ("vhost", "mbuf", "mempool", "net", "ethdev", "ring", "eal")
SECONDS, LONGEST_PAUSE = 3, 120  # microseconds; a loop goes to sleep after 50
LIMIT = 500_000_000  # nanoseconds


class Wake(Case):
    @classmethod
    def setUpClass(cls):
        if reason := why_no_dpdk():
            raise unittest.SkipTest(reason)
        if len(CPUS) < 2:
            raise unittest.SkipTest("a device that is busy and a driver that sleeps want two CPUs")
        flags = subprocess.run(["pkg-config", "--cflags", "libdpdk"], check=True, capture_output=True, text=True).stdout
        cls.load = os.path.join(SCRATCH, "vhost_load")
        subprocess.run(["gcc", "-std=gnu11", "-O2", SOURCE, "-o", cls.load, *flags.split(), "-DALLOW_EXPERIMENTAL_API",
                        "-pthread", *(f"-lrte_{name}" for name in LIBRARIES)], check=True)
        cls.pages = Hugepages(48)
        cls.addClassCleanup(cls.pages.give_back)

    def check(self, packed, event_index):
        path = self.path("wake")
        command = [self.load, "--socket", path, "--cpu", str(CPUS[0]), "--size", "64", "--window", "4",
                   "--seconds", str(SECONDS), "--pause", str(LONGEST_PAUSE)]
        text = f"vhost-user({path}, packed: {packed}, event-index: {event_index})@{CPUS[-1]} | echo"
        with Server("vhost_load", command) as device:
            # DPDK leaves a folder behind, which is named after the process.
            self.addCleanup(shutil.rmtree, f"/run/dpdk/cleanq-load-{device.process.pid}", ignore_errors=True)
            device.wait_until(lambda: os.path.exists(path), "socket")
            with Server("cleanq", [CLEANQ, "run", text]) as driver:
                self.assertEqual(device.process.wait(60), 0, last_lines(device.output()) + last_lines(driver.output()))
            found = json.loads(device.output().strip().splitlines()[-1])
        self.assertEqual(found["wrong"], 0)
        self.assertLess(found["most"], LIMIT, found)
        self.notes = [f"{found['value'] * SECONDS / 4:.0f} windows, {found['most'] / 1e6:.1f} ms at most"]

    def test_split(self):
        self.check("no", "no")

    def test_split_event_index(self):
        self.check("no", "yes")

    def test_packed(self):
        self.check("yes", "no")

    def test_packed_event_index(self):
        self.check("yes", "yes")
