// What a wake-up between two cores costs at the least: a write to an eventfd on one, on which poll waits on the other.
//
//     wake_up --cpus 0,1 [--count 10000]
//
// Prints {"unit": "ns", "p50": …, "p99": …, "p99.9": …}: from just before the write to when poll and read have returned.
#include "common.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { rest_nanoseconds = 60000, count_limit = 1000000 };  // the rest of cleanq-bench wake-up

static int count = 10000, cpus[2] = {0, 1}, bell;
static uint64_t arrival;  // 0 while the sleeper has not woken
static uint64_t waits[count_limit];

static void option(const char *name, const char *value) {
    if (strcmp(name, "count") == 0) count = (int)integer_option(name, value, 1, count_limit);
    else if (strcmp(name, "cpus") == 0 && sscanf(value, "%d,%d", &cpus[0], &cpus[1]) == 2) return;
    else fail("unknown option --%s %s", name, value);
}

static void *sleeper(void *unused) {
    (void)unused;
    pin(cpus[1]);
    struct pollfd file = {.fd = bell, .events = POLLIN};
    for (int i = 0; i < count; i++) {
        uint64_t rung;
        while (poll(&file, 1, -1) != 1) {}
        if (read(bell, &rung, sizeof rung) != sizeof rung) fail("read of an eventfd: %s", strerror(errno));
        __atomic_store_n(&arrival, now_nanoseconds(), __ATOMIC_RELEASE);
    }
    return NULL;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    parse_options(argc, argv, option);
    bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_t thread;
    if (bell < 0 || pthread_create(&thread, NULL, sleeper, NULL) != 0) fail("no eventfd or thread: %s", strerror(errno));
    pin(cpus[0]);
    for (int i = 0; i < count; i++) {
        uint64_t rested = now_nanoseconds();
        while (now_nanoseconds() - rested < rest_nanoseconds) __builtin_ia32_pause();
        uint64_t start = now_nanoseconds(), one = 1, woken;
        __atomic_store_n(&arrival, 0, __ATOMIC_RELAXED);
        if (write(bell, &one, sizeof one) != sizeof one) fail("write to an eventfd: %s", strerror(errno));
        while ((woken = __atomic_load_n(&arrival, __ATOMIC_ACQUIRE)) == 0) __builtin_ia32_pause();
        waits[i] = woken - start;
    }
    pthread_join(thread, NULL);
    qsort(waits, (size_t)count, sizeof *waits, ascending);
    printf("{\"unit\": \"ns\", \"p50\": %lu, \"p99\": %lu, \"p99.9\": %lu}\n", waits[count / 2],
           waits[(int64_t)(count - 1) * 99 / 100], waits[(int64_t)(count - 1) * 999 / 1000]);
    close(bell);
    return 0;
}
