"""The TAP stage on a kernel that has not yet what it uses where it can: the guest's is Debian's, the host's is newer."""

import os
import re

from harness import ECHO, Case
from traffic import check_window, echoes


class OlderKernel(Case):
    def setUp(self):
        super().setUp()
        release = tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups()))
        if release >= (6, 2):
            self.skipTest(f"Linux {release[0]}.{release[1]} takes UDP datagrams joined, and frames by io_uring from 6.4 on")

    def test_tap_goes_on_without(self):
        ns = self.namespace()
        daemon = self.daemon(ns, "run", ECHO)
        echoes(self, ns)
        check_window(self, ns, 2000)
        said = daemon.stderr()
        summary = daemon.stop().check(self)
        self.assertEqual(len(re.findall(r"tap\(tap0\): no io_uring \(.*\); going on with one system call per frame", said)), 1, said)
        self.assertEqual(said.count("tap(tap0): each datagram is passed to the kernel separately; GSO for TAP devices needs Linux 6.2"), 1, said)
        self.assertEqual(summary.drops, {})
        self.assertEqual(summary.stage("tap")["gauges"]["uring"], 0)
        self.assertNotIn("joined", summary.stage("tap")["counters"])

    def test_nothing_is_said_of_what_is_not_asked_for(self):
        ns = self.namespace()
        daemon = self.daemon(ns, "run", ECHO.replace("/24)", "/24, io: readwrite, offload: no)", 1))
        echoes(self, ns)
        said = daemon.stderr()
        daemon.stop().check(self)
        self.assertNotIn("going on", said)
        self.assertNotIn("separately", said)
