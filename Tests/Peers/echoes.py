"""UDP echo benchmarks: one client, one window, one namespace layout; only the program that echoes differs."""

import contextlib
import glob
import os
import re
import shutil

from namespace import Namespace, connect
from process import Failure, Server, last_lines, run_json

PORT = "7"
KERNEL, ECHO, PREFIX = "10.9.0.1", "10.9.0.2", "/24"
ECHO_MAC = "02:00:00:00:00:02"
RUNTIME_PREFIX = "cleanq-bench-"


def load(bench, namespace, server):
    """The client on its own CPU against whatever echoes: echoes per second. A wrong byte is no measurement."""
    try:
        found = run_json(namespace.command(bench.peer("udp_load"), "--address", ECHO, "--port", PORT,
                                           "--cpu", bench.cpus[-1], "--size", bench.size, "--window", bench.window,
                                           "--seconds", bench.seconds, "--wait", "10"))
    except Failure as failure:
        raise Failure(f"{failure}; {server.label} said: {last_lines(server.output())}") from None
    if found["wrong"] > 0:
        raise Failure(f"{found['wrong']} of {found['received']} echoes came back wrong")
    if found["lost"] > 0:
        bench.warn(f"{server.label}: {found['lost']} of {found['sent']} datagrams lost")
    return float(found["value"])


def ours(bench):
    """`cleanq run` with a TAP device of its own; the kernel finds it by ARP."""
    text = f"tap(tap0, address: {KERNEL}{PREFIX})@{bench.cpus[0]} | ip({ECHO}{PREFIX}) | udp({PORT}) | echo"
    with Namespace() as namespace:
        with Server("cleanq", namespace.command(bench.cleanq, "run", text)) as server:
            server.wait_until(lambda: namespace.routes_to(ECHO), "TAP device with an address")
            value = load(bench, namespace, server)
        if server.exit_code != 0:
            bench.warn(f"cleanq ended with {server.exit_code} after SIGTERM, not 0")
    return value


def sweep_runtime_folders():
    """Removes what DPDK leaves for this process, and for earlier ones of ours that were killed."""
    own = os.environ.get("XDG_RUNTIME_DIR", "/tmp")
    for folder in glob.glob(f"/run/dpdk/{RUNTIME_PREFIX}*") + glob.glob(f"{own}/dpdk/{RUNTIME_PREFIX}*"):
        process = folder.rsplit("-", 1)[1]
        if process == str(os.getpid()) or not os.path.exists(f"/proc/{process}"):
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def testpmd(bench, namespace, label, devices, mode):
    """DPDK's testpmd forwarding between or on devices of its own, from when it does to the end of the block.

    No hugepages: tried with and without, net_tap copies every frame by system call and is as fast either way. So nothing
    on the machine has to be reserved and given back.
    """
    if os.geteuid() != 0:
        raise Failure(f"{label} runs as root only: DPDK wants to write to /run/dpdk")
    core = bench.cpus[0]
    command = namespace.command(
        "stdbuf", "-oL", "dpdk-testpmd", f"--lcores=0@{core},1@{core}", "--no-pci", "--no-huge", "-m", "128",
        "--no-telemetry", f"--file-prefix={RUNTIME_PREFIX}{os.getpid()}",
        *(word for device in devices for word in ("--vdev", device)),
        "--", "--total-num-mbufs=16384", "--nb-cores=1", f"--forward-mode={mode}")
    try:
        # Without --interactive testpmd forwards until its standard input has something or ends.
        with Server(label, command) as server:
            server.wait_until(lambda: re.search("[Pp]ress enter", server.output()), "start of forwarding", step_seconds=0.001)
            yield server
    finally:
        sweep_runtime_folders()


def net_tap(bench):
    """testpmd on a TAP device. It answers no ARP, so the kernel gets a permanent neighbour."""
    with Namespace() as namespace:
        with testpmd(bench, namespace, "net_tap", ["net_tap0,iface=tap0"], "5tswap") as server:
            namespace.run("ip", "address", "add", KERNEL + PREFIX, "dev", "tap0")
            namespace.run("ip", "link", "set", "tap0", "up")
            namespace.run("ip", "neighbour", "replace", ECHO, "lladdr", ECHO_MAC, "dev", "tap0", "nud", "permanent")
            return load(bench, namespace, server)


def kernel(bench):
    """The kernel's own stack on the far side: recvmmsg/sendmmsg echo over a veth pair. A reference, not a TAP."""
    with Namespace() as near, Namespace(beside=near) as far:
        connect(near, far, "veth0", KERNEL + PREFIX, "veth1", ECHO + PREFIX)
        command = far.command(bench.peer("udp_echo"), "--address", ECHO, "--port", PORT, "--cpu", bench.cpus[0])
        with Server("udp_echo", command) as server:
            return load(bench, near, server)
