// What the ring peers share: the shapes of cleanq-bench, its options and its checks. A peer defines
//
//     peer_ring                                 the type of its ring
//     peer_ring *make_ring(void)                one of 1024 slots
//     void free_ring(peer_ring *)
//     unsigned give(peer_ring *, const element *, unsigned n)     puts up to n elements in: how many
//     unsigned fetch(peer_ring *, element *, unsigned n)          takes up to n elements out: how many
//
// between the two parts of this header, and includes the second (RING_PEER_SHAPES) after that. The program is then
//
//     PEER --cores 1|2 --burst 1|8|32 [--buffers N] [--shape circulate|round-trip] [--cpus 0,1] [--seconds 1]
//
// and prints TSC cycles per pass of an element through a ring, {"unit": "cycles/buffer", "value": 5.5}; or, of round trips
// of one element between two cores, {"unit": "cycles", "p50": …, "p99": …, "p99.9": …}.
//
// The same elements go through one ring and come back through another. On one core a thread moves them, those of one burst, so
// that each is sent as soon as it has come; with --buffers so many, of which all but one burst stand in the rings, so that each
// is taken long after it was sent. On two cores one sends and the other sends back. Each lap is two passes. Elements are
// numbered; at the end each must be there once with all its words. Kept from handicapping a peer: the burst is a constant where
// its inline functions see it, so that copy loops unroll and vectorise; and the driver takes the faster of two compilers.
#ifndef RING_PEER_SHAPES
#ifndef RING_PEER_H
#define RING_PEER_H
#include "common.h"

#include <pthread.h>

enum { slots = 1024, burst_limit = 32, circulating = slots / 4 * 3 };  // as many as cleanq-bench keeps between two cores

// DPDK copies elements as 32- or 64-bit words whatever they are; without may_alias, clang moves our accesses past its copies.
typedef uint64_t __attribute__((may_alias)) element_word;
#ifndef ELEMENT_FIELDS
#define ELEMENT_FIELDS element_word word[4];
#endif
typedef struct element { ELEMENT_FIELDS } element;
#ifndef __cplusplus
_Static_assert(sizeof(((element *)0)->word) == 32, "the size that a descriptor of ours has");
#endif

#define ALWAYS static inline __attribute__((always_inline))

ALWAYS void pause_briefly(void) { __builtin_ia32_pause(); }

// Zeroed memory for a ring, from the start of a page.
static inline void *ring_memory(size_t bytes) {
    size_t whole = (bytes + 4095) & ~(size_t)4095;
    void *memory = aligned_alloc(4096, whole);
    if (memory == NULL) fail("no memory for the ring");
    return memset(memory, 0, whole);
}
#endif
#else

// What a word of an element is, and which of its bits the ring may change; one of the words counts the elements.
#ifndef ELEMENT_WORDS
#define ELEMENT_WORDS
enum { counting_word = 0 };
ALWAYS uint64_t word_of(uint64_t number, unsigned w) { return number * 4 + w; }
ALWAYS uint64_t changing_bits(unsigned w) { return w * 0; }
#endif

static int cores = 1, burst = 1, buffers = 0, round_trip = 0, cpus[2] = {0, 1};
static double seconds = 1;
static peer_ring *there, *back;
static pthread_barrier_t ready;
static int stop_reflecting;

static void option(const char *name, const char *value) {
    if (strcmp(name, "cores") == 0) cores = (int)integer_option(name, value, 1, 2);
    else if (strcmp(name, "burst") == 0) burst = (int)integer_option(name, value, 1, burst_limit);
    else if (strcmp(name, "buffers") == 0) buffers = (int)integer_option(name, value, 1, circulating);
    else if (strcmp(name, "seconds") == 0) seconds = seconds_option(name, value);
    else if (strcmp(name, "shape") == 0 && strcmp(value, "round-trip") == 0) round_trip = 1;
    else if (strcmp(name, "shape") == 0 && strcmp(value, "circulate") == 0) round_trip = 0;
    else if (strcmp(name, "cpus") == 0 && sscanf(value, "%d,%d", &cpus[0], &cpus[1]) >= 1) return;
    else fail("unknown option --%s %s", name, value);
}

static void number_elements(element *elements, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        for (unsigned w = 0; w < 4; w++) elements[i].word[w] = word_of(i, w);
}

static void check_elements(const element *elements, unsigned count) {
    static uint8_t seen[circulating];
    memset(seen, 0, sizeof seen);
    for (unsigned i = 0; i < count; i++) {
        uint64_t number = elements[i].word[counting_word] / 4;
        if (number >= count || seen[number]++) fail("an element was lost or came twice");
        for (unsigned w = 0; w < 4; w++)
            if ((elements[i].word[w] ^ word_of(number, w)) & ~changing_bits(w)) fail("an element changed on its way");
    }
}

// Puts in or takes out many elements, one by one, beside the measurement: how many.
static unsigned move_all(peer_ring *ring, element *elements, unsigned count, int in) {
    unsigned done = 0;
    while (done < count && (in ? give(ring, elements + done, 1) : fetch(ring, elements + done, 1)) == 1) done++;
    return done;
}

// TSC cycles of `count` passes of a burst. The others stand in the two rings, half of them in each.
ALWAYS uint64_t back_and_forth(unsigned n, uint64_t count) {
    static element pool[circulating];
    unsigned all = (unsigned)buffers > n ? (unsigned)buffers : n, standing = all - n;
    number_elements(pool, all);
    if (move_all(there, pool + n, standing / 2, 1) != standing / 2) fail("the elements do not fit");
    if (move_all(back, pool + n + standing / 2, standing - standing / 2, 1) != standing - standing / 2) fail("the elements do not fit");
    element elements[burst_limit];
    memcpy(elements, pool, n * sizeof(element));
    uint64_t start = tsc();
    for (uint64_t i = 0; i < count; i += 2 * n) {
        give(there, elements, n);
        fetch(there, elements, n);
        give(back, elements, n);
        fetch(back, elements, n);
    }
    uint64_t cycles = tsc() - start;
    memcpy(pool, elements, n * sizeof(element));
    unsigned got = n + move_all(there, pool + n, standing, 0);
    got += move_all(back, pool + got, all - got, 0);
    if (got != all) fail("%u of %u elements are left", got, all);
    check_elements(pool, all);
    return cycles;
}

// Moves elements from one ring to the other until `count` have passed or, at the reflecting end, it is told to stop.
ALWAYS void turn_around(peer_ring *from, peer_ring *to, unsigned n, uint64_t count, const int *stop) {
    element elements[burst_limit];
    for (uint64_t i = 0; i < count;) {
        unsigned got = fetch(from, elements, n);
        if (got == 0) {
            if (__atomic_load_n(stop, __ATOMIC_RELAXED)) return;
            pause_briefly();
            continue;
        }
        i += got;
        if ((got == n ? give(to, elements, n) : give(to, elements, got)) != got)
            fail("a ring with room for all elements was full");
    }
}

ALWAYS void reflect(unsigned n, uint64_t count) { turn_around(there, back, n, count, &stop_reflecting); }

ALWAYS void send_again(unsigned n, uint64_t count) {
    static const int never = 0;
    turn_around(back, there, n, count, &never);
}

// Calls `f` with the burst as a constant, so that each is code of its own.
#define WITH_BURST(f, count) (burst == 1 ? f(1, count) : burst == 8 ? f(8, count) : f(32, count))

static void *reflector(void *unused) {
    (void)unused;
    pin(cpus[1]);
    pthread_barrier_wait(&ready);
    WITH_BURST(reflect, UINT64_MAX);
    return NULL;
}

static pthread_t start_reflector(void) {
    pthread_t thread;
    pthread_barrier_init(&ready, NULL, 2);
    stop_reflecting = 0;
    if (pthread_create(&thread, NULL, reflector, NULL) != 0) fail("cannot start the reflector");
    pthread_barrier_wait(&ready);
    return thread;
}

static void stop_reflector(pthread_t thread) {
    __atomic_store_n(&stop_reflecting, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&ready);
}

static uint64_t pass_between_cores(uint64_t count) {
    static element elements[circulating];
    number_elements(elements, circulating);
    pthread_t thread = start_reflector();
    if (move_all(there, elements, circulating, 1) != circulating) fail("the elements do not fit");
    uint64_t start = tsc();
    WITH_BURST(send_again, count / 2);
    uint64_t cycles = tsc() - start;
    stop_reflector(thread);
    unsigned got = move_all(back, elements, circulating, 0);
    got += move_all(there, elements + got, circulating - got, 0);
    if (got != circulating) fail("%u of %u elements are left", got, (unsigned)circulating);
    check_elements(elements, circulating);
    return cycles;
}

// `count` passes: TSC cycles that they took.
static uint64_t pass(uint64_t count) {
    pin(cpus[0]);
    if (cores == 2) return pass_between_cores(count);
    return WITH_BURST(back_and_forth, count);
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// Round trips of one element: each is timed, and the percentiles are exact.
static void time_round_trips(void) {
    enum { limit = 4 << 20 };
    uint32_t *cycles = (uint32_t *)calloc(limit, sizeof *cycles);
    if (cycles == NULL) fail("no memory for %d round trips", (int)limit);
    pin(cpus[0]);
    pthread_t thread = start_reflector();
    element sent, came;
    number_elements(&sent, 1);
    size_t count = 0;
    uint64_t warm = now_nanoseconds() + 50000000, end = warm + (uint64_t)(seconds * 1e9), now;
    while ((now = now_nanoseconds()) < end && count < limit) {
        for (int i = 0; i < 64 && count < limit; i++) {
            uint64_t start = tsc();
            give(there, &sent, 1);
            while (fetch(back, &came, 1) == 0) pause_briefly();
            if (now > warm) cycles[count++] = (uint32_t)(tsc() - start);
        }
    }
    stop_reflector(thread);
    check_elements(&came, 1);
    if (count == 0) fail("no round trip within %.2f s", seconds);
    qsort(cycles, count, sizeof *cycles, ascending);
    printf("{\"unit\": \"cycles\", \"p50\": %u, \"p99\": %u, \"p99.9\": %u, \"count\": %zu}\n", cycles[count / 2],
           cycles[(count - 1) * 99 / 100], cycles[(count - 1) * 999 / 1000], count);
    free(cycles);
}

int main(int argc, char **argv) {
    parse_options(argc, argv, option);
    if (burst != 1 && burst != 8 && burst != 32) fail("--burst is 1, 8 or 32");
    there = make_ring();
    back = make_ring();
    if (round_trip) {
        time_round_trips();
    } else {
        uint64_t warm_up = 2 << 20, start = now_nanoseconds();
        pass(warm_up);
        double per_element = (double)(now_nanoseconds() - start) / (double)warm_up;
        uint64_t count = (uint64_t)(seconds * 1e9 / per_element) / 64 * 64 + 64;
        printf("{\"unit\": \"cycles/buffer\", \"value\": %.3f, \"elements\": %lu}\n", (double)pass(count) / (double)count,
               (unsigned long)count);
    }
    free_ring(there);
    free_ring(back);
    return 0;
}
#endif
