// The barest UDP echo on a TAP device: io_uring, no layers, no checks, no counters. What it reaches is what the kernel leaves.
//
//     tap_echo --device tap0 --cpu 0 [--reads armed | with-writes | blocking] [--join 0 | 1]
//
// armed: 128 reads wait in the kernel, and each answer is written when its read is done. with-writes: what was read is written
// by the system call that reads the next frames, none of which waits. blocking: read(2) and write(2), no io_uring. --join 1, with
// with-writes: answers of one length that were read together are one frame to the driver, which cuts it up (virtio_net_hdr,
// VIRTIO_NET_HDR_GSO_UDP_L4). Addresses and ports are swapped, and no checksum is looked at: a swap does not change it. Ends on SIGTERM.
#include "common.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>

#include <liburing.h>

enum { frame_limit = 128, burst_limit = 32, buffer_bytes = 2048, header_bytes = 42, driver_bytes = 10 };

static const char *device = "tap0";
static int cpu = -1, armed = 0, blocking = 0, join = 0;
static int tap;
static struct io_uring ring;
static uint8_t frames[frame_limit][buffer_bytes];
static int lengths[frame_limit];
static volatile sig_atomic_t stopping;

static void option(const char *name, const char *value) {
    if (strcmp(name, "device") == 0) device = value;
    else if (strcmp(name, "cpu") == 0) cpu = (int)integer_option(name, value, 0, CPU_SETSIZE - 1);
    else if (strcmp(name, "join") == 0) join = (int)integer_option(name, value, 0, 1);
    else if (strcmp(name, "reads") == 0 && strcmp(value, "armed") == 0) armed = 1;
    else if (strcmp(name, "reads") == 0 && strcmp(value, "with-writes") == 0) armed = 0;
    else if (strcmp(name, "reads") == 0 && strcmp(value, "blocking") == 0) blocking = 1;
    else fail("unknown option --%s %s", name, value);
}

static void stop(int number) { (void)number; stopping = 1; }

static void swap(uint8_t *a, uint8_t *b, unsigned count) {
    uint8_t kept[6];
    memcpy(kept, a, count);
    memcpy(a, b, count);
    memcpy(b, kept, count);
}

static int is_datagram(const uint8_t *frame) { return frame[12] == 8 && frame[13] == 0 && frame[23] == 17; }

static void turn_round(uint8_t *frame) {
    swap(frame, frame + 6, 6);
    if (!is_datagram(frame)) return;
    swap(frame + 26, frame + 30, 4);
    swap(frame + 34, frame + 36, 2);
}

static void open_device(void) {
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | (armed || blocking ? 0 : O_NONBLOCK));
    if (fd < 0) fail("open /dev/net/tun: %s", strerror(errno));
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    if (join) request.ifr_flags |= IFF_VNET_HDR;
    strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    if (ioctl(fd, TUNSETIFF, &request) != 0) fail("TUNSETIFF %s: %s", device, strerror(errno));
    tap = fd;
    if (blocking) return;
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL};
    int error = io_uring_queue_init_params(2 * frame_limit, &ring, &params);
    if (error == 0) error = io_uring_register_files(&ring, &fd, 1);
    if (error != 0) fail("io_uring: %s", strerror(-error));
}

static struct io_uring_sqe *request(int operation, const void *address, unsigned count, uint64_t number) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
    if (entry == NULL) fail("the submission queue is full");
    io_uring_prep_rw(operation, entry, 0, address, count, 0);
    entry->flags = IOSQE_FIXED_FILE;
    entry->rw_flags = armed ? 0 : RWF_NOWAIT;
    entry->user_data = number;
    return entry;
}

static void echo_armed(void) {
    static uint8_t is_written[frame_limit];
    for (unsigned i = 0; i < frame_limit; i++) request(IORING_OP_READ, frames[i], buffer_bytes, i);
    while (!stopping) {
        io_uring_submit_and_wait(&ring, 1);
        struct io_uring_cqe *answer;
        unsigned head, count = 0;
        io_uring_for_each_cqe(&ring, head, answer) {
            uint64_t i = answer->user_data;
            count++;
            if (is_written[i] || answer->res <= 0) request(IORING_OP_READ, frames[i], buffer_bytes, i);
            else {
                turn_round(frames[i]);
                request(IORING_OP_WRITE, frames[i], (unsigned)answer->res, i);
            }
            is_written[i] = !is_written[i] && answer->res > 0;
        }
        io_uring_cq_advance(&ring, count);
    }
}

static void echo_blocking(void) {
    while (!stopping) {
        ssize_t length = read(tap, frames[0], buffer_bytes);
        if (length <= 0) continue;
        turn_round(frames[0]);
        if (write(tap, frames[0], (size_t)length) != length) fail("write: %s", strerror(errno));
    }
}

static unsigned folded_sum(const uint8_t *bytes, unsigned count, unsigned sum) {
    for (unsigned i = 0; i < count; i += 2) sum += (unsigned)bytes[i] << 8 | bytes[i + 1];
    while (sum > 0xFFFF) sum = (sum >> 16) + (sum & 0xFFFF);
    return sum;
}

static void store(uint8_t *at, unsigned value) { at[0] = (uint8_t)(value >> 8), at[1] = (uint8_t)value; }

// Makes the headers of the first frame those of all `count`.
static void write_headers(uint8_t *start, unsigned payload, unsigned count) {
    struct { uint8_t flags, kind; uint16_t header, segment, sum_start, sum_offset; } wish = {1, 5, header_bytes, (uint16_t)payload, 34, 6};
    uint8_t *frame = start + driver_bytes;
    unsigned datagram = 8 + payload * count;
    memcpy(start, &wish, driver_bytes);
    store(frame + 16, 20 + datagram);
    store(frame + 24, 0);
    store(frame + 24, ~folded_sum(frame + 14, 20, 0));
    store(frame + 38, datagram);
    store(frame + 40, folded_sum(frame + 26, 8, 17 + datagram));
}

// Asks for a write of the frames in these buffers, which are of one length, as one.
static void write_joined(const unsigned *buffers, unsigned count, struct iovec *vectors) {
    unsigned length = (unsigned)lengths[buffers[0]], before = driver_bytes + header_bytes;
    memset(frames[buffers[0]], 0, driver_bytes);
    vectors[0] = (struct iovec){frames[buffers[0]], length};
    if (count > 1) write_headers(frames[buffers[0]], length - before, count);
    for (unsigned i = 1; i < count; i++) vectors[i] = (struct iovec){frames[buffers[i]] + before, length - before};
    request(IORING_OP_WRITEV, vectors, count, frame_limit);
}

static int belong_together(unsigned a, unsigned b) {
    return lengths[a] == lengths[b] && is_datagram(frames[a] + driver_bytes) && is_datagram(frames[b] + driver_bytes);
}

static void echo_with_writes(void) {
    static struct iovec vectors[burst_limit];
    unsigned buffers[burst_limit], found = 0, wanted = 1;  // the buffers of what was found, in its order
    // What is written lies in one half of the buffers, what is read comes into the other.
    for (unsigned half = 0; !stopping; half ^= burst_limit) {
        for (unsigned i = 0, count; i < found; i += count) {
            for (count = 1; join && i + count < found && belong_together(buffers[i], buffers[i + count]); count++) {}
            turn_round(frames[buffers[i]] + (join ? driver_bytes : 0));
            if (join) write_joined(&buffers[i], count, &vectors[i]);
            else request(IORING_OP_WRITE, frames[buffers[i]], (unsigned)lengths[buffers[i]], frame_limit);
        }
        for (unsigned i = 0; i < wanted; i++) request(IORING_OP_READ, frames[half + i], buffer_bytes, half + i);
        io_uring_submit(&ring);
        struct io_uring_cqe *answer;
        unsigned head, count = 0, asked = wanted;
        found = 0;
        io_uring_for_each_cqe(&ring, head, answer) {
            count++;
            if (answer->user_data >= frame_limit || answer->res <= 0) continue;
            lengths[answer->user_data] = answer->res;
            buffers[found++] = (unsigned)answer->user_data;
        }
        io_uring_cq_advance(&ring, count);
        wanted = found == 0 ? 1 : found == asked ? 2 * asked : found + 2;
        if (wanted > burst_limit) wanted = burst_limit;
    }
}

int main(int argc, char **argv) {
    parse_options(argc, argv, option);
    pin(cpu);
    struct sigaction action = {.sa_handler = stop};  // no SA_RESTART: a read that waits ends
    sigaction(SIGTERM, &action, NULL);
    open_device();
    printf("ready\n");
    fflush(stdout);
    if (blocking) echo_blocking();
    else if (armed) echo_armed();
    else echo_with_writes();
    if (!blocking) io_uring_queue_exit(&ring);
    return 0;
}
