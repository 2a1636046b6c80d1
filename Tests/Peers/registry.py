"""Every benchmark that scripts/bench knows, in the order of the table. To add one, add an entry here."""

import echoes
import rings
import vhost_echoes
from benchmark import Benchmark, Peer

SHAPES = [(1, 1), (1, 8), (1, 32), (2, 1), (2, 8), (2, 32)]  # cores, burst


def _ring(cores, burst):
    return Benchmark(f"ring/cores={cores}/burst={burst}", "cycles/buffer", "lower",
                     rings.ours_on_cpus("ring", "--cores", str(cores), "--burst", str(burst)), rings.peers(cores, burst))


def _ring_zero_copy(cores, burst):
    return Benchmark(f"ring-zc/cores={cores}/burst={burst}", "cycles/buffer", "lower",
                     rings.ours_on_cpus("ring", "--cores", str(cores), "--burst", str(burst)),
                     rings.zero_copy_peers(cores, burst), by_default=False)


def _checked(cores, burst):
    """The same with a checked queue at either end; what `ring` shows less is the price of the check."""
    return Benchmark(f"checked/cores={cores}/burst={burst}", "cycles/buffer", "lower",
                     rings.ours_on_cpus("checked", "--cores", str(cores), "--burst", str(burst)))


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


BENCHMARKS = [
    *(_ring(*shape) for shape in SHAPES),
    *(_ring_zero_copy(*shape) for shape in SHAPES),
    *(_checked(*shape) for shape in SHAPES),
    *(_virtio(layer, kind, size) for layer in ("udp", "frame") for kind in ("split", "packed") for size in (64, 1500)),
    *(_virtio_latency(kind, window) for kind in ("split", "packed") for window in (1, 64)),
    Benchmark("tap-echo", "echoes/s", "higher", echoes.ours,
              (Peer("net_tap", echoes.net_tap), Peer("kernel UDP over veth", echoes.kernel)), needs=("cleanq",)),
]
