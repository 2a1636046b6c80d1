// A vhost-user device made of DPDK's vhost library, which sends UDP datagrams to whatever drives it, takes them back and says
// how long each was away. A fixed number is under way at a time; one that does not come back ends the measurement.
//
//   vhost_load --socket PATH --cpu N --size FRAME_BYTES --window FRAMES --seconds S [--pause MICROSECONDS]
//
// Prints {"value": echoes per second, "p50": nanoseconds, "p99": …, "p999": …, "most": …, "wrong": n, "all": n, "idle": part}.
// "all" are the frames that came back from the beginning on. The window is refilled in bursts of at most 32, as frames come
// back. "idle" is how much of the time this side found nothing to do: where it is near 0, the figure is this program's limit
// and not the driver's. With a pause it lets all come back, then waits for up to so long, before it sends the next window: a
// driver that goes to sleep when there is nothing to do is woken each time.
#include "common.h"

#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_udp.h>
#include <rte_vhost.h>
#include <stdatomic.h>
#include <unistd.h>

enum { BURST = 32, MAXIMUM_SAMPLES = 1 << 23, HEADERS = 42 };

static const char *path;
static int cpu = 0, size = 64, window = 1, longest_pause = 0;
static double seconds = 1;
static atomic_int device = -1;

static void handle(const char *name, const char *value) {
    if (strcmp(name, "socket") == 0) path = value;
    else if (strcmp(name, "cpu") == 0) cpu = (int)integer_option(name, value, 0, CPU_SETSIZE - 1);
    else if (strcmp(name, "size") == 0) size = (int)integer_option(name, value, 64, 1514);
    else if (strcmp(name, "window") == 0) window = (int)integer_option(name, value, 1, 192);
    else if (strcmp(name, "pause") == 0) longest_pause = (int)integer_option(name, value, 0, 1000000);
    else if (strcmp(name, "seconds") == 0) seconds = seconds_option(name, value);
    else fail("there is no option --%s", name);
}

static int device_is_there(int vid) {
    atomic_store(&device, vid);
    return 0;
}

static void device_is_gone(int vid) {
    (void)vid;
    atomic_store(&device, -1);
}

static const struct rte_vhost_device_ops operations = {.new_device = device_is_there, .destroy_device = device_is_gone};

// The frames of a burst, made once: the device copies them into the driver's buffers, and only what differs is written anew.
static struct rte_mbuf *burst[BURST];
// The one's complement sum over what stays the same in a datagram.
static uint32_t constant_sum;

// What testpmd's flowgen sends: the same addresses and ports, but with a UDP checksum that is right.
static void prepare(struct rte_mbuf *frame) {
    uint8_t *bytes = (uint8_t *)rte_pktmbuf_append(frame, (uint16_t)size);
    struct rte_ether_hdr *ether = (void *)bytes;
    struct rte_ipv4_hdr *ip = (void *)(bytes + 14);
    struct rte_udp_hdr *udp = (void *)(bytes + 34);
    memset(bytes, 0, (size_t)size);
    *ether = (struct rte_ether_hdr){.dst_addr = {{0, 1, 2, 3, 4, 1}}, .src_addr = {{0, 1, 2, 3, 4, 0}}, .ether_type = 0x0008};
    ip->version_ihl = 0x45;
    ip->total_length = rte_cpu_to_be_16((uint16_t)(size - 14));
    ip->time_to_live = 64;
    ip->next_proto_id = 17;
    ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 254, 0, 0));
    ip->dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 253, 0, 0));
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    udp->src_port = rte_cpu_to_be_16(4000);
    udp->dst_port = rte_cpu_to_be_16(1001);
    udp->dgram_len = rte_cpu_to_be_16((uint16_t)(size - 34));
    constant_sum = (uint16_t)~rte_ipv4_udptcp_cksum(ip, udp);
}

static inline void stamp(struct rte_mbuf *frame, uint64_t number, uint64_t time) {
    uint8_t *bytes = rte_pktmbuf_mtod(frame, uint8_t *);
    struct rte_udp_hdr *udp = (void *)(bytes + 34);
    uint64_t words[2] = {number, time};
    memcpy(bytes + HEADERS, words, sizeof words);
    uint64_t sum = constant_sum + (number & UINT32_MAX) + (number >> 32) + (time & UINT32_MAX) + (time >> 32);
    sum = (sum & 0xFFFF) + (sum >> 16 & 0xFFFF) + (sum >> 32);
    sum = (sum & 0xFFFF) + (sum >> 16);
    sum = (sum & 0xFFFF) + (sum >> 16);
    udp->dgram_cksum = sum == 0xFFFF ? 0xFFFF : (uint16_t)~sum;
}

// Says where the sender of these datagrams is, as an ARP request does: a driver with an IP layer wants to know before it answers.
// Whatever comes back within a while is not counted.
static void announce(int vid, struct rte_mempool *pool) {
    static const uint8_t request[60] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1, 2, 3, 4, 0, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
                                        0, 1, 2, 3, 4, 0, 10, 254, 0, 0, 0, 0, 0, 0, 0, 0, 10, 253, 0, 0};
    struct rte_mbuf *frames[BURST];
    if (rte_pktmbuf_alloc_bulk(pool, frames, 1) != 0) fail("no buffers left");
    memcpy(rte_pktmbuf_append(frames[0], sizeof request), request, sizeof request);
    rte_vhost_enqueue_burst(vid, 0, frames, 1);
    rte_pktmbuf_free_bulk(frames, 1);
    for (uint64_t end = now_nanoseconds() + 100000000u; now_nanoseconds() < end; usleep(1000))
        rte_pktmbuf_free_bulk(frames, rte_vhost_dequeue_burst(vid, 1, pool, frames, BURST));
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    parse_options(argc, argv, handle);
    if (!path) fail("--socket is missing");
    char prefix[64], core[16];
    snprintf(prefix, sizeof prefix, "--file-prefix=cleanq-load-%d", (int)getpid());
    snprintf(core, sizeof core, "--lcores=0@%d", cpu);
    char *eal[] = {"vhost_load", core, "--no-pci", "--no-telemetry", "--in-memory", "-m", "64", prefix, "--log-level=error", NULL};
    if (rte_eal_init(9, eal) < 0) fail("DPDK cannot be started: it wants root and 32 hugepages of 2 MiB");
    struct rte_mempool *pool = rte_pktmbuf_pool_create("frames", 4095, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    uint32_t *samples = malloc(MAXIMUM_SAMPLES * sizeof *samples);
    if (!pool || !samples) fail("no memory");
    if (rte_vhost_driver_register(path, 0) || rte_vhost_driver_callback_register(path, &operations) ||
        rte_vhost_driver_start(path))
        fail("cannot listen on %s", path);
    uint64_t deadline = now_nanoseconds() + 20000000000u;
    while (atomic_load(&device) < 0) {
        if (now_nanoseconds() > deadline) fail("no driver came within 20 s");
        usleep(1000);
    }
    usleep(200000);
    // Both drivers are polled, and need not say when they have done something.
    for (uint16_t queue = 0; queue < 2; queue++) rte_vhost_enable_guest_notification(atomic_load(&device), queue, 0);
    announce(atomic_load(&device), pool);
    if (rte_pktmbuf_alloc_bulk(pool, burst, BURST) != 0) fail("no buffers left");
    for (int i = 0; i < BURST; i++) prepare(burst[i]);

    uint64_t next = 0, expected = 0, wrong = 0, counted = 0, echoes = 0, idle = 0, random_state = 1;
    uint64_t calibration = now_nanoseconds(), calibration_tsc = tsc(), turn = calibration_tsc;
    // Time runs from the first frame that comes back; some drivers take a while to begin.
    uint64_t warm = ~0ull, end = ~0ull, now = now_nanoseconds(), last = now + 8000000000u;
    while (now < end) {
        struct rte_mbuf *frames[BURST];
        int vid = atomic_load(&device);
        if (vid < 0) fail("the driver went away");
        unsigned room = (unsigned)window - (unsigned)(next - expected);
        unsigned count = room < BURST ? room : BURST;
        uint16_t sent = 0;
        if (longest_pause > 0 && next == expected && next > 0) {
            random_state = random_state * 6364136223846793005u + 1442695040888963407u;
            uint64_t nanoseconds = (random_state >> 33) % ((uint64_t)longest_pause * 1000);
            for (uint64_t start = now_nanoseconds(); now_nanoseconds() - start < nanoseconds;) rte_pause();
            turn = tsc();
        }
        // A full window goes out in halves, so that neither side waits for the other at every burst.
        if (count > 0 && (window < 2 * BURST || count == BURST)) {
            for (unsigned i = 0; i < count; i++) stamp(burst[i], next + i, turn);
            sent = rte_vhost_enqueue_burst(vid, 0, burst, (uint16_t)count);
            next += sent;
        }
        uint16_t received = rte_vhost_dequeue_burst(vid, 1, pool, frames, BURST);
        uint64_t arrival = tsc();
        for (unsigned i = 0; i < received; i++) {
            uint64_t words[2] = {~0ull, 0};
            if (rte_pktmbuf_data_len(frames[i]) >= HEADERS + 16)
                memcpy(words, rte_pktmbuf_mtod_offset(frames[i], void *, HEADERS), sizeof words);
            if (words[0] != expected || rte_pktmbuf_data_len(frames[i]) != size) {
                wrong++;
                continue;
            }
            expected++;
            if (now < warm) continue;
            echoes++;
            if (counted < MAXIMUM_SAMPLES) samples[counted++] = (uint32_t)(arrival - words[1]);
        }
        if (received) rte_pktmbuf_free_bulk(frames, received);
        if (!sent && !received && now >= warm) idle += arrival - turn;
        turn = arrival;
        now = now_nanoseconds();
        if (received) last = now;
        if (expected > 0 && end == ~0ull) {
            warm = now + 200000000u;
            end = warm + (uint64_t)(seconds * 1e9);
        }
        if (now > last && now - last > 2000000000u) fail("nothing came back for 2 s; %llu of %llu had", (unsigned long long)expected, (unsigned long long)next);
    }
    double ticks = (double)(tsc() - calibration_tsc) / (double)(now_nanoseconds() - calibration);
    qsort(samples, counted, sizeof *samples, ascending);
    if (counted < (longest_pause > 0 ? 1 : 1000)) fail("only %llu frames came back", (unsigned long long)counted);
    double values[3];
    const double parts[3] = {0.5, 0.99, 0.999};
    for (int i = 0; i < 3; i++) values[i] = samples[(size_t)((double)(counted - 1) * parts[i])] / ticks;
    printf("{\"value\": %.0f, \"p50\": %.0f, \"p99\": %.0f, \"p999\": %.0f, \"most\": %.0f, \"wrong\": %llu, \"all\": %llu, \"idle\": %.3f}\n",
           (double)echoes / seconds, values[0], values[1], values[2], samples[counted - 1] / ticks,
           (unsigned long long)wrong, (unsigned long long)expected,
           (double)idle / (seconds * 1e9 * ticks));
    rte_vhost_driver_unregister(path);
    rte_eal_cleanup();
    return 0;
}
