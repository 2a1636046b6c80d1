"""Network namespaces that leave nothing behind.

A namespace has no name in the file system: it lives as long as the process that holds it, a `cat` that ends when
this driver ends, even by SIGKILL. Interfaces in it go with it. Without root it comes with a user namespace of its own.
"""

import os
import subprocess
import time

from process import Failure, run


class Namespace:
    """`beside`: another namespace that this one is to be connected with; without root both need one owner."""

    def __init__(self, beside=None):
        self.beside = beside

    def __enter__(self):
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        hold = ["unshare", *user, "--net", "cat"]
        if self.beside:
            hold = self.beside.command("unshare", "--net", "cat")
        self.holder = subprocess.Popen(hold, stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.enter = ["nsenter", "--target", str(self.holder.pid), "--net"]
        if user:
            self.enter += ["--user", "--preserve-credentials"]
        try:
            self._await_unshare()
            self.run("ip", "link", "set", "lo", "up")
            # No router solicitations or duplicate address detection between the datagrams that are measured.
            self.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stderr.close()

    def _await_unshare(self):
        ours = os.readlink("/proc/self/ns/net")
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if self.holder.poll() is not None:
                raise Failure(f"cannot make a network namespace: {self.holder.stderr.read().decode().strip()}")
            try:
                command = open(f"/proc/{self.holder.pid}/comm").read().strip()
                if command == "cat" and os.readlink(f"/proc/{self.holder.pid}/ns/net") != ours:
                    return
            except OSError:
                pass
            time.sleep(0.005)
        raise Failure("cannot make a network namespace: unshare does not get ready")

    def command(self, *words):
        """`words` as a command inside the namespace; nsenter becomes it, so its process id is the command's."""
        return [*self.enter, "--", *map(str, words)]

    def run(self, *words):
        return run(self.command(*words))

    def routes_to(self, address):
        try:
            self.run("ip", "route", "get", address)
            return True
        except Failure:
            return False


def connect(left, right, left_name, left_address, right_name, right_address=None):
    """A veth pair between two namespaces, addressed and up; without an address the right end is for a bridge."""
    left.run("ip", "link", "add", left_name, "type", "veth", "peer", "name", right_name, "netns", right.holder.pid)
    left.run("ip", "address", "add", left_address, "dev", left_name)
    if right_address:
        right.run("ip", "address", "add", right_address, "dev", right_name)
    left.run("ip", "link", "set", left_name, "up")
    right.run("ip", "link", "set", right_name, "up")
