"""Captures as input: times and lengths are kept, links other than Ethernet are turned into it, and what cannot be read says why."""

import gzip
import struct
import subprocess

import captures
from harness import CLEANQ, STACK, Case, Summary, command, wait_until
from traffic import ping

NULL, RAW, LOOP, SLL, SLL2, WIFI = 0, 101, 108, 113, 276, 105


def capture(path, records, link, snaplen=262144):
    """Writes (seconds, nanoseconds, length on the wire, bytes)."""
    out = [struct.pack("<IHHiIII", captures.NANO, 2, 4, 0, 0, snaplen, link)]
    for seconds, nanoseconds, length, data in records:
        out.append(struct.pack("<IIII", seconds, nanoseconds, len(data), length) + data)
    path.write_bytes(b"".join(out))
    return path


def udp(payload, source="10.0.0.1", destination=STACK):
    """An IPv4 packet without checksum of the datagram."""
    from scapy.all import IP, UDP, Raw
    return bytes(IP(src=source, dst=destination) / UDP(sport=4000, dport=9, chksum=0) / Raw(payload))


class Replay(Case):
    def run_cleanq(self, text, status=0, **options):
        done = subprocess.run([CLEANQ, "run", "--json", text], capture_output=True, text=True, timeout=30, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        return Summary(done.stdout, done.stderr).check(self) if status == 0 else done.stderr

    def test_times_and_lengths_are_kept(self):
        frames = [self.random.randbytes(n) for n in (60, 1514, 96, 64)]
        records = [(1_000_000_000 + i, 123_456_789 + i, len(frame) + (1400 if i == 2 else 0), frame) for i, frame in enumerate(frames)]
        source, copy = capture(self.work / "a.pcap", records, captures.ETHERNET), self.work / "b.pcap"
        self.run_cleanq(f"pcap({source}, read) | pcap({copy}, precision: nano) | discard")
        got = captures.read(copy).records
        self.assertEqual([(int(r.seconds), r.fraction, r.length, r.data) for r in got], records)

    def test_a_filter_sees_the_length_that_was(self):
        records = [(1, 0, 1500, bytes(60)), (2, 0, 60, bytes(60))]
        source, copy = capture(self.work / "a.pcap", records, captures.ETHERNET), self.work / "b.pcap"
        self.run_cleanq(f'pcap({source}, read, filter: "greater 1000") | pcap({copy}) | discard')
        self.assertEqual([r.length for r in captures.read(copy).records], [1500])

    def test_what_was_cut_is_not_sent(self):
        ns = self.namespace()
        ns.make_tap()
        ns.ip("link", "set", "tap0", "up")
        frame = bytes(6 * [0xFF]) + bytes.fromhex("020000000009") + b"\x88\xb5" + self.random.randbytes(46)
        records = [(1, 0, 60, frame), (2, 0, 1514, frame), (3, 0, 60, frame)]
        source, copy = capture(self.work / "a.pcap", records, captures.ETHERNET), self.work / "b.pcap"
        before = ns.links()["tap0"]["stats64"]["rx"]["packets"]
        done = ns.run(CLEANQ, "run", "--json", f"pcap({source}, read) | pcap({copy}) | tap(tap0)", timeout=30)
        summary = Summary(done.stdout, done.stderr).check(self)
        self.assertEqual(summary.stage("tap")["drops"].get("truncated"), 1, summary.stages)
        self.assertEqual(ns.links()["tap0"]["stats64"]["rx"]["packets"] - before, 2)
        self.assertEqual([r.length for r in captures.read(copy).records], [60, 1514, 60])

    def linked(self, link, front, packets):
        """What comes of packets behind something that is no Ethernet header."""
        records = [(i + 1, 0, len(front) + len(p), front + p) for i, p in enumerate(packets)]
        source, copy = capture(self.work / f"{link}.pcap", records, link), self.work / f"{link}-out.pcap"
        summary = self.run_cleanq(f"pcap({source}, read) | pcap({copy}) | discard")
        return summary, [r.data for r in captures.read(copy).records]

    def test_other_links_become_ethernet(self):
        packets = [udp(self.random.randbytes(n)) for n in (1, 100, 1400)]
        mac = bytes.fromhex("020000000009")
        cooked = struct.pack(">HHH", 0, 1, 6) + mac + b"\0\0" + b"\x08\x00"
        cooked2 = b"\x08\x00\0\0" + struct.pack(">IHBB", 3, 1, 0, 6) + mac + b"\0\0"
        for link, front in {RAW: b"", NULL: b"\2\0\0\0", LOOP: b"\0\0\0\2", SLL: cooked, SLL2: cooked2}.items():
            with self.subTest(link=link):
                _, frames = self.linked(link, front, packets)
                sender = mac if link in (SLL, SLL2) else bytes.fromhex("02000a000001")
                self.assert_frames(frames, [bytes.fromhex("02000a000002") + sender + b"\x08\x00" + p for p in packets])
                # The stack takes them, since they are for its address.
                summary = self.run_cleanq(f"pcap({self.work / f'{link}.pcap'}, read) | ip({STACK}/24) | udp(9) | discard")
                self.assertEqual(summary.stage("udp")["received"]["packets"], 3, summary.stages)

    def test_what_is_no_frame_is_counted(self):
        netlink = struct.pack(">HHH", 4, 824, 0) + bytes(8) + b"\0\0"
        summary, frames = self.linked(SLL, netlink, [bytes(40)])
        self.assertEqual((summary.stages[0]["drops"].get("no-frame"), frames), (1, []))
        summary, frames = self.linked(RAW, b"", [bytes(20)])
        self.assertEqual((summary.stages[0]["drops"].get("no-frame"), frames), (1, []))

    def test_a_capture_of_any_that_tcpdump_made(self):
        ns = self.namespace()
        path = self.work / "any.pcap"
        dump = self.child(ns.spawn("tcpdump", "-i", "any", "-U", "-w", path, "icmp", stderr=subprocess.DEVNULL))
        self.assertTrue(wait_until(lambda: path.exists() and path.stat().st_size >= 24, 10))
        ping(ns, 5, "127.0.0.1")
        wait_until(lambda: path.stat().st_size > 24 + 10 * 100)
        dump.terminate()
        dump.wait(10)
        summary = self.run_cleanq(f'pcap({path}, read, filter: "icmp") | count | discard')
        self.assertEqual(summary.stage("count")["received"]["packets"], captures.count(path))

    def test_what_to_do_is_said(self):
        plain = capture(self.work / "plain.pcap", [(1, 0, 60, bytes(60))], captures.ETHERNET)
        packed = self.work / "packed.pcap.gz"
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        self.assertIn("zcat", self.run_cleanq(f"pcap({packed}, read) | discard", status=1))
        done = subprocess.run(f"zcat {packed} | {CLEANQ} run --json 'pcap(-, read) | count | discard'", shell=True,
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(Summary(done.stdout, done.stderr).stage("count")["received"]["packets"], 1)
        wifi = capture(self.work / "wifi.pcap", [(1, 0, 60, bytes(60))], WIFI)
        self.assertIn("Ethernet", self.run_cleanq(f"pcap({wifi}, read) | discard", status=1))
        long = capture(self.work / "long.pcap", [(1, 0, 70_000, bytes(70_000)), (2, 0, 60, bytes(60))], captures.ETHERNET)
        summary = self.run_cleanq(f"pcap({long}, read) | count | discard")
        self.assertEqual(summary.stages[0]["drops"].get("oversize"), 1)
        self.assertIn("editcap -s", summary.stderr)
        self.assertEqual(summary.stage("count")["received"]["packets"], 1)

    def test_two_interfaces(self):
        """pcapng with interfaces of two links: libpcap reads the first one's, and says what to do for the other."""
        plain = capture(self.work / "plain.pcap", [(1, 0, 60, bytes(60))], captures.ETHERNET)
        raw = capture(self.work / "raw.pcap", [(2, 0, 60, udp(bytes(32)))], RAW)
        both = self.work / "both.pcapng"
        command("mergecap", "-F", "pcapng", "-w", both, plain, raw)
        self.assertIn("tshark", self.run_cleanq(f"pcap({both}, read) | discard", status=1))
