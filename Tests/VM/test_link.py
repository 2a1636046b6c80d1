"""The link of a NIC goes down and comes up again: a line each, a counter, and traffic goes on."""

from device import OURS, DeviceCase, echo_pipeline
from harness import wait_until
from monitor import Monitor
from traffic import echoes


class Link(DeviceCase):
    def test_down_and_up(self):
        qemu = Monitor()
        self.addCleanup(qemu.close)
        ns = self.kernel_side()
        daemon = self.run_pipeline(echo_pipeline())
        echoes(self, ns)
        try:
            qemu("set_link", name="n4-0", up=False)
            self.assertTrue(wait_until(lambda: "the link is down" in daemon.stderr(), 10), daemon.stderr())
        finally:
            qemu("set_link", name="n4-0", up=True)
        self.assertTrue(wait_until(lambda: "the link is up again" in daemon.stderr(), 10), daemon.stderr())
        echoes(self, ns)
        summary = daemon.stop().check(self)
        self.assertEqual(summary.stages[0]["counters"]["link-downs"], 1)
