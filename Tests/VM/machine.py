"""Virtual machines: what devices they have, and how one is started and judged.

Hubs, each with a NIC that the guest's kernel drives and one that we drive; a NIC for each kind of refusal; one that can be pulled
out. NICs with several queue pairs need TAP devices with as many queues, and a bridge: those are in a network namespace without a
name, which goes with the machine. The addresses are the same in every machine, so the tests can name them. The second serial
line of a guest leads to the monitor of its own QEMU.
"""

import ctypes
import os
import signal
import subprocess
import time

SECONDS = 300

PREFIX = "02:00:00:00:00:"


def network(hub, place, mac, extra="", kind="virtio-net-pci"):
    name = f"n{place.replace('.', '-')}"
    return ["-netdev", f"hubport,id={name},hubid={hub}", "-device",
            f"{kind},netdev={name},addr={place},mac={PREFIX}{mac}{extra}"]


MODERN = ",disable-legacy=on,iommu_platform=on"

# The kernel's NICs, and ours on the same hubs: with split rings, with split rings, with packed ones.
PAIRS = (network(0, "10.0", "01", MODERN) + network(1, "11.0", "02", MODERN) + network(2, "12.0", "03", MODERN)
         + network(0, "4.0", "11", MODERN) + network(1, "5.0", "12", MODERN) + network(2, "c.0", "13", MODERN + ",packed=on"))

# What is refused: legacy only; bypassing the IOMMU; two functions in one group; another's NIC.
REFUSED = (network(3, "6.0", "21", ",disable-legacy=off,disable-modern=on") + network(3, "7.0", "22", ",disable-legacy=on")
           + network(3, "8.0", "23", MODERN + ",multifunction=on") + network(3, "8.1", "24", MODERN)
           + network(3, "9.0", "25", kind="e1000e"))

# One that can be pulled out of its slot, and put back, and the kernel's on its hub.
PLUGGED = (network(4, "13.0", "04", MODERN) + ["-device", "pcie-root-port,id=outlet,chassis=1,addr=a.0"]
           + ["-netdev", "hubport,id=plugged,hubid=4", "-device",
              f"virtio-net-pci,id=card,bus=outlet,netdev=plugged,mac={PREFIX}14{MODERN}"])

# Two queue pairs, without and with receive-side scaling, and the kernel's NIC on their bridge.
TAPS = {"10.0": ("vm-k", "01", 1, ""), "e.0": ("vm-mq", "15", 2, ",mq=on"), "f.0": ("vm-rss", "16", 2, ",mq=on,rss=on")}
QUEUES = [word for place, (tap, mac, queues, extra) in TAPS.items() for word in (
    "-netdev", f"tap,id={tap},ifname={tap},script=no,downscript=no,vhost=off" + (f",queues={queues}" if queues > 1 else ""),
    "-device", f"virtio-net-pci,netdev={tap},addr={place},mac={PREFIX}{mac}{MODERN}{extra}")]

MACHINES = {"traffic": PAIRS, "control": PAIRS + REFUSED + PLUGGED, "queues": QUEUES,
            "no-iommu": network(0, "4.0", "11", ",disable-legacy=on")}

# What runs QEMU in a namespace with the bridge in it.
BRIDGE = "\n".join(
    ["set -e", "for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 >$f; done",  # nobody speaks unasked
     "ip link add vm-br type bridge mcast_snooping 0", "ip link set vm-br up"]
    + [f"ip tuntap add {tap} mode tap{' multi_queue' if queues > 1 else ''}; ip link set {tap} master vm-br up"
       for tap, _, queues, _ in TAPS.values()] + ['exec "$@"'])
NAMESPACES = {"queues": ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--net", "sh", "-c", BRIDGE, "sh"]}


def why_not(machine):
    """Why this machine cannot be had here; None where it can."""
    if machine not in NAMESPACES:
        return None
    done = subprocess.run([*NAMESPACES[machine], "true"], capture_output=True, text=True)
    return None if done.returncode == 0 else "no namespace with a bridge and TAP devices: " + " ".join(done.stderr.split())


def command_line(machine, vmlinux, initrd):
    iommu = [] if machine == "no-iommu" else ["-device", "intel-iommu,intremap=on"]
    # no_timer_check: on a busy host an emulated timer may tick too late for the kernel's trial, which then ends in a panic.
    options = "console=ttyS0 quiet panic=-1 no_timer_check mitigations=off init_on_alloc=0 random.trust_cpu=on" + (" intel_iommu=on" if iommu else "")
    monitor = f"cleanq-vm-{os.getpid()}-{machine},abstract=on"
    return [
        *NAMESPACES.get(machine, []), "qemu-system-x86_64", "-M", "q35,kernel-irqchip=off", *iommu, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2",
        "-m", "640", "-display", "none", "-vga", "none", "-nodefaults", "-serial", "stdio", "-monitor", "none", "-no-reboot",
        "-chardev", f"socket,id=monitor,path={monitor},server=on,wait=off", "-mon", "chardev=monitor,mode=control",
        "-chardev", f"socket,id=line,path={monitor}", "-serial", "chardev:line",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-kernel", str(vmlinux), "-initrd", str(initrd),
        "-append", options, "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device", "virtio-9p-pci,fsdev=host,mount_tag=host,addr=3.0", *MACHINES[machine]]


def boot(machine, vmlinux, initrd, seconds=SECONDS):
    """(what the guest said, QEMU's exit status or None where the time was over, how many seconds it took)."""
    def die_with_parent():
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)

    begun = time.monotonic()
    guest = subprocess.Popen(command_line(machine, vmlinux, initrd), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
    try:
        said, _ = guest.communicate(timeout=seconds)
        status = guest.returncode
    except subprocess.TimeoutExpired:
        guest.kill()
        said, _ = guest.communicate()
        status = None
    except BaseException:
        guest.kill()
        guest.wait()
        raise
    return said.decode(errors="replace").replace("\r", ""), status, time.monotonic() - begun


def exit_status(failures):
    """What QEMU ends with when the guest wrote `failures + 1` to the port. Source: QEMU hw/misc/debugexit.c."""
    return 2 * (min(failures, 100) + 1) + 1 & 0xFF


def leave(failures):
    """In the guest: ends the machine with a verdict."""
    port = os.open("/dev/port", os.O_WRONLY)
    os.lseek(port, 0xF4, os.SEEK_SET)
    os.write(port, bytes([min(failures, 100) + 1]))
