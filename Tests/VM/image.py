"""A kernel and an initial file system for the guest, made from Debian's packages and kept in .build/vm.

The kernel is the one that linux-image-amd64 stands for: downloaded and unpacked, nothing is installed. Its image is
unpacked to an ELF file once, which saves two seconds a boot. The initial file system is busybox, the modules in the order in
which they need each other, and a script that mounts the host's root, read-only, and goes there.
"""

import lzma
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".build" / "vm"

# What the guest loads; what each of these depends on is found out.
MODULES = ["virtio_pci", "9pnet_virtio", "9p", "vfio-pci", "vfio_iommu_type1", "virtio_net", "e1000e", "tun"]

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module.ko || echo "insmod $module failed"; done
ip link set lo up
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 host /host || echo "no host"
mount --bind /proc /host/proc
mount --bind /sys /host/sys
mount --bind /dev /host/dev
mount -t tmpfs run /host/run
mkdir -p /host/run/netns
read -r command < /command
chroot /host /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run TMPDIR=/run sh -c "$command"
poweroff -f
"""


class Unavailable(Exception):
    """Why there is no guest on this machine."""


def kernel():
    """(vmlinux, folder of modules), downloaded where they are not there yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    ready = CACHE / "vmlinux"
    trees = sorted((CACHE / "tree/lib/modules").glob("*")) if (CACHE / "tree").exists() else []
    if not (ready.exists() and trees):
        name = package()
        for old in CACHE.glob("linux-image*.deb"):
            old.unlink()
        run("apt-get", "download", name, cwd=CACHE)
        archive = next(CACHE.glob("linux-image*.deb"), None)
        if archive is None:
            raise Unavailable(f"apt-get did not download {name}")
        shutil.rmtree(CACHE / "tree", ignore_errors=True)
        run("dpkg-deb", "-x", archive, CACHE / "tree")
        archive.unlink()
        trees = sorted((CACHE / "tree/lib/modules").glob("*"))
        partial = CACHE / "vmlinux.new"
        partial.write_bytes(unpacked(next((CACHE / "tree/boot").glob("vmlinuz-*")).read_bytes()))
        partial.rename(ready)
    return ready, trees[-1]


def package():
    shown = run("apt-cache", "depends", "linux-image-amd64")
    found = re.search(r"Depends: (linux-image-\S+)", shown)
    if not found:
        raise Unavailable("apt knows no kernel package (linux-image-amd64)")
    return found[1]


def run(*argv, **options):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=120, **options)
    if done.returncode != 0:
        raise Unavailable(f"{argv[0]} {argv[1]}: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def unpacked(image):
    """The ELF file inside a bzImage that is compressed with xz."""
    start = image.find(b"\xfd7zXZ\x00")
    if start < 0:
        raise Unavailable("the kernel image is not compressed with xz")
    return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(image[start:])


def module_files(tree):
    return {path.name.removesuffix(".ko").replace("-", "_"): path for path in tree.rglob("*.ko")}


def ordered(names, files):
    """Every module that is needed, each after those that it depends on."""
    order = []

    def need(name):
        name = name.replace("-", "_")
        if name in order:
            return
        if name not in files:
            raise Unavailable(f"the kernel has no module {name}")
        for other in depends(files[name]):
            need(other)
        order.append(name)

    for name in names:
        need(name)
    return order


def depends(path):
    found = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
    return [n for n in found[1].decode().split(",") if n] if found else []


def initial_file_system(tree, command):
    """The bytes of a cpio archive, in the kernel's "newc" format."""
    busybox = shutil.which("busybox")
    if not busybox:
        raise Unavailable("no busybox (apt-get install busybox-static)")
    files = module_files(tree)
    order = ordered(MODULES, files)
    entries = [(name, 0o040755, b"") for name in ("bin", "proc", "sys", "dev", "host", "modules")]
    entries.append(("bin/busybox", 0o100755, Path(busybox).read_bytes()))
    entries.append(("init", 0o100755, INIT.encode()))
    entries.append(("command", 0o100644, command.encode() + b"\n"))
    entries.append(("modules/order", 0o100644, "\n".join(order).encode()))
    entries += [(f"modules/{name}.ko", 0o100644, files[name].read_bytes()) for name in order]
    return b"".join(record(i, *entry) for i, entry in enumerate(entries)) + record(0, "TRAILER!!!", 0, b"")


def record(number, name, mode, content):
    """Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst."""
    fields = [number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    header = b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
    header += b"\0" * (-len(header) % 4)
    return header + content + b"\0" * (-len(content) % 4)


def check_host():
    """Says what is missing, where something is."""
    if os.uname().machine != "x86_64":
        raise Unavailable("the guest is an x86-64 machine, emulated on one")
    if not shutil.which("qemu-system-x86_64"):
        raise Unavailable("no QEMU (apt-get install qemu-system-x86)")
    if not Path("/usr/bin/python3").exists():
        raise Unavailable("no /usr/bin/python3 for the guest (apt-get install python3-minimal)")
