"""A card that is pulled out of its slot under a running pipeline, and put back."""

import time

from device import PLUGGED, DeviceCase, cleanq, devices, driver, echo_pipeline
from harness import wait_until
from monitor import Monitor
from traffic import echoes


class Removal(DeviceCase):
    bound = ()

    def test_pulled_out_while_running(self):
        """The pipeline ends with exact accounts and status 1; the card that comes back is used as if it were new."""
        qemu = Monitor()
        self.addCleanup(qemu.close)
        ns = self.kernel_side(PLUGGED)
        cleanq("devices", "bind", PLUGGED)
        daemon = self.run_pipeline(echo_pipeline(PLUGGED))
        echoes(self, ns)
        begun = time.monotonic()
        qemu("device_del", id="card")
        summary = daemon.finished(15, status=1).check(self)
        qemu.wait("DEVICE_DELETED", 10)
        self.note(f"let go and gone after {time.monotonic() - begun:.2f} s")
        self.assertIn("the kernel takes the device away", summary.stderr)
        self.assertNotIn(PLUGGED, devices())
        self.assertIn("there is no such PCI function", self.refusal("run", echo_pipeline(PLUGGED)))
        qemu("device_add", driver="virtio-net-pci", id="card", bus="outlet", netdev="plugged",
             **{"disable-legacy": "on", "iommu_platform": True, "mac": "02:00:00:00:00:14"})
        self.assertTrue(wait_until(lambda: driver(PLUGGED) == "virtio-pci", 15), "the card did not come back")
        self.bind(PLUGGED)
        daemon = self.run_pipeline(echo_pipeline(PLUGGED))
        echoes(self, ns)
        daemon.stop().check(self)
