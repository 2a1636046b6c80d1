"""What cleanq does to network devices, and that they are afterwards as they were before; `ip` is the witness."""

import json
import re
import signal
import subprocess
import time
import unittest

import captures
from harness import CLEANQ, ECHO, KERNEL, STACK, command, wait_until
from processes import reap
from test_errors import FAILURE, Refused
from traffic import echoes, ping


class Devices(Refused):
    def addresses(self, ns, name="tap0"):
        """Each IPv4 address of the device, as `10.0.0.1/24`."""
        listed = json.loads(command("ip", "-n", ns.name, "-4", "-j", "address", "show", "dev", name).stdout)
        return [f"{a['local']}/{a['prefixlen']}" for link in listed for a in link.get("addr_info", [])]

    def state(self, ns, name="tap0"):
        link = ns.links()[name]
        return link["mtu"], link["address"], "UP" in link["flags"], self.addresses(ns, name)


class Settings(Devices):
    """A device that was there before is as it was when the pipeline has ended, however it ended."""

    def test_address_is_added_beside_others_and_removed(self):
        self.ns.make_tap()
        for address in ("192.168.7.1/24", "10.0.0.1/30"):
            self.ns.ip("address", "add", address, "dev", "tap0")
        before = self.state(self.ns)
        daemon = self.daemon(self.ns, "run", ECHO)
        self.assertEqual(sorted(self.addresses(self.ns)), sorted([*before[3], f"{KERNEL}/24"]))
        self.assertIn("10.0.0.0/24", self.ns.ip("route"))
        self.assertNotIn("10.0.0.0/8", self.ns.ip("route"), "a prefix by class")
        self.assertIn("brd 10.0.0.255", self.ns.ip("address", "show", "dev", "tap0"))
        echoes(self, self.ns)
        daemon.stop().check(self)
        self.assertEqual(self.state(self.ns), before)

    def test_address_that_was_there_stays(self):
        self.ns.make_tap()
        self.ns.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
        self.ns.ip("link", "set", "tap0", "up")
        before = self.state(self.ns)
        daemon = self.daemon(self.ns, "run", ECHO)
        self.assertEqual(self.state(self.ns), before)
        daemon.stop().check(self)
        self.assertEqual(self.state(self.ns), before)

    def test_addresses_of_others_stay(self):
        """With the first address of a network the kernel removes the others of that network."""
        self.ns.make_tap()
        daemon = self.daemon(self.ns, "run", ECHO)
        self.ns.ip("address", "add", "10.0.0.9/24", "dev", "tap0")
        daemon.stop().check(self)
        self.assertEqual(self.addresses(self.ns), ["10.0.0.9/24"])

    def test_everything_is_put_back(self):
        text = f'tap(tap0, address: {KERNEL}/24, mac: 02:00:00:00:00:77, mtu: 1300{{}}) | ip({STACK}/24) | udp(7) | echo'
        for is_up in (False, True):
            for more in ("", ", persistent: yes", ", create: no"):
                with self.subTest(up=is_up, more=more):
                    self.ns.ip("tuntap", "add", "mode", "tap", "name", "tap0")
                    self.ns.ip("link", "set", "tap0", "mtu", "1400", "up" if is_up else "down")
                    before = self.state(self.ns)
                    daemon = self.daemon(self.ns, "run", text.format(more))
                    self.assertEqual(self.state(self.ns), (1300, "02:00:00:00:00:77", True, [f"{KERNEL}/24"]))
                    daemon.stop(signal.SIGTERM).check(self)
                    self.assertEqual(self.state(self.ns), before)
                    self.ns.ip("link", "del", "tap0")

    def test_put_back_after_an_error(self):
        self.ns.make_tap()
        before = self.state(self.ns)
        self.pipeline(FAILURE, ["lo"], f"tap(tap0, address: {KERNEL}/24, mac: 02:00:00:00:00:77, mtu: 1300) | tap(lo)")
        self.assertEqual(self.state(self.ns), before)
        self.pipeline(FAILURE, ["missing"], f'tap(tap0, address: {KERNEL}/24, mtu: 1300) | pcap("{self.work}/missing/f.pcap") | discard')
        self.assertEqual(self.state(self.ns), before)

    def test_what_others_changed_stays(self):
        self.ns.make_tap()
        daemon = self.daemon(self.ns, "run", f"tap(tap0, mtu: 1300, mac: 02:00:00:00:00:77) | discard")
        self.ns.ip("link", "set", "tap0", "mtu", "1200", "address", "02:00:00:00:00:78")
        daemon.stop().check(self)
        self.assertEqual(self.state(self.ns)[:2], (1200, "02:00:00:00:00:78"))

    def test_a_renamed_device_is_put_back_too(self):
        self.ns.make_tap()
        self.ns.ip("link", "set", "tap0", "mtu", "1400")
        before = self.state(self.ns)
        daemon = self.daemon(self.ns, "run", f"tap(tap0, address: {KERNEL}/24, mtu: 1300) | discard")
        self.ns.ip("link", "set", "tap0", "down")
        self.ns.ip("link", "set", "tap0", "name", "tap8")
        self.ns.ip("link", "set", "tap8", "up")
        self.assertEqual(self.state(self.ns, "tap8")[0], 1300)
        daemon.stop().check(self)
        self.assertEqual(self.state(self.ns, "tap8"), before)
        self.ns.ip("link", "del", "tap8")

    def test_another_device_of_that_name_is_left_alone(self):
        self.ns.make_tap()
        daemon = self.daemon(self.ns, "run", f"tap(tap0, mtu: 1300) | ip({STACK}/24) | udp(7) | echo", json=False)
        daemon.process.send_signal(signal.SIGSTOP)  # so that it has no time to end in between
        self.ns.ip("link", "del", "tap0")
        self.ns.make_tap()
        self.ns.ip("link", "set", "tap0", "mtu", "1300")
        daemon.process.send_signal(signal.SIGCONT)
        self.assertEqual(daemon.process.wait(10), FAILURE)
        self.assertEqual(self.ns.links()["tap0"]["mtu"], 1300)

    def test_a_device_that_is_made_to_stay_keeps_its_settings(self):
        self.ns.keeps.add("tap0")
        daemon = self.daemon(self.ns, "run", f"tap(tap0, address: {KERNEL}/24, mtu: 1300, persistent: yes) | discard")
        daemon.stop().check(self)
        mtu, _, is_up, addresses = self.state(self.ns)
        self.assertEqual((mtu, is_up, addresses), (1300, True, [f"{KERNEL}/24"]))


class Names(Devices):
    """No device is made by mistake."""

    def test_capture_makes_no_device(self):
        capture = ("-w", self.work / "f.pcap")
        self.refused(FAILURE, ["no device tap0", "ip tuntap add tap0 mode tap"], "capture", "-i", "tap0", *capture)
        for name in ("tap0", "ours"):
            self.ns.make_tap(name)
        self.refused(FAILURE, ["no device tap00", 'did you mean "tap0"'], "capture", "-i", "tap00", *capture)
        self.refused(FAILURE, ["the TAP devices are tap0 and ours"], "capture", "-i", "frontend", *capture)
        self.refused(FAILURE, ["no device tap5", 'did you mean "tap0"'], "run", "tap(tap5, create: no) | discard")

    def test_only_tap_devices(self):
        self.ns.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth2")
        self.ns.ip("tuntap", "add", "mode", "tun", "name", "tun0")
        self.ns.ip("tuntap", "add", "mode", "tap", "name", "many", "multi_queue")
        self.ns.keeps |= {"eth1", "eth2", "tun0", "many"}
        capture = ("-w", self.work / "f.pcap")
        for name, says in (("any", "any"), ("eth1", "eth1 is not a TAP device"), ("tun0", "TUN"), ("lo", "lo is not a TAP device")):
            self.refused((64, FAILURE), [says, "only TAP devices are supported"], "capture", "-i", name, *capture)
        self.refused(FAILURE, ["several queues"], "capture", "-i", "many", *capture)
        self.refused(FAILURE, ["eth1 is not a TAP device; only TAP devices are supported"], "forward", "eth1", "tap1")

    def test_capture_attaches(self):
        self.ns.make_tap()
        path = self.work / "f.pcap"
        daemon = self.daemon(self.ns, "capture", "-i", "tap0", "-w", path, "-c", "1")
        self.assertIn("attached to tap0", daemon.stderr())
        self.assertIn("create: no", daemon.stderr(), "the pipeline that it stands for")
        self.ns.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
        self.ns.run("ping", "-c", "1", "-W", "1", STACK, check=False)
        daemon.finished()
        self.assertGreater(path.stat().st_size, 24)

    def test_made_or_attached(self):
        self.ns.make_tap()
        daemon = self.daemon(self.ns, "forward", "tap0", "tap1")
        self.assertRegex(daemon.stderr(), r"notice.*tap\(tap0\): attached to tap0\b")
        self.assertRegex(daemon.stderr(), r"notice.*tap\(tap1\): made tap1\b")
        daemon.stop().check(self)


class Addresses(Devices):
    """Addresses that are right one by one and cannot work together."""

    def checked(self, kernel, host):
        """The warnings of `check`, which ends with status 0 all the same."""
        done = self.ns.run(CLEANQ, "check", f"tap(tap0, address: {kernel}) | ip({host}) | udp(7) | echo")
        self.assertIn("| udp(7) | echo", done.stdout)
        return [line for line in done.stderr.splitlines() if line.startswith("warning: ")]

    def test_warnings(self):
        for kernel, host, says in ((f"{STACK}/24", f"{STACK}/24", "same address"), ("10.0.1.1/24", f"{STACK}/24", "does not reach"),
                                   ("10.0.0.255/24", f"{STACK}/24", "broadcast"), ("10.0.0.0/24", f"{STACK}/24", "network's address"),
                                   ("10.0.0.1/32", f"{STACK}/24", "does not reach"), ("10.0.0.1/24", f"{STACK}/32", "does not reach")):
            with self.subTest(kernel=kernel, host=host):
                self.assertTrue(any(says in line for line in self.checked(kernel, host)), self.checked(kernel, host))
        for kernel, host in ((f"{KERNEL}/24", f"{STACK}/24"), ("10.0.0.2/31", "10.0.0.3/31"), (f"{KERNEL}/8", f"{STACK}/24"),
                             (f"{KERNEL}/24", f"{STACK}/32, gateway: {KERNEL}")):
            with self.subTest(kernel=kernel, host=host):
                self.assertEqual(self.checked(kernel, host), [])

    def test_run_warns_too(self):
        daemon = self.daemon(self.ns, "run", f"tap(tap0, address: {STACK}/24) | ip({STACK}/24) | udp(7) | echo")
        self.assertIn("warning: ", daemon.stderr())
        daemon.stop().check(self)

    def test_gateway_of_a_single_host(self):
        daemon = self.daemon(self.ns, "run", f"tap(tap0, address: {KERNEL}/24) | ip({STACK}/32, gateway: {KERNEL}) | udp(7) | echo")
        self.assertEqual(ping(self.ns, 3), (3, 3))
        echoes(self, self.ns)
        daemon.stop().check(self)

    def test_hint(self):
        daemon = self.daemon(self.ns, "echo", "tap0", "--address", f"{STACK}/24")
        wait_until(lambda: "hint: " in daemon.stderr())
        found = re.search(r"(?m)^hint: .*: (ip address add \S+ dev tap0)$", daemon.stderr())
        self.assertTrue(found, daemon.stderr())
        self.ns.run(*found[1].split())
        self.assertEqual(ping(self.ns, 3), (3, 3))
        daemon.stop().check(self)

    def test_no_hint_where_the_device_has_an_address(self):
        self.ns.make_tap()
        self.ns.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
        daemon = self.daemon(self.ns, "echo", "tap0", "--address", f"{STACK}/24")
        self.assertEqual(ping(self.ns, 3), (3, 3))
        daemon.stop().check(self)
        self.assertNotIn("hint: ", daemon.stderr())


class Help(Devices):
    """Each example of each help text works as it is typed."""

    def examples(self, *words):
        text = self.ns.run("env", "COLUMNS=500", CLEANQ, *words, "--help").stdout  # in lines that are not broken
        lines = text.split("EXAMPLES")[1].split("USAGE")[0].splitlines()
        return [re.split(r"  +", line.strip())[0] for line in lines if re.match(r" +(cleanq|ip) ", line)]

    def start(self, ns, line):
        line = line.split(" | tcpdump")[0]
        line = line.replace("cleanq", CLEANQ, 1) if line.startswith("cleanq ") else line
        err = open(self.work / "err", "w+")
        self.addCleanup(err.close)
        process = self.child(ns.spawn("sh", "-c", f"exec {line}", cwd=self.work, stdout=subprocess.DEVNULL, stderr=err))
        said = lambda: (self.work / "err").read_text()
        wait_until(lambda: "running" in said() or process.poll() is not None, 10)
        return process, said

    def test_examples(self):
        captures.write(self.work / "in.pcap", [bytes([2] * 12 + [8, 0]) + bytes(60)] * 3)
        (self.work / "pipeline.cleanq").write_text(ECHO)
        count = 0
        for words in ((), ("run",), ("echo",), ("forward",), ("capture",), ("check",), ("stages",)):
            ns = self.namespace("h")
            for line in self.examples(*words):
                with self.subTest(line):
                    if line.startswith("cleanq capture") and "tap0" not in ns.links():
                        ns.make_tap()  # as the help of capture says
                    process, said = self.start(ns, line)
                    if line.startswith("ip tuntap"):
                        ns.keeps.add("tap0")
                    if process.poll() is None:
                        process.send_signal(signal.SIGINT)
                    self.assertEqual(process.wait(10), 0, f"{line}: {said()}")
                    count += 1
        self.assertGreater(count, 20)

    def test_first_example(self):
        line = self.examples()[0]
        process, said = self.start(self.ns, line)
        self.assertIsNone(process.poll(), said())
        self.assertEqual(ping(self.ns, 3), (3, 3))
        reap(process)
        self.assertTrue(wait_until(lambda: "tap0" not in self.ns.links(), 5))


class Changes(Devices):
    """What happens to a device while it runs is counted, and said in a line with what to do."""

    def said(self, daemon, pattern, seconds=5):
        self.assertTrue(wait_until(lambda: re.search(pattern, daemon.stderr()), seconds), f"{pattern}: {daemon.stderr()}")

    def test_mtu_is_adopted_where_buffers_allow(self):
        daemon = self.daemon(self.ns, "run", f"tap(tap0, address: {KERNEL}/24) | ip({STACK}/24) | udp(7) | echo")
        self.ns.ip("link", "set", "tap0", "mtu", "1900")
        self.said(daemon, r"notice.*tap\(tap0\): .*MTU.* 1900")
        self.assertEqual(ping(self.ns, 3, STACK, 0.05, "-s", "1400"), (3, 3))
        self.ns.ip("link", "set", "tap0", "mtu", "9000")
        self.said(daemon, r"warning.*tap\(tap0\): .*MTU.* 9000.*(set|start)")
        summary = daemon.stop().check(self)
        self.assertEqual(summary.stage("tap")["counters"]["mtu-changes"], 2)

    def test_frames_of_a_raised_mtu_pass(self):
        daemon = self.daemon(self.ns, "run", f'tap(tap0, address: {KERNEL}/24) | pcap("{self.work}/f.pcap") | discard')
        self.ns.ip("link", "set", "tap0", "mtu", "1900")
        self.said(daemon, r"MTU.* 1900")
        self.ns.ip("neigh", "add", STACK, "lladdr", "02:00:00:00:00:02", "dev", "tap0")
        with self.ns.udp() as s:
            for _ in range(5):
                s.send(bytes(1872))
        time.sleep(0.3)
        summary = daemon.stop().check(self)
        self.assertEqual(summary.drops, {})
        self.assertEqual(max(len(r.data) for r in captures.read(self.work / "f.pcap").records), 1914)

    def test_link_down_and_up(self):
        daemon = self.daemon(self.ns, "run", ECHO)
        self.ns.ip("link", "set", "tap0", "down")
        self.said(daemon, r"warning.*tap\(tap0\): .*down.*ip link set tap0 up")
        self.ns.ip("link", "set", "tap0", "up")
        self.said(daemon, r"notice.*tap\(tap0\): .*up again")
        echoes(self, self.ns)
        self.assertEqual(daemon.stop().check(self).stage("tap")["counters"]["link-downs"], 1)

    def test_drops_of_the_kernel(self):
        """While the process stands still, the queue of the device fills."""
        daemon = self.daemon(self.ns, "run", f"tap(tap0, address: {KERNEL}/24) | discard")
        self.ns.ip("neigh", "add", STACK, "lladdr", "02:00:00:00:00:02", "dev", "tap0")
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        with self.ns.udp() as s:
            for _ in range(3000):
                s.send(b"x")
        dropped = self.ns.kernel_drops()["tap tx"]
        daemon.process.send_signal(signal.SIGCONT)
        self.assertGreater(dropped, 0)
        self.said(daemon, r"warning.*tap\(tap0\): the kernel dropped \d+ .*txqueuelen")
        self.assertEqual(daemon.stop().check(self).stage("tap")["counters"]["kernel-drops"], dropped)

    def test_frames_too_long_for_the_other_side(self):
        for name in ("tap0", "tap1"):
            self.ns.make_tap(name)
        self.ns.ip("link", "set", "tap1", "mtu", "1000")
        daemon = self.daemon(self.ns, "forward", "tap0", "tap1")
        self.ns.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
        self.ns.ip("neigh", "add", STACK, "lladdr", "02:00:00:00:00:02", "dev", "tap0")
        with self.ns.udp() as s:
            for _ in range(20):
                s.send(bytes(1400))
        self.said(daemon, r"warning.*tap\(tap1\): dropped \d+ .*longer than .* 1000.*ip link set tap1 mtu 1428")
        time.sleep(1.2)
        self.assertLessEqual(daemon.stderr().count("tap(tap1): dropped"), 4)
        self.assertEqual(daemon.stop().check(self).stages[-1]["drops"]["oversize"], 20)


if __name__ == "__main__":
    unittest.main()
