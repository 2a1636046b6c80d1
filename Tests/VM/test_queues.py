"""Two queue pairs of one NIC, each with an instance of the pipeline on a CPU of its own."""

from device import MULTIQUEUE, SCALING, StackCase, expect, interrupts, ping_all
from traffic import check_window, echo

FLOWS = 64


class Multiqueue(StackCase):
    """Which queue a flow arrives at is for the TAP device to choose: the one that it was sent from."""

    bound, device, arguments, mark, options = (MULTIQUEUE,), MULTIQUEUE, ", queues: 2", "@0,1", ("--log-level", "info")

    def test_features(self):
        agreed = next(line for line in self.running.stderr().splitlines() if "agreed on" in line)
        self.assertIn("NET_F_MQ", agreed)
        self.assertNotIn("NET_F_RSS", agreed)

    def test_flows_over_both_queues(self):
        before = [interrupts(self.device, vector) for vector in (1, 3)]
        for _ in range(FLOWS):
            with self.ns.udp(timeout=5.0) as s:
                for _ in range(3):
                    self.assertIsNone(echo(s, self.random.randbytes(200)))
        fired = [interrupts(self.device, vector) - old for vector, old in zip((1, 3), before)]
        self.note(f"receive queues' interrupts: {fired[0]} and {fired[1]} for {FLOWS} flows")
        self.assertGreater(min(fired), 0, "one queue received nothing")

    def test_many_at_once(self):
        sockets = [self.closing(self.ns.udp(timeout=5.0)) for _ in range(FLOWS)]
        sent = [self.random.randbytes(300) for _ in sockets]
        for s, content in zip(sockets, sent):
            s.send(content)
        for s, content in zip(sockets, sent):
            self.assertEqual(s.recv(2048), content)

    def test_window(self):
        check_window(self, self.ns, 3_000)

    def test_ping(self):
        self.assertEqual(ping_all(self.ns, 200), 200)


class Scaling(Multiqueue):
    """The device computes a hash over addresses and ports, and a table that it was given says which queue.

    What has no ports, answers to ARP among it, comes to the first queue, whichever copy asked.
    """

    bound, device = (SCALING,), SCALING

    def test_features(self):
        agreed = next(line for line in self.running.stderr().splitlines() if "agreed on" in line)
        self.assertIn("NET_F_RSS", agreed)

    @classmethod
    def finish(cls):
        """As elsewhere; but the TAP device may have kept a question that the class before sent from the same address."""
        drops = cls.running.stop().check(expect).drops
        drops.pop(("ip", "arp-address-conflict"), None)
        expect.assertEqual(drops, {})


class OneOfTwo(StackCase):
    bound, device = (MULTIQUEUE,), MULTIQUEUE

    def test_one_queue_pair_is_enough(self):
        for _ in range(8):
            with self.ns.udp(timeout=5.0) as s:
                self.assertIsNone(echo(s, b"one"))
