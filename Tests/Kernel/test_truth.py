"""A capture tells the truth: it holds exactly the frames that a tcpdump beside it saw."""

import unittest

import captures
from captures import Tcpdump
from traffic import ping
from wire import B, MACS, MEGABYTE, Wire


class Truth(Wire):
    """The capture against a tcpdump that ran beside it."""

    def compare(self, theirs):
        ours = captures.read(self.capture).records
        source = lambda data: data[6:12].hex(":")
        for tag in MACS:
            mine, other = ([r.data for r in records if source(r.data) == MACS[tag]] for records in (ours, theirs))
            self.assert_frames(mine, other, f"frames from {tag}")
        self.assertEqual({source(r.data) for r in ours}, set(MACS.values()))
        self.assertEqual(captures.count(self.capture), len(theirs))
        self.assertTrue(all(r.length == len(r.data) for r in ours))
        self.note(f"{len(ours)} frames the same")

    def test_everything(self):
        daemon = self.join()
        dump = Tcpdump(self, self.a, "tap0", self.work / "a.pcap")
        self.assertEqual(ping(self.a, 50, B), (50, 50))
        self.ipv6()
        self.tagged("b", 50)
        self.tagged("a", 50)
        self.datagrams(200)
        self.assertEqual(ping(self.b, 5, "fd00::a", 0.01, "-6"), (5, 5))
        self.transfer(2 * MEGABYTE)
        self.silence()
        theirs = dump.stop()
        daemon.stop().check(self)
        self.compare(theirs)

    def test_same_filter(self):
        for words in ("icmp or arp", "udp and greater 500", "not ip6 and not tcp"):
            with self.subTest(filter=words):
                daemon = self.join("run", f'tap(tap0) | pcap("{self.work}/f.pcap", filter: "{words}") | tap(tap1)')
                dump = Tcpdump(self, self.a, "tap0", self.work / "a.pcap", words)
                self.assertEqual(ping(self.a, 20, B), (20, 20))
                self.datagrams(50)
                self.transfer(MEGABYTE)
                self.silence()
                theirs = dump.stop()
                daemon.stop().check(self)
                self.compare(theirs)
            self.again()


if __name__ == "__main__":
    unittest.main()
