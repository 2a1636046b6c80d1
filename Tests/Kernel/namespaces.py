"""Network namespaces, entered by thread, and a watcher of what crosses an interface."""

import atexit
import contextlib
import ctypes
import errno
import itertools
import json
import os
import socket
from pathlib import Path

from processes import command, libc, spawn, wait_until

STACK = "10.0.0.2"
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE, PACKET_OUTGOING, ETH_P_ALL = 33, 4, 3

home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
namespaces, numbers = [], itertools.count()


class Namespace:
    """A network namespace with `lo` up; IPv6 is off unless asked for, so that the kernel sends nothing by itself."""

    def __init__(self, tag, ipv6=False):
        self.name = f"cq{os.getpid()}-{next(numbers)}-{tag}"
        self.keeps = {"lo"}  # interfaces that may still be there when the test ends
        command("ip", "netns", "add", self.name)
        namespaces.append(self)
        self.handle = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        self.ipv6("default", ipv6)
        self.ipv6("all", ipv6)
        self.ip("link", "set", "lo", "up")

    @contextlib.contextmanager
    def entered(self):
        """This thread is inside for the duration; a socket made here belongs to the namespace for life."""
        if libc.setns(self.handle, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {self.name}")
        try:
            yield self
        finally:
            libc.setns(home, CLONE_NEWNET)

    def ipv6(self, interface, on):
        with self.entered():
            path = Path(f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6")
            if path.exists():
                path.write_text("0" if on else "1")

    def socket(self, *arguments):
        with self.entered():
            return socket.socket(*arguments)

    def udp(self, port=7, peer=STACK, timeout=2.0):
        """A UDP socket connected to the stack."""
        s = self.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((peer, port))
        s.settimeout(timeout)
        return s

    def run(self, *argv, **options):
        return command("ip", "netns", "exec", self.name, *argv, **options)

    def spawn(self, *argv, **options):
        return spawn(["ip", "netns", "exec", self.name, *argv], **options)

    def ip(self, *arguments):
        return command("ip", "-n", self.name, *arguments).stdout

    def make_tap(self, name="tap0", owner=None):
        """A persistent TAP that was there before the daemon, and stays when it goes."""
        self.ip("tuntap", "add", "mode", "tap", "name", name, *(() if owner is None else ("user", str(owner))))
        self.keeps.add(name)

    def links(self):
        listed = json.loads(command("ip", "-n", self.name, "-j", "-s", "-s", "link", "show").stdout or "[]")
        return {link["ifname"]: link for link in listed}

    def mac(self, interface="tap0"):
        return self.links()[interface]["address"]

    def kernel_drops(self, interface="tap0"):
        """What the kernel itself says it lost between the two sockets."""
        stats = self.links()[interface]["stats64"]
        return {"tap tx": stats["tx"]["dropped"], "tap rx": stats["rx"]["dropped"], "socket": self.snmp("Udp", "RcvbufErrors")}

    def snmp(self, protocol, name):
        with self.entered():
            lines = Path("/proc/thread-self/net/snmp").read_text().splitlines()
        names, values = [line.split()[1:] for line in lines if line.startswith(protocol + ":")]
        return int(dict(zip(names, values))[name])

    def processes(self):
        return command("ip", "netns", "pids", self.name).stdout.split()

    def close(self):
        """Removes the namespace; says which processes and interfaces were still in it."""
        if self not in namespaces:
            return []
        namespaces.remove(self)
        try:
            left = lambda: [f"process {p}" for p in self.processes()] + [
                f"interface {name}" for name in self.links() if name not in self.keeps]
            wait_until(lambda: not left())
            return [f"{self.name}: {what}" for what in left()]
        finally:
            os.close(self.handle)
            command("ip", "netns", "del", self.name, check=False)


class Sniffer:
    """Every frame that crosses an interface, kept in a large socket buffer until it is read."""

    def __init__(self, ns, interface="tap0"):
        with ns.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
            with contextlib.suppress(PermissionError):
                self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
            self.socket.bind((interface, ETH_P_ALL))
            self.socket.setblocking(False)

    def frames(self):
        """(to_daemon, from_daemon), in order, since the last call."""
        sent, received = [], []
        for _ in range(1_000_000):
            try:
                data, address = self.socket.recvfrom(65535)
            except BlockingIOError:
                break
            except OSError as error:  # said once when the link went down
                if error.errno != errno.ENETDOWN:
                    raise
                continue
            (sent if address[2] == PACKET_OUTGOING else received).append(data)
        return sent, received


@atexit.register
def delete_all():
    for ns in list(namespaces):
        command("ip", "netns", "del", ns.name, check=False)
