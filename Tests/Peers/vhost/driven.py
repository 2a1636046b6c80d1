"""A back end in Python with a driver on it: how a test starts the two, and what holds at the end of all of them."""

from backend import GUEST_CHECKSUM, PROTOCOL_FEATURES, RING_PACKED, VERSION_1
from rig import CLEANQ, Case

PLAIN = VERSION_1 | RING_PACKED | GUEST_CHECKSUM | PROTOCOL_FEATURES
FRAME = bytes(12) + b"\x88\xb5" + bytes(range(50))


class Driven(Case):
    """The driver is `self.driver`. Split rings, unless a class says otherwise."""

    packed = False

    def drive(self, devices, text, command=()):
        """Runs a pipeline, and waits until every back end has its rings."""
        self.driver = self.child(*command, CLEANQ, "run", "--json", "--log-level", "info", text)
        for device in devices:
            self.assertTrue(device.ready(), f"no driver; it said {self.driver.said()[1]}")

    def stage(self, device, *options):
        """The stage on a back end."""
        options = "".join(f", {option}" for option in options)
        return f"vhost-user({device.path}, packed: {'yes' if self.packed else 'no'}{options})"

    def settle(self, *kinds, seconds=15):
        """An orderly end, no byte missing, each kind counted: the summary, and what its first stage counted."""
        summary = self.driver.end(seconds)
        stage = summary["stages"][0]
        counted = {**stage["drops"], **stage["counters"]}
        for kind in kinds:
            self.assertGreater(counted.get(kind, 0), 0, f"{kind} is not counted: {counted}")
        self.assertEqual(summary["accounts"]["lostBytes"], 0)
        self.assertTrue(summary["accounts"]["exact"])
        return summary, counted
