"""Every benchmark that scripts/bench knows, in the order of the table. To add one, add an entry here."""

import captures
import daemons
import echoes
import forwards
import idle
import live_captures
import rings
import vhost_echoes
from benchmark import Benchmark, Peer

# Cores, burst, and how many buffers go round where that is more than the burst.
SHAPES = [(1, 1, None), (1, 1, 256), (1, 8, None), (1, 32, None), (1, 32, 256), (2, 1, None), (2, 8, None), (2, 32, None)]


def _shape_name(cores, burst, buffers):
    return f"cores={cores}/burst={burst}" + (f"/buffers={buffers}" if buffers else "")


def _ring(*shape):
    return Benchmark(f"ring/{_shape_name(*shape)}", "cycles/buffer", "lower", rings.ours_in_shape("ring", *shape),
                     rings.peers(*shape))


def _ring_zero_copy(*shape):
    return Benchmark(f"ring-zc/{_shape_name(*shape)}", "cycles/buffer", "lower", rings.ours_in_shape("ring", *shape),
                     rings.zero_copy_peers(*shape), by_default=False)


def _ring_limit(*shape):
    return Benchmark(f"ring-limit/{_shape_name(*shape)}", "cycles/buffer", "lower", rings.ours_in_shape("ring", *shape),
                     rings.limit_peers(*shape), by_default=False)


def _checked(*shape):
    """The same with a checked queue at either end; what `ring` shows less is the price of the check."""
    return Benchmark(f"checked/{_shape_name(*shape)}", "cycles/buffer", "lower", rings.ours_in_shape("checked", *shape))


def _virtio(layer, rings_kind, size):
    """Echoes of frames that DPDK's vhost back end makes, by our driver and by DPDK's."""
    layers, mode = {"udp": (vhost_echoes.IP_UDP, "5tswap"), "frame": ("", "macswap")}[layer]
    return Benchmark(f"virtio/{layer}/{rings_kind}/size={size}", "echoes/s", "higher",
                     vhost_echoes.ours(rings_kind, size, layers),
                     (Peer(f"net_virtio_user {mode}", vhost_echoes.virtio_user(rings_kind, size, mode)),),
                     needs=("cleanq",), by_default=False)


def _virtio_latency(rings_kind, window):
    """How long a datagram is away from the device, with so many under way."""
    return Benchmark(f"virtio/latency/{rings_kind}/window={window}", "ns", "lower",
                     vhost_echoes.our_latency(rings_kind, window),
                     (Peer("net_virtio_user 5tswap", vhost_echoes.virtio_user_latency(rings_kind, window)),),
                     needs=("cleanq",), by_default=False)


def _virtio_instructions(rings_kind, size):
    """How much there is to do for an echo, whatever the machine is doing besides."""
    return Benchmark(f"virtio/instructions/{rings_kind}/size={size}", "instructions", "lower",
                     vhost_echoes.instructions(rings_kind, size), needs=("cleanq",), by_default=False)


FILTERS = {"port": "udp port 7", "compound": "ip and (tcp port 80 or udp portrange 1000-2000 or udp port 7) and not host 10.0.0.9"}


def _filter(name, expression):
    return Benchmark(f"filter/{name}", "cycles/frame", "lower", rings.ours("filter", expression),
                     (Peer("bpf_filter from C", rings.program("bpf", "--filter", expression)),))


def _checksum(size):
    """Bytes in the first-level cache."""
    return Benchmark(f"checksum/bytes={size}", "bytes/cycle", "higher", rings.ours("checksum", "--bytes", str(size)),
                     (Peer("C loop, gcc -O3", rings.program("checksum", "--bytes", str(size))),
                      Peer("rte_raw_cksum", rings.program("checksum", "--bytes", str(size), "--sum", "dpdk"))))


def _pass_through(kind, stage, stages):
    """What each of so many stages costs, by the difference to none: fused into one type, or erased as from a text."""
    return Benchmark(f"pass-through/{kind}/{stage}/stages={stages}", "cycles/packet/stage", "lower",
                     rings.ours("pass-through", "--kind", kind, "--stage", stage, "--stages", str(stages)))


def _layers(payload, *words):
    """Ethernet, IPv4 and UDP, received and transmitted with both checksums, memory to memory; and what C needs for it."""
    peers = () if words else tuple(
        Peer(name, rings.program("layers", "--payload", str(payload), "--passes", passes))
        for name, passes in (("C in layers, gcc -O3", "layers"), ("C at once, gcc -O3", "once")))
    return Benchmark("/".join((f"layers/udp/payload={payload}", *words)), "cycles/packet", "lower",
                     rings.ours("layers", "--payload", str(payload), *(f"--{word}" for word in words)), peers)


CAPTURE_BYTES = 512 << 20  # all of a run's file is in RAM


def _capture(size, *words):
    """From memory to a RAM file system, on one core."""
    return Benchmark(f"capture/size={size}{'/filter' if words else ''}", "Mframes/s", "higher",
                     rings.ours("capture", "--size", str(size), "--frames", str(CAPTURE_BYTES // size), *words))


def _capture_file(size):
    """From a capture file to another, both in RAM: whole programs, start and end included."""
    return Benchmark(f"capture-file/size={size}", "frames/s", "higher", captures.ours(size),
                     (Peer("tcpdump -r -w", captures.tcpdump(size)),), needs=("cleanq",))


def _live_capture(size):
    """What is echoed on a TAP device goes to a file in RAM; a capture runs on the CPU of the echo that it listens to."""
    return Benchmark(f"live-capture/size={size}", "frames/s", "higher", live_captures.ours(size),
                     (Peer("tcpdump -w", live_captures.tcpdump(size)), Peer("dpdk-dumpcap", live_captures.dumpcap(size))),
                     needs=("cleanq",))


# Whether datagrams that are sent together go to the kernel as one frame, as they do if nothing is said; net_tap has nothing
# like it for UDP.
OFFLOADS = {"": "yes", "/offload=no": "no"}


def _tap_echo(name, offload):
    """Beside it what the kernel leaves to a program that does nothing but pass frames."""
    bare = (Peer("tap_echo.c joined", echoes.bare("--join", "1")),) if offload == "yes" else (
        Peer("tap_echo.c", echoes.bare()), Peer("tap_echo.c armed", echoes.bare("--reads", "armed")))
    return Benchmark(f"tap-echo{name}", "echoes/s", "higher", echoes.ours(offload),
                     (Peer("net_tap", echoes.net_tap), Peer("kernel UDP over veth", echoes.kernel), *bare),
                     needs=("cleanq",))


def _tap_forward(name, offload):
    return Benchmark(f"tap-forward{name}", "echoes/s", "higher", forwards.ours(offload),
                     (Peer("net_tap", forwards.net_tap), Peer("kernel bridge", forwards.kernel)), needs=("cleanq",))


BENCHMARKS = [
    *(_ring(*shape) for shape in SHAPES),
    Benchmark("ring/round-trip", "cycles", "lower", rings.ours_on_cpus("round-trip", rows=rings.PERCENTILES),
              rings.round_trip_peers()),
    *(_ring_zero_copy(*shape) for shape in SHAPES),
    *(_ring_limit(*shape) for shape in SHAPES),
    *(_checked(*shape) for shape in SHAPES),
    Benchmark("checked/round-trip", "cycles", "lower",
              rings.ours_on_cpus("round-trip", "--checked", rows=rings.PERCENTILES)),
    Benchmark("registration", "cycles", "lower", rings.ours("registration")),
    Benchmark("wake-up", "ns", "lower", rings.ours_on_cpus("wake-up", rows=rings.PERCENTILES),
              (Peer("eventfd and poll in C", rings.program_on_cpus("wake_up", rows=rings.PERCENTILES)),)),
    *(_pass_through(kind, "idle", 10) for kind in ("fused", "text")),
    *(_pass_through(kind, "count", stages) for kind in ("fused", "text") for stages in range(1, 11)),
    *(_layers(payload) for payload in (0, 1, 18, 22, 63, 64, 65, 128, 1472)),
    _layers(64, "buffers=16384"),  # none of them in a near cache
    *(_checksum(size) for size in (20, 64, 576, 1472, 9000)),
    *(_filter(*entry) for entry in FILTERS.items()),
    *(_capture(size) for size in (64, 512, 1500)),
    _capture(64, "--filter", "less 2000"),
    *(_capture_file(size) for size in (64, 512, 1500)),
    *(_live_capture(size) for size in (64, 1400)),
    *(_virtio(layer, kind, size) for layer in ("udp", "frame") for kind in ("split", "packed") for size in (64, 1500)),
    *(_virtio_instructions(kind, size) for kind in ("split", "packed") for size in (64, 1500)),
    *(_virtio_latency(kind, window) for kind in ("split", "packed") for window in (1, 64)),
    *(_tap_echo(*entry) for entry in OFFLOADS.items()),
    Benchmark("tap-echo/rate=1000", "µs/packet", "lower", idle.ours(1000),
              (Peer("tap_echo.c blocking", idle.blocking(1000)),), needs=("cleanq",)),
    *(_tap_forward(*entry) for entry in OFFLOADS.items()),
    Benchmark("daemon/start-up", "ms", "lower", daemons.ours("milliseconds"),
              (Peer("testpmd", daemons.net_tap("milliseconds")),), needs=("cleanq",)),
    Benchmark("daemon/memory", "MiB", "lower", daemons.ours("mebibytes"),
              (Peer("testpmd", daemons.net_tap("mebibytes")),), needs=("cleanq",)),
]
