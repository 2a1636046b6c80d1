// A kernel UDP client that loads an echo: a window of datagrams in flight, each answer compared byte by byte.
//
//     udp_load --address 10.9.0.2 --port 7 [--size 64] [--window 64] [--seconds 2 | --count N] [--cpu 1]
//              [--warmup 0.3] [--wait 5] [--source 10.9.0.1] [--spin 1]
//              [--rate 1000]
//
// With --rate one datagram is sent at a time, so many a second, and the client sleeps in between.
//
// Prints one JSON object: echoes per second, sent, received, wrong (content or length), lost (no answer within 100 ms; its
// place in the window is used again, so loss cannot stop the run), late (answers after that, and duplicates), busy (what part of
// the time it used its CPU: near 1 it is the client that is measured), and round-trip times. Exit 2 when nothing answers within --wait.
#include "common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { batch_limit = 32, window_limit = 4096, size_limit = 1472, size_least = 8, histogram_buckets = 4096 };
static const uint64_t timeout_nanoseconds = 100000000;

// A place in the window. Sequence number modulo window names it, so an answer finds it without a search.
typedef struct { uint64_t sequence, sent_at; int in_flight; } place;

static struct sockaddr_in server = {.sin_family = AF_INET}, source = {.sin_family = AF_INET};
static unsigned size = 64, window = 64;
static int cpu = -1, spin = 0;
static uint64_t gap_nanoseconds;
static uint64_t count_limit = UINT64_MAX;
static double seconds = 2, warmup_seconds = 0.3, wait_seconds = 5;

static int fd;
static place places[window_limit];
static unsigned free_places[window_limit], free_count;
static uint64_t sent, received, wrong, lost, late, refused;
// Round-trip times in steps of 1/16 of a power of two, so within 6 %.
static uint64_t histogram[histogram_buckets];

static uint8_t out[batch_limit][size_limit], in[batch_limit][size_limit + 1];
static struct iovec out_vector[batch_limit], in_vector[batch_limit];
static struct mmsghdr out_message[batch_limit], in_message[batch_limit];

static void option(const char *name, const char *value) {
    if (strcmp(name, "address") == 0) {
        if (inet_pton(AF_INET, value, &server.sin_addr) != 1) fail("--address wants an IPv4 address, found '%s'", value);
    } else if (strcmp(name, "source") == 0) {
        if (inet_pton(AF_INET, value, &source.sin_addr) != 1) fail("--source wants an IPv4 address, found '%s'", value);
    } else if (strcmp(name, "port") == 0) server.sin_port = htons((uint16_t)integer_option(name, value, 1, 65535));
    else if (strcmp(name, "size") == 0) size = (unsigned)integer_option(name, value, size_least, size_limit);
    else if (strcmp(name, "window") == 0) window = (unsigned)integer_option(name, value, 1, window_limit);
    else if (strcmp(name, "count") == 0) count_limit = (uint64_t)integer_option(name, value, 1, 1ll << 40), seconds = 3600;
    else if (strcmp(name, "seconds") == 0) seconds = seconds_option(name, value);
    else if (strcmp(name, "warmup") == 0) warmup_seconds = seconds_option(name, value);
    else if (strcmp(name, "wait") == 0) wait_seconds = seconds_option(name, value);
    else if (strcmp(name, "rate") == 0) gap_nanoseconds = 1000000000u / (uint64_t)integer_option(name, value, 1, 1000000);
    else if (strcmp(name, "spin") == 0) spin = (int)integer_option(name, value, 0, 1);
    else if (strcmp(name, "cpu") == 0) cpu = (int)integer_option(name, value, 0, CPU_SETSIZE - 1);
    else fail("unknown option --%s", name);
}

// Content: the sequence number, then words that follow from it and their place, so a swap of two answers shows too.
static void fill(uint8_t *to, uint64_t sequence) {
    memcpy(to, &sequence, 8);
    uint64_t word = sequence * 0x9E3779B97F4A7C15u;
    unsigned at = 8;
    for (; at + 8 <= size; at += 8) {
        word = (word ^ word >> 29) * 0xBF58476D1CE4E5B9u + at;
        memcpy(to + at, &word, 8);
    }
    for (; at < size; at++) to[at] = (uint8_t)(word >> (at & 7) * 8 ^ at);
}

static int content_matches(const uint8_t *from, uint64_t sequence) {
    uint8_t expected[size_limit];
    fill(expected, sequence);
    return memcmp(from, expected, size) == 0;
}

static void open_socket(void) {
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket: %s", strerror(errno));
    int buffer_bytes = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    struct timeval timeout = {.tv_usec = 20000};  // so that time-outs are looked at even when nothing comes
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (source.sin_addr.s_addr != 0 && bind(fd, (struct sockaddr *)&source, sizeof source) != 0)
        fail("bind to --source: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&server, sizeof server) != 0) fail("connect: %s", strerror(errno));
    for (unsigned i = 0; i < batch_limit; i++) {
        out_vector[i] = (struct iovec){out[i], size};
        in_vector[i] = (struct iovec){in[i], sizeof in[i]};
        out_message[i].msg_hdr = (struct msghdr){.msg_iov = &out_vector[i], .msg_iovlen = 1};
        in_message[i].msg_hdr = (struct msghdr){.msg_iov = &in_vector[i], .msg_iovlen = 1};
    }
}

// Sends one probe every 20 ms until an echo comes back.
static void await_server(void) {
    uint64_t deadline = now_nanoseconds() + (uint64_t)(wait_seconds * 1e9);
    uint8_t probe[size_limit], answer[size_limit];
    fill(probe, UINT64_MAX);
    do {
        int answered = 0;
        if (send(fd, probe, size, 0) >= 0) answered = recv(fd, answer, sizeof answer, 0) == (ssize_t)size;
        if (answered) return;
        if (errno != EAGAIN) nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    } while (now_nanoseconds() < deadline);
    fprintf(stderr, "no echo within %.1f s (last error: %s)\n", wait_seconds, strerror(errno));
    exit(2);
}

static void send_batch(uint64_t limit) {
    static uint64_t generation[window_limit];
    unsigned want = free_count < batch_limit ? free_count : batch_limit;
    if (limit - sent < want) want = (unsigned)(limit - sent);
    if (want == 0) return;
    uint64_t now = now_nanoseconds();
    for (unsigned i = 0; i < want; i++) {
        unsigned at = free_places[free_count - 1 - i];
        places[at] = (place){.sequence = generation[at] * window + at, .sent_at = now};
        fill(out[i], places[at].sequence);
    }
    int done = sendmmsg(fd, out_message, want, 0);
    if (done < 0) {
        if (errno == ECONNREFUSED) refused++;
        else if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR) fail("sendmmsg: %s", strerror(errno));
        return;
    }
    for (int i = 0; i < done; i++) {
        unsigned at = free_places[--free_count];
        places[at].in_flight = 1;
        generation[at]++;
    }
    sent += (unsigned)done;
}

static unsigned bucket(uint64_t nanoseconds) {
    if (nanoseconds < 16) return (unsigned)nanoseconds;
    unsigned power = 63 - (unsigned)__builtin_clzll(nanoseconds);
    return (power - 3) * 16 + (unsigned)(nanoseconds >> (power - 4) & 15);
}

static double percentile_microseconds(double fraction) {
    uint64_t seen = 0, total = 0;
    for (unsigned i = 0; i < histogram_buckets; i++) total += histogram[i];
    for (unsigned i = 0; i < histogram_buckets; i++) {
        seen += histogram[i];
        if (total > 0 && (double)seen >= fraction * (double)total)
            return (i < 16 ? (double)i : (double)((uint64_t)(16 + i % 16) << (i / 16 - 1))) / 1000;
    }
    return 0;
}

static void accept_answer(const uint8_t *from, unsigned length, uint64_t now) {
    uint64_t sequence;
    if (length < size_least) { wrong++; return; }
    memcpy(&sequence, from, 8);
    if (length == size && sequence == UINT64_MAX) return;  // a late probe
    if (length != size || !content_matches(from, sequence)) { wrong++; return; }
    place *at = &places[sequence % window];
    if (!at->in_flight || at->sequence != sequence) { late++; return; }
    at->in_flight = 0;
    free_places[free_count++] = (unsigned)(sequence % window);
    histogram[bucket(now - at->sent_at)]++;
    received++;
}

static void receive_batch(void) {
    int got = recvmmsg(fd, in_message, batch_limit, spin ? MSG_DONTWAIT : MSG_WAITFORONE, NULL);
    if (got < 0) {
        if (errno == ECONNREFUSED) refused++;
        else if (errno != EAGAIN && errno != EINTR) fail("recvmmsg: %s", strerror(errno));
        return;
    }
    uint64_t now = now_nanoseconds();
    for (int i = 0; i < got; i++) accept_answer(in[i], in_message[i].msg_len, now);
}

static void expire(uint64_t now) {
    for (unsigned i = 0; i < window; i++)
        if (places[i].in_flight && now - places[i].sent_at > timeout_nanoseconds) {
            places[i].in_flight = 0;
            free_places[free_count++] = i;
            lost++;
        }
}

// Sleeps until the next datagram is due.
static void pace(uint64_t start) {
    uint64_t due = start + sent * gap_nanoseconds;
    struct timespec at = {.tv_sec = (time_t)(due / 1000000000u), .tv_nsec = (long)(due % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

// Keeps the window full until the time or the number is reached, then waits for what is in flight: nanoseconds it took.
static uint64_t load(double duration_seconds, uint64_t limit) {
    sent = received = wrong = lost = late = refused = 0;
    memset(histogram, 0, sizeof histogram);
    uint64_t start = now_nanoseconds(), now = start, looked_at = start;
    uint64_t end = start + (uint64_t)(duration_seconds * 1e9);
    for (;;) {
        int open = now < end && sent < limit;
        if (open && gap_nanoseconds > 0 && free_count == window) pace(start);
        if (open) send_batch(limit);
        else if (free_count == window) break;
        if (free_count < window) receive_batch();
        now = now_nanoseconds();
        if (now - looked_at > timeout_nanoseconds / 10) expire(looked_at = now);
    }
    return now_nanoseconds() - start;
}

static double used_seconds(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    parse_options(argc, argv, option);
    if (server.sin_addr.s_addr == 0 || server.sin_port == 0) fail("--address and --port are needed");
    pin(cpu);
    open_socket();
    for (unsigned i = 0; i < window; i++) free_places[free_count++] = i;
    await_server();
    if (warmup_seconds > 0) load(warmup_seconds, UINT64_MAX);
    double used = used_seconds();
    double elapsed = (double)load(seconds, count_limit) / 1e9;
    used = used_seconds() - used;
    printf("{\"unit\": \"echoes/s\", \"value\": %.0f, \"seconds\": %.3f, \"size\": %u, \"window\": %u, \"sent\": %lu, "
           "\"received\": %lu, \"wrong\": %lu, \"lost\": %lu, \"late\": %lu, \"refused\": %lu, "
           "\"busy\": %.2f, "
           "\"p50Microseconds\": %.1f, \"p99Microseconds\": %.1f}\n",
           (double)received / elapsed, elapsed, size, window, sent, received, wrong, lost, late, refused, used / elapsed,
           percentile_microseconds(0.5), percentile_microseconds(0.99));
    return 0;
}
