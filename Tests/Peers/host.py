"""What the figures were taken on, and whether it was quiet enough to mean anything."""

import os
import platform
import time

from process import Failure, run, run_json

SPREAD_LIMIT = 0.10  # of a calibration loop
STEAL_LIMIT = 0.01  # of all CPU time
BUSY_LIMIT = 0.10  # of one CPU, by others, while we do nothing
BESIDE_LIMIT = 0.85  # what a CPU still does while another is busy
DRIFT_LIMIT = 0.05  # of a core's frequency, since the beginning


def _cpu_model():
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def _first_line(path):
    try:
        with open(path) as lines:
            return lines.readline().strip()
    except OSError:
        return "unknown"


def _has_flag(name):
    """Whether the processor says that it has a feature."""
    with open("/proc/cpuinfo") as lines:
        return any(name in line.split(":", 1)[1].split() for line in lines if line.startswith("flags"))


def _times():
    """(busy, steal, all) CPU time of the machine, in clock ticks."""
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    user, nice, system, idle, waiting, irq, softirq, steal = fields
    return user + nice + system + irq + softirq, steal, sum(fields)


class Watch:
    """Notices what disturbs a measurement: before it, and over the whole of it."""

    def __init__(self, calibrate, cpus):
        self.calibrate = calibrate
        self.cpus = sorted(set(cpus))
        self.start = _times()
        self.frequencies = {}  # CPU: what its core ran at in the beginning
        self.drifts = []  # (how far, where it was noticed)
        self.parts = []  # (what part of its work a CPU does beside a busy one, where it was noticed)
        self.warnings = []

    def look(self, when):
        """Measures the calibration loop on each CPU, and what others use of them."""
        before = _times()
        seconds = 0.5
        time.sleep(seconds)
        busy = (_times()[0] - before[0]) / os.sysconf("SC_CLK_TCK") / seconds
        if busy > BUSY_LIMIT:
            self.warnings.append(f"{when}: other processes use {busy:.0%} of a CPU "
                                 f"(load average {os.getloadavg()[0]:.2f})")
        found = {}
        for cpu in self.cpus:
            found = run_json([self.calibrate, "--cpu", str(cpu)])
            self._compare(when, cpu, found)
            if found["spread"] > SPREAD_LIMIT:
                self.warnings.append(f"{when}: a fixed loop on CPU {cpu} varies by {found['spread']:.0%}")
        return found

    def together(self, when):
        """What part of its work a CPU still does while another one is busy; None where there is only one CPU.

        A hypervisor may put two CPUs on one core, and does so for a while.
        """
        if len(self.cpus) < 2:
            return None
        found = run_json([self.calibrate, "--cpu", str(self.cpus[0]), "--beside", str(self.cpus[-1]),
                          "--samples", "5", "--milliseconds", "4"])["beside"]
        self.parts.append((found, when))
        return found

    def glance(self, benchmark):
        """After each benchmark: do the cores still run at the speed of the beginning?"""
        for cpu in self.cpus:
            self._compare(benchmark, cpu, run_json([self.calibrate, "--cpu", str(cpu), "--samples", "5", "--milliseconds", "4"]))

        self.together(benchmark)

    def _compare(self, when, cpu, found):
        first = self.frequencies.setdefault(cpu, found["coreMHz"])
        drift = found["coreMHz"] / first - 1
        if abs(drift) > DRIFT_LIMIT:
            self.drifts.append((abs(drift), f"{when} (CPU {cpu} {drift:+.0%})"))

    def finish(self):
        """Looks once more and reports steal time since the beginning."""
        self.look("after")
        _, steal, total = (now - then for now, then in zip(_times(), self.start))
        if total > 0 and steal / total > STEAL_LIMIT:
            self.warnings.append(f"the hypervisor took {steal / total:.1%} of the CPU time away")
        shared = [part for part in self.parts if part[0] < BESIDE_LIMIT]
        if shared:
            self.warnings.append(f"at {len(shared)} of {len(self.parts)} looks two CPUs shared a core, most of all at "
                                 f"{min(shared)[1]} ({min(shared)[0]:.0%} of the work of one alone): two busy programs are that "
                                 "much slower then, and one that leaves a CPU idle is not, so ratios shift too")
        if self.drifts:
            self.warnings.append(f"the cores' speed changed {len(self.drifts)} times, most of all at {max(self.drifts)[1]}: "
                                 "figures of this run from different times do not compare, ratios may")
        return self.warnings


def describe(calibration):
    with open("/proc/meminfo") as lines:
        memory_kib = int(lines.readline().split()[1])
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "virtual": _has_flag("hypervisor"),
        "tscMHz": calibration["tscMHz"],
        "coreMHz": calibration["coreMHz"],
        "constantTSC": _has_flag("constant_tsc") and _has_flag("nonstop_tsc"),
        "clockSource": _first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "memoryMiB": memory_kib // 1024,
        "kernel": platform.release(),
        "os": _os_name(),
        "load": os.getloadavg()[0],
    }


def _os_name():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def commit(root):
    """The commit that was measured, with `+changes` when the work tree differs from it."""
    try:
        name = run(["git", "-C", root, "rev-parse", "HEAD"]).strip()
        return name + ("+changes" if run(["git", "-C", root, "status", "--porcelain"]).strip() else "")
    except Failure:
        return "unknown"
