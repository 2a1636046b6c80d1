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


def load(bench, namespace, server, *options):
    """The client on its own CPU against whatever echoes: what it found. A wrong byte is no measurement."""
    try:
        found = run_json(namespace.command(bench.peer("udp_load"), "--address", ECHO, "--port", PORT,
                                           "--cpu", bench.cpus[-1], "--size", bench.size, "--window", bench.window,
                                           "--seconds", bench.seconds, "--wait", "10", *options))
    except Failure as failure:
        raise Failure(f"{failure}; {server.label} said: {last_lines(server.output())}") from None
    if found["wrong"] > 0:
        raise Failure(f"{found['wrong']} of {found['received']} echoes came back wrong")
    if found["lost"] > 0:
        bench.warn(f"{server.label}: {found['lost']} of {found['sent']} datagrams lost")
    bench.detail("clientBusy", found["busy"])
    return found


def echoes_per_second(bench, namespace, server):
    return float(load(bench, namespace, server)["value"])


def ours(offload):
    """`cleanq run` with a TAP device of its own; the kernel finds it by ARP."""
    def measure(bench):
        text = (f"tap(tap0, address: {KERNEL}{PREFIX}, offload: {offload})@{bench.cpus[0]} | ip({ECHO}{PREFIX}) "
                f"| udp({PORT}) | echo")
        with Namespace() as namespace:
            with Server("cleanq", namespace.command(bench.cleanq, "run", text)) as server:
                server.wait_until(lambda: namespace.routes_to(ECHO), "TAP device with an address")
                value = echoes_per_second(bench, namespace, server)
            if server.exit_code != 0:
                bench.warn(f"cleanq ended with {server.exit_code} after SIGTERM, not 0")
        return value
    return measure


def sweep_runtime_folders():
    """Removes what DPDK leaves for this process, and for earlier ones of ours that were killed."""
    own = os.environ.get("XDG_RUNTIME_DIR", "/tmp")
    for folder in glob.glob(f"/run/dpdk/{RUNTIME_PREFIX}*") + glob.glob(f"{own}/dpdk/{RUNTIME_PREFIX}*"):
        process = folder.rsplit("-", 1)[1]
        if process == str(os.getpid()) or not os.path.exists(f"/proc/{process}"):
            shutil.rmtree(folder, ignore_errors=True)


def file_prefix():
    """What DPDK's processes of this run find each other by."""
    return f"{RUNTIME_PREFIX}{os.getpid()}"


@contextlib.contextmanager
def testpmd(bench, namespace, label, devices, mode, huge_folder=None):
    """DPDK's testpmd forwarding between or on devices of its own, from when it does to the end of the block.

    No hugepages: tried with and without, net_tap copies every frame by system call and is as fast either way. So nothing
    on the machine has to be reserved and given back. Only what shares its memory with another process needs them: in a
    mount namespace of its own, where `huge_folder` is their file system.
    """
    if os.geteuid() != 0:
        raise Failure(f"{label} runs as root only: DPDK wants to write to /run/dpdk")
    core = bench.cpus[0]
    memory = ["--no-huge"]
    mount = []
    if huge_folder:
        memory = [f"--huge-dir={huge_folder}"]
        mount = ["unshare", "--mount", "sh", "-c", 'mount -t hugetlbfs none "$0" && exec "$@"', huge_folder]
    command = namespace.command(
        *mount, "stdbuf", "-oL", "dpdk-testpmd", f"--lcores=0@{core},1@{core}", "--no-pci", *memory, "-m", "128",
        "--no-telemetry", f"--file-prefix={file_prefix()}",
        *(word for device in devices for word in ("--vdev", device)),
        "--", "--total-num-mbufs=16384", "--nb-cores=1", f"--forward-mode={mode}")
    try:
        # Without --interactive testpmd forwards until its standard input has something or ends.
        with Server(label, command) as server:
            server.wait_until(lambda: re.search("[Pp]ress enter", server.output()), "start of forwarding", step_seconds=0.001)
            yield server
    finally:
        sweep_runtime_folders()


def set_up(namespace):
    """The kernel's side of a device on which nobody answers ARP."""
    namespace.run("ip", "address", "add", KERNEL + PREFIX, "dev", "tap0")
    namespace.run("ip", "link", "set", "tap0", "up")
    namespace.run("ip", "neighbour", "replace", ECHO, "lladdr", ECHO_MAC, "dev", "tap0", "nud", "permanent")


def net_tap(bench):
    """testpmd on a TAP device. It answers no ARP, so the kernel gets a permanent neighbour."""
    with Namespace() as namespace:
        with testpmd(bench, namespace, "net_tap", ["net_tap0,iface=tap0"], "5tswap") as server:
            set_up(namespace)
            return echoes_per_second(bench, namespace, server)


def bare(*options):
    """tap_echo.c: io_uring on a TAP device with nothing above it, so the kernel gets a permanent neighbour as well."""
    def measure(bench):
        with Namespace() as namespace:
            command = namespace.command(bench.peer("tap_echo"), "--device", "tap0", "--cpu", bench.cpus[0], *options)
            with Server("tap_echo", command) as server:
                server.wait_until(lambda: "ready" in server.output(), "TAP device")
                set_up(namespace)
                return echoes_per_second(bench, namespace, server)
    return measure


def kernel(bench):
    """The kernel's own stack on the far side: recvmmsg/sendmmsg echo over a veth pair. A reference, not a TAP."""
    with Namespace() as near, Namespace(beside=near) as far:
        connect(near, far, "veth0", KERNEL + PREFIX, "veth1", ECHO + PREFIX)
        command = far.command(bench.peer("udp_echo"), "--address", ECHO, "--port", PORT, "--cpu", bench.cpus[0])
        with Server("udp_echo", command) as server:
            return echoes_per_second(bench, near, server)
