"""Start, stop, kill, start again, leave nothing; the list of devices; what happens when the kernel takes the device away."""

import time

from device import OURS, PEERS, PROBE, SECOND, DeviceCase, cleanq, command, devices, driver, echo_pipeline, group_of, interface
from traffic import echoes


class Life(DeviceCase):
    def test_killed_and_started_again(self):
        ns = self.kernel_side()
        for _ in range(3):
            daemon = self.run_pipeline(echo_pipeline())
            echoes(self, ns)
            daemon.kill()
        daemon = self.run_pipeline(echo_pipeline())
        echoes(self, ns)
        daemon.stop().check(self)

    def test_open_and_close_fifty_times(self):
        """In one process: file descriptors, mappings, threads, locked memory and the heap are as before."""
        done = command(PROBE, "cycles", OURS, "50", timeout=120)
        counts = [{key: int(value) for key, value in (pair.split("=") for pair in line.split())} for line in done.stdout.splitlines()]
        self.assertEqual(len(counts), 4, done.stdout)
        heaps = [count["heap"] for count in counts]
        self.note("heap " + ", ".join(map(str, heaps)) + f" bytes, resident {counts[0]['resident']} then {counts[-1]['resident']} kB")
        for key in ("files", "groups", "mappings", "threads", "locked"):
            self.assertEqual([count[key] for count in counts], 4 * [counts[0][key]], key)
        # The allocator keeps a little more now and then; what leaks, leaks in every fifty.
        self.assertLess(min(b - a for a, b in zip(heaps, heaps[1:])), 50 * 16, "bytes of the heap: less than any object a cycle")

    def test_second_process_is_refused(self):
        ns = self.kernel_side()
        daemon = self.run_pipeline(echo_pipeline())
        said = self.refusal("run", echo_pipeline())
        self.assertEqual(
            said, f"virtio({OURS}): another process has it, or a device of its IOMMU group {group_of(OURS)}; "
            "end that process first")
        said = self.refusal("devices", "unbind", OURS)
        self.assertIn("another process has it", said)
        echoes(self, ns)
        daemon.stop().check(self)

    def test_kernel_takes_the_device_away(self):
        """Forced unbinding asks the process to let go: it ends its pipeline with exact accounts, and exits."""
        ns = self.kernel_side()
        daemon = self.run_pipeline(echo_pipeline())
        echoes(self, ns)
        begun = time.monotonic()
        cleanq("devices", "unbind", OURS, "--force")
        self.note(f"let go after {time.monotonic() - begun:.2f} s")
        summary = daemon.finished(5, status=1).check(self)
        self.assertIn("the kernel takes the device away", summary.stderr)
        self.assertEqual(driver(OURS), "virtio-pci")
        cleanq("devices", "bind", OURS)
        daemon = self.run_pipeline(echo_pipeline())
        echoes(self, ns)
        daemon.stop().check(self)


class List(DeviceCase):
    bound = ()

    def test_list(self):
        before = devices()
        self.assertLessEqual({OURS, SECOND, *PEERS.values()}, before.keys())
        ours = before[OURS]
        self.assertEqual((ours["vendorID"], ours["deviceID"], ours["driver"]), ("1af4", "1041", "virtio-pci"))
        self.assertEqual(str(ours["iommuGroup"]), group_of(OURS))
        self.assertEqual(ours["groupMembers"], [])
        self.assertEqual(ours["interfaces"], [{"name": interface(OURS), "routed": False, "elsewhere": False}])
        self.bind(OURS)
        after = devices()[OURS]
        self.assertEqual((after["driver"], after["interfaces"]), ("vfio-pci", []))
        table = cleanq("devices").stdout
        row = next(line for line in table.splitlines() if line.startswith(OURS))
        self.assertRegex(row, rf"^{OURS}  vfio-pci +{group_of(OURS)} +- +.*\[1af4:1041\]$")

    def test_routed_nic_is_refused(self):
        name = interface(OURS)
        command("ip", "address", "add", "10.7.0.1/24", "dev", name)
        command("ip", "link", "set", name, "up")
        self.assertEqual(devices()[OURS]["interfaces"], [{"name": name, "routed": True, "elsewhere": False}])
        said = self.refusal("devices", "bind", OURS)
        self.assertEqual(
            said, f"{OURS}: its interface {name} is in use: there are routes by way of {name}; take them away, or use --force")
        self.assertEqual(driver(OURS), "virtio-pci")
        cleanq("devices", "bind", OURS, "--force")
        self.assertEqual(driver(OURS), "vfio-pci")
        cleanq("devices", "unbind", OURS)
        self.assertEqual(driver(OURS), "virtio-pci")
