// The peer of our capture filter: libpcap's own interpreter on the same frame, called from C.
//
//     bpf --filter 'udp port 7' [--cpu 0] [--seconds 0.5]
//
// Prints {"unit": "cycles/frame", "value": …}.
#include "common.h"

#include <pcap/pcap.h>

enum { passes_at_once = 1000 };

static const char *filter = "udp port 7";
static int cpu = 0;
static double seconds = 0.5;
// 02:00:0a:00:00:01 to :02, 10.0.0.1:4000 to 10.0.0.2:7; the frame of cleanq-bench filter.
static const uint8_t frame[64] = {2, 0, 10, 0, 0, 2, 2, 0, 10, 0, 0, 1, 8, 0, 0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, 17, 0, 0,
                                  10, 0, 0, 1, 10, 0, 0, 2, 0x0f, 0xa0, 0, 7, 0, 30, 0, 0};

static void option(const char *name, const char *value) {
    if (strcmp(name, "filter") == 0) filter = value;
    else if (strcmp(name, "cpu") == 0) cpu = (int)integer_option(name, value, 0, CPU_SETSIZE - 1);
    else if (strcmp(name, "seconds") == 0) seconds = seconds_option(name, value);
    else fail("unknown option --%s", name);
}

int main(int argc, char **argv) {
    parse_options(argc, argv, option);
    pin(cpu);
    pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
    struct bpf_program program;
    if (dead == NULL || pcap_compile(dead, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
        fail("the filter does not compile: %s", dead ? pcap_geterr(dead) : "out of memory");
    uint64_t cycles = 0, passes = 0, end = now_nanoseconds() + (uint64_t)(seconds * 1e9);
    while (now_nanoseconds() < end) {
        uint64_t start = tsc();
        for (int i = 0; i < passes_at_once; i++)
            if (bpf_filter(program.bf_insns, frame, sizeof frame, sizeof frame) == 0) fail("the frame does not pass");
        cycles += tsc() - start;
        passes += passes_at_once;
    }
    printf("{\"unit\": \"cycles/frame\", \"value\": %.3f}\n", (double)cycles / (double)passes);
    pcap_freecode(&program);
    pcap_close(dead);
    return 0;
}
