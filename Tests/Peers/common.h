// What the C peers share: clocks, pinning, argument values. No logic of a benchmark.
#ifndef CLEANQ_PEERS_COMMON_H
#define CLEANQ_PEERS_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline uint64_t now_nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t tsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

// One line and exit 1: what a driver shows as the reason.
__attribute__((noreturn, format(printf, 1, 2))) static inline void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

// Pins the calling thread; a negative CPU means anywhere.
static inline void pin(int cpu) {
    if (cpu < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) fail("cannot run on CPU %d: %s", cpu, strerror(errno));
}

// Flags are all `--name value`.
typedef void option_handler(const char *name, const char *value);

static inline void parse_options(int argc, char **argv, option_handler *handle) {
    for (int i = 1; i < argc; i += 2) {
        if (strncmp(argv[i], "--", 2) != 0 || i + 1 >= argc) fail("expected --name value, found '%s'", argv[i]);
        handle(argv[i] + 2, argv[i + 1]);
    }
}

static inline long long integer_option(const char *name, const char *value, long long low, long long high) {
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != 0 || number < low || number > high)
        fail("--%s wants a number from %lld to %lld, found '%s'", name, low, high, value);
    return number;
}

static inline double seconds_option(const char *name, const char *value) {
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end != 0 || !(number >= 0 && number <= 3600))
        fail("--%s wants seconds from 0 to 3600, found '%s'", name, value);
    return number;
}

#endif
