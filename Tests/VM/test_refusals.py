"""Devices that cannot be used, and what is said of each: one line, with what to do."""

from device import (ABSENT, CLEANQ, FIRST_OF_TWO, FOREIGN, LEGACY, OURS, PROBE, SECOND_OF_TWO, WITHOUT_PLATFORM, DeviceCase, cleanq,
                    command, devices, echo_pipeline, group_of, unbind)


class Refusals(DeviceCase):
    bound = ()

    def said(self, device, stage="virtio"):
        text = self.refusal("run", echo_pipeline(device).replace("virtio", stage, 1))
        prefix = f"{stage}({device}): "
        self.assertTrue(text.startswith(prefix), text)
        return text.removeprefix(prefix)

    def test_absent(self):
        self.assertEqual(self.said(ABSENT), "there is no such PCI function; cleanq devices lists those that there are")
        self.assertEqual(self.said(ABSENT, "nic"), "there is no such PCI function; cleanq devices lists those that there are")

    def test_bound_to_the_kernel(self):
        self.assertEqual(self.said(OURS), f"the driver virtio-pci has it; run cleanq devices bind {OURS}")

    def test_not_virtio(self):
        self.assertEqual(
            self.said(FOREIGN), "this is no virtio network device but 8086:10d3; cleanq devices lists what there is")
        self.assertEqual(
            self.said(FOREIGN, "nic"),
            "there is no driver for 8086:10d3 here, but for virtio (1af4:1041, 1af4:1000)")

    def test_legacy_only(self):
        self.bind(LEGACY)
        self.assertEqual(
            self.said(LEGACY),
            "a legacy-only device; one of virtio 1.0 or later is needed (in QEMU: disable-modern=off)")

    def test_registers_behind_input_output_ports(self):
        self.bind(LEGACY)
        self.assertEqual(
            command(PROBE, "bar", LEGACY, "0").stdout,
            f"{LEGACY}: BAR 0 is a range of I/O ports, which no process can map; a device with registers in memory is needed\n")
        self.assertEqual(command(PROBE, "bar", LEGACY, "3").stdout, f"{LEGACY}: it has no BAR 3\n")

    def test_without_access_platform(self):
        self.bind(WITHOUT_PLATFORM)
        self.assertEqual(self.said(WITHOUT_PLATFORM), "the device does not offer F_ACCESS_PLATFORM")

    def test_group_not_viable(self):
        group = group_of(FIRST_OF_TWO)
        self.assertEqual(group, group_of(SECOND_OF_TWO), "the machine keeps the two apart")
        listed = devices()[FIRST_OF_TWO]["groupMembers"]
        self.assertEqual(listed, [{"address": SECOND_OF_TWO, "driver": "virtio-pci"}])
        done = cleanq("devices", "bind", FIRST_OF_TWO)
        self.addCleanup(unbind, FIRST_OF_TWO, "virtio-pci")
        self.assertIn(f"also holds {SECOND_OF_TWO} (virtio-pci)", done.stderr)
        self.assertEqual(
            self.said(FIRST_OF_TWO),
            f"IOMMU group {group} also holds {SECOND_OF_TWO} (virtio-pci); bind those to vfio-pci too, or unbind them")
        self.bind(SECOND_OF_TWO)
        both = self.run_pipeline(f"virtio({FIRST_OF_TWO}) | virtio({SECOND_OF_TWO})")
        both.stop().check(self)

    def test_no_permission(self):
        self.bind(OURS)
        group = f"/dev/vfio/{group_of(OURS)}"
        done = command("setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set=-all", CLEANQ, "run", echo_pipeline(), check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(
            f"virtio({OURS}): no permission to open {group}; run as root, or give the file to your user", done.stderr)

    def test_bad_address(self):
        done = cleanq("check", "virtio(eth0) | discard", check=False)
        self.assertEqual(done.returncode, 64)
        self.assertIn("a PCI address is domain, bus, device and function, as in 0000:00:04.0", done.stderr)
        self.assertEqual(cleanq("devices", "bind", "eth0", check=False).returncode, 64)
