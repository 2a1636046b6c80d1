"""Forwarding between two Ethernet devices: a UDP client and the kernel's echo server, with only the forwarder between them.

The client and the server share one CPU, the forwarder has the other.
"""

from echoes import ECHO, KERNEL, PORT, PREFIX, echoes_per_second, testpmd
from namespace import Namespace, connect
from process import Server


def _load_through(bench, near, far, forwarder):
    """Echoes per second by way of whatever joins the two namespaces; their devices have addresses."""
    command = far.command(bench.peer("udp_echo"), "--address", ECHO, "--port", PORT, "--cpu", bench.cpus[-1])
    with Server("udp_echo", command) as server:
        return echoes_per_second(bench, near, forwarder or server)


def _hand_over(near, far, device):
    """Moves a device to the far side; whoever has it open keeps it."""
    near.run("ip", "link", "set", device, "netns", str(far.holder.pid))


def _address(namespace, device, address):
    namespace.run("ip", "address", "add", address + PREFIX, "dev", device)
    namespace.run("ip", "link", "set", device, "up")


def ours(offload):
    """`cleanq run` with two TAP devices."""
    def measure(bench):
        with Namespace() as near, Namespace(beside=near) as far:
            text = f"tap(tap0, offload: {offload})@{bench.cpus[0]} | tap(tap1, offload: {offload})"
            with Server("cleanq", near.command(bench.cleanq, "run", text)) as server:
                server.wait_until(lambda: "running" in server.output(), "start of the pipeline")
                _hand_over(near, far, "tap1")
                _address(near, "tap0", KERNEL)
                _address(far, "tap1", ECHO)
                value = _load_through(bench, near, far, server)
            if server.exit_code != 0:
                bench.warn(f"cleanq ended with {server.exit_code} after SIGTERM, not 0")
        return value
    return measure


def net_tap(bench):
    """testpmd between two TAP devices."""
    with Namespace() as near, Namespace(beside=near) as far:
        devices = ["net_tap0,iface=tap0", "net_tap1,iface=tap1"]
        with testpmd(bench, near, "net_tap", devices, "io") as server:
            _hand_over(near, far, "tap1")
            _address(near, "tap0", KERNEL)
            _address(far, "tap1", ECHO)
            return _load_through(bench, near, far, server)


def kernel(bench):
    """The kernel's bridge between two veth pairs: a reference, since no frame leaves the kernel."""
    with Namespace() as near, Namespace(beside=near) as middle, Namespace(beside=near) as far:
        for side, address, device in ((near, KERNEL, "left"), (far, ECHO, "right")):
            connect(side, middle, "veth0", address + PREFIX, device)
        middle.run("ip", "link", "add", "bridge0", "type", "bridge")
        middle.run("ip", "link", "set", "bridge0", "up")
        for device in ("left", "right"):
            middle.run("ip", "link", "set", device, "master", "bridge0")
        return _load_through(bench, near, far, None)
