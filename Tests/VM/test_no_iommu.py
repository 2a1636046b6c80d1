"""A machine without an IOMMU."""

from device import OURS, DeviceCase, devices, driver, echo_pipeline

TEXT = "no IOMMU guards this device; switch it on in the firmware and boot Linux with intel_iommu=on or amd_iommu=on"


class NoIOMMU(DeviceCase):
    bound = ()

    def test_said_and_left_alone(self):
        self.assertNotIn("iommuGroup", devices()[OURS])
        self.assertEqual(self.refusal("run", echo_pipeline()), f"virtio({OURS}): {TEXT}")
        self.assertEqual(self.refusal("devices", "bind", OURS), f"{OURS}: {TEXT}")
        self.assertEqual(driver(OURS), "virtio-pci")
