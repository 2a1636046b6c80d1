// Describes the clock and how quiet a CPU is: TSC frequency, the frequency that the core really runs at, and how much
// the time of a fixed piece of work varies. Prints one JSON object.
//
//     calibrate --cpu 0 [--samples 25] [--milliseconds 10] [--beside 1]
//
// With --beside also what part of its work the CPU still does while that other one is busy: 1 for two cores, and
// 0.5 to 0.65 for two threads of one core, which a virtual machine does not always say.
#include "common.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int cpu = -1, beside = -1;
static int samples = 25;
static double sample_milliseconds = 10;

static void option(const char *name, const char *value) {
    if (strcmp(name, "cpu") == 0) cpu = (int)integer_option(name, value, 0, CPU_SETSIZE - 1);
    else if (strcmp(name, "beside") == 0) beside = (int)integer_option(name, value, 0, CPU_SETSIZE - 1);
    else if (strcmp(name, "samples") == 0) samples = (int)integer_option(name, value, 3, 1000);
    else if (strcmp(name, "milliseconds") == 0) sample_milliseconds = (double)integer_option(name, value, 1, 1000);
    else fail("unknown option --%s", name);
}

// A chain of dependent additions: one core cycle each on every x86-64 of the last twenty years.
static uint64_t chain(uint64_t length) {
    uint64_t x = 1;
    for (uint64_t i = 0; i < length; i += 16)
        __asm__ volatile(
            "add %1, %0\n add %1, %0\n add %1, %0\n add %1, %0\n add %1, %0\n add %1, %0\n add %1, %0\n add %1, %0\n"
            "add %1, %0\n add %1, %0\n add %1, %0\n add %1, %0\n add %1, %0\n add %1, %0\n add %1, %0\n add %1, %0\n"
            : "+r"(x) : "r"(length));
    return x;
}

// Additions that do not depend on each other, as many in each cycle as the core can do: two threads of it share them.
static void breadth(uint64_t length) {
    uint64_t a = 1, b = 2, c = 3, d = 4;
    for (uint64_t i = 0; i < length; i += 16)
        __asm__ volatile(
            "add %4, %0\n add %4, %1\n add %4, %2\n add %4, %3\n add %4, %0\n add %4, %1\n add %4, %2\n add %4, %3\n"
            "add %4, %0\n add %4, %1\n add %4, %2\n add %4, %3\n add %4, %0\n add %4, %1\n add %4, %2\n add %4, %3\n"
            : "+r"(a), "+r"(b), "+r"(c), "+r"(d) : "r"(length));
}

// The shortest of several times of the same work.
static double breadth_nanoseconds(void) {
    double least = 1e18;
    for (int i = 0; i < 20; i++) {
        uint64_t before = now_nanoseconds();
        breadth(1 << 24);
        double elapsed = (double)(now_nanoseconds() - before);
        if (elapsed < least) least = elapsed;
    }
    return least;
}

static double part_beside(int other) {
    double alone = breadth_nanoseconds();
    pid_t child = fork();
    if (child < 0) fail("fork: %s", strerror(errno));
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(other);
        for (;;) breadth(1 << 20);
    }
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    double together = breadth_nanoseconds();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return alone / together;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    parse_options(argc, argv, option);
    pin(cpu);

    uint64_t length = 1 << 20;
    uint64_t start = now_nanoseconds();
    chain(length * 16);  // wakes the clock up as well
    uint64_t elapsed = now_nanoseconds() - start;
    length = (uint64_t)((double)length * 16 * sample_milliseconds * 1e6 / (double)elapsed) & ~15ull;

    double *nanoseconds = calloc((size_t)samples, sizeof *nanoseconds);
    if (nanoseconds == NULL) fail("no memory for %d samples", samples);
    uint64_t first_time = now_nanoseconds(), first_tsc = tsc();
    for (int i = 0; i < samples; i++) {
        uint64_t before = now_nanoseconds();
        chain(length);
        nanoseconds[i] = (double)(now_nanoseconds() - before);
    }
    double tsc_mhz = (double)(tsc() - first_tsc) * 1000 / (double)(now_nanoseconds() - first_time);

    qsort(nanoseconds, (size_t)samples, sizeof *nanoseconds, ascending);
    double median = nanoseconds[samples / 2];
    printf("{\"cpu\": %d, \"tscMHz\": %.1f, \"coreMHz\": %.0f, \"samples\": %d, \"spread\": %.4f", cpu, tsc_mhz,
           (double)length * 1000 / median, samples, (nanoseconds[samples - 1] - nanoseconds[0]) / median);
    fflush(stdout);
    if (beside >= 0) printf(", \"beside\": %.2f", part_beside(beside));
    printf("}\n");
    free(nanoseconds);
    return 0;
}
