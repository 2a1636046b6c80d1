// Peers of our Internet checksum, over bytes in the first-level cache:
//
//     checksum --bytes 1472 [--sum words|dpdk] [--cpu 0] [--seconds 0.5]
//
// `words` is the loop of RFC 1071 § 4.1 over 16-bit words, which the compiler makes vectors of at -O3; `dpdk` is
// rte_raw_cksum. Prints {"unit": "bytes/cycle", "value": …}.
#include "common.h"

#include <rte_ip.h>

enum { bytes_limit = 65536, passes_at_once = 1000 };

static int bytes = 1472, cpu = 0, dpdk = 0;
static double seconds = 0.5;
static uint8_t data[bytes_limit] __attribute__((aligned(64)));

static void option(const char *name, const char *value) {
    if (strcmp(name, "bytes") == 0) bytes = (int)integer_option(name, value, 1, bytes_limit);
    else if (strcmp(name, "cpu") == 0) cpu = (int)integer_option(name, value, 0, CPU_SETSIZE - 1);
    else if (strcmp(name, "seconds") == 0) seconds = seconds_option(name, value);
    else if (strcmp(name, "sum") == 0 && strcmp(value, "dpdk") == 0) dpdk = 1;
    else if (strcmp(name, "sum") == 0 && strcmp(value, "words") == 0) dpdk = 0;
    else fail("unknown option --%s %s", name, value);
}

__attribute__((noinline)) static uint32_t sum_words(const uint8_t *at, int count, uint32_t before) {
    uint64_t sum = before;
    for (int i = 0; i + 1 < count; i += 2) {
        uint16_t word;
        memcpy(&word, at + i, 2);
        sum += word;
    }
    if (count & 1) sum += at[count - 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)sum;
}

__attribute__((noinline)) static uint32_t sum_dpdk(const uint8_t *at, int count, uint32_t before) {
    return rte_raw_cksum(at, (size_t)count) + before;
}

int main(int argc, char **argv) {
    parse_options(argc, argv, option);
    pin(cpu);
    for (int i = 0; i < bytes; i++) data[i] = (uint8_t)(i * 37);
    uint64_t cycles = 0, passes = 0, end = now_nanoseconds() + (uint64_t)(seconds * 1e9);
    uint32_t sum = 0;
    while (now_nanoseconds() < end) {
        uint64_t start = tsc();
        // Each pass is given another number, so that none can be left out; none waits for the one before.
        for (uint32_t i = 0; i < passes_at_once; i++) sum += dpdk ? sum_dpdk(data, bytes, i & 1) : sum_words(data, bytes, i & 1);
        cycles += tsc() - start;
        passes += passes_at_once;
    }
    if (sum == 0) fail("nothing was summed");
    printf("{\"unit\": \"bytes/cycle\", \"value\": %.3f}\n", (double)passes * bytes / (double)cycles);
    return 0;
}
