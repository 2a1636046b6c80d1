// The peer of our ring: DPDK's rte_ring, single producer and single consumer, 32-byte elements, 1024 slots.
//
//     rte_ring --cores 1|2 --burst 1|8|32 [--api elem|zc] [--shape circulate|oneway] [--cpus 0,1] [--seconds 1]
//
// Prints {"name": "ring/cores=2/burst=32", "unit": "cycles/buffer", "value": 5.5}: TSC cycles per pass of an element
// through a ring. Two shapes: `circulate` (rte_ring_circulate.h) does what cleanq-bench does, the same elements there and
// back through a pair of rings; `oneway` is the classic one, a producer writes all 32 bytes of each element, a consumer
// reads them. Either checks at the end that what came out is what went in. No EAL: rte_ring_init works on memory of one's
// own, so neither hugepages nor root are needed.
//
// Kept from handicapping the peer: the burst is a constant where DPDK's inline functions see it, so its copy loops unroll
// and vectorise; the driver takes the faster of two compilers; DPDK's zero-copy interface is offered beside the copying one.
#include "common.h"

#include <pthread.h>
#include <rte_errno.h>
#include <rte_pause.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <rte_ring_peek_zc.h>

enum { slots = 1024 };

// DPDK copies elements as 32- or 64-bit words whatever they are; without may_alias, clang moves our accesses past its copies.
typedef uint64_t __attribute__((may_alias)) element_word;
typedef struct { element_word word[4]; } element;
_Static_assert(sizeof(element) == 32, "the size that a descriptor of ours has");

static int cores = 1, burst = 1, zero_copy = 0, one_way = 0, cpus[2] = {0, 1};
static double seconds = 1;
static struct rte_ring *ring, *ring_back;

static void option(const char *name, const char *value) {
    if (strcmp(name, "cores") == 0) cores = (int)integer_option(name, value, 1, 2);
    else if (strcmp(name, "burst") == 0) burst = (int)integer_option(name, value, 1, 32);
    else if (strcmp(name, "seconds") == 0) seconds = seconds_option(name, value);
    else if (strcmp(name, "api") == 0 && strcmp(value, "zc") == 0) zero_copy = 1;
    else if (strcmp(name, "api") == 0 && strcmp(value, "elem") == 0) zero_copy = 0;
    else if (strcmp(name, "shape") == 0 && strcmp(value, "oneway") == 0) one_way = 1;
    else if (strcmp(name, "shape") == 0 && strcmp(value, "circulate") == 0) one_way = 0;
    else if (strcmp(name, "cpus") == 0 && sscanf(value, "%d,%d", &cpus[0], &cpus[1]) >= 1) return;
    else fail("unknown option --%s %s", name, value);
}

#define ALWAYS static inline __attribute__((always_inline))

ALWAYS void write_elements(element *to, unsigned count, uint64_t first) {
    for (unsigned i = 0; i < count; i++)
        for (unsigned w = 0; w < 4; w++) to[i].word[w] = first + i + w;
}

ALWAYS uint64_t read_elements(const element *from, unsigned count) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        for (unsigned w = 0; w < 4; w++) sum += from[i].word[w];
    return sum;
}

// What the consumer's sum must be after `count` elements, modulo 2^64.
static uint64_t expected_sum(uint64_t count) {
    unsigned __int128 n = count;
    return (uint64_t)(4 * (n * (n - 1) / 2) + 6 * n);
}

// Enqueues up to `n` elements numbered from `first`: how many there was room for.
ALWAYS unsigned put(unsigned n, uint64_t first, int zc) {
    if (zc) {
        struct rte_ring_zc_data at;
        unsigned room = rte_ring_enqueue_zc_burst_elem_start(ring, sizeof(element), n, &at, NULL);
        if (room == 0) return 0;
        write_elements(at.ptr1, at.n1, first);
        if (room > at.n1) write_elements(at.ptr2, room - at.n1, first + at.n1);
        rte_ring_enqueue_zc_elem_finish(ring, room);
        return room;
    }
    element elements[n];
    write_elements(elements, n, first);
    if (n == 1) return rte_ring_sp_enqueue_elem(ring, elements, sizeof(element)) == 0;
    return rte_ring_sp_enqueue_burst_elem(ring, elements, sizeof(element), n, NULL);
}

// Dequeues up to `n` elements and adds their words to `sum`: how many there were.
ALWAYS unsigned take(unsigned n, uint64_t *sum, int zc) {
    if (zc) {
        struct rte_ring_zc_data at;
        unsigned ready = rte_ring_dequeue_zc_burst_elem_start(ring, sizeof(element), n, &at, NULL);
        if (ready == 0) return 0;
        *sum += read_elements(at.ptr1, at.n1);
        if (ready > at.n1) *sum += read_elements(at.ptr2, ready - at.n1);
        rte_ring_dequeue_zc_elem_finish(ring, ready);
        return ready;
    }
    element elements[n];
    unsigned got;
    if (n == 1) got = rte_ring_sc_dequeue_elem(ring, elements, sizeof(element)) == 0;
    else got = rte_ring_sc_dequeue_burst_elem(ring, elements, sizeof(element), n, NULL);
    *sum += got == n ? read_elements(elements, n) : read_elements(elements, got);
    return got;
}

ALWAYS uint64_t alternate(unsigned n, uint64_t count, int zc) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i += n) {
        put(n, i, zc);
        take(n, &sum, zc);
    }
    return sum;
}

// The last elements go one by one, so that exactly `count` pass and the bursts stay constant.
ALWAYS void produce(unsigned n, uint64_t count, int zc) {
    for (uint64_t i = 0; i < count;) {
        unsigned done = count - i >= n ? put(n, i, zc) : put(1, i, zc);
        if (done == 0) rte_pause();
        i += done;
    }
}

ALWAYS uint64_t consume(unsigned n, uint64_t count, int zc) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count;) {
        unsigned done = count - i >= n ? take(n, &sum, zc) : take(1, &sum, zc);
        if (done == 0) rte_pause();
        i += done;
    }
    return sum;
}

// Calls `f` with the burst and the interface as constants, so that each combination is code of its own.
#define SPECIALISED(f, count)                                                                              \
    (zero_copy ? (burst == 1 ? f(1, count, 1) : burst == 8 ? f(8, count, 1) : f(32, count, 1))             \
               : (burst == 1 ? f(1, count, 0) : burst == 8 ? f(8, count, 0) : f(32, count, 0)))

static pthread_barrier_t ready;

static void *producer(void *count) {
    pin(cpus[0]);
    pthread_barrier_wait(&ready);
    SPECIALISED(produce, *(uint64_t *)count);
    return NULL;
}

#include "rte_ring_circulate.h"

// Passes `count` elements one way: TSC cycles that it took.
static uint64_t pass_one_way(uint64_t count) {
    uint64_t start, end, sum;
    if (cores == 1) {
        pin(cpus[0]);
        start = tsc();
        sum = SPECIALISED(alternate, count);
        end = tsc();
    } else {
        pthread_t thread;
        pin(cpus[1]);
        pthread_barrier_init(&ready, NULL, 2);
        if (pthread_create(&thread, NULL, producer, &count) != 0) fail("cannot start the producer");
        pthread_barrier_wait(&ready);
        start = tsc();
        sum = SPECIALISED(consume, count);
        end = tsc();
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&ready);
    }
    if (sum != expected_sum(count)) fail("rte_ring passed %lu elements with a wrong sum", (unsigned long)count);
    return end - start;
}

static struct rte_ring *make_ring(void) {
    size_t bytes = (size_t)rte_ring_get_memsize_elem(sizeof(element), slots);
    struct rte_ring *made = aligned_alloc(4096, (bytes + 4095) & ~4095ul);
    if (made == NULL) fail("no memory for the ring");
    memset(made, 0, bytes);
    // 1024 slots, of which DPDK uses 1023; RING_F_EXACT_SZ would double the memory and leave the first-level cache.
    int error = rte_ring_init(made, "peer", slots, RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (error != 0) fail("rte_ring_init: %s", strerror(-error));
    return made;
}

int main(int argc, char **argv) {
    parse_options(argc, argv, option);
    if (burst != 1 && burst != 8 && burst != 32) fail("--burst is 1, 8 or 32");
    ring = make_ring();
    ring_back = make_ring();
    uint64_t (*pass)(uint64_t) = one_way ? pass_one_way : pass_around;

    uint64_t warm_up = 2 << 20, start = now_nanoseconds();
    pass(warm_up);
    double per_element = (double)(now_nanoseconds() - start) / (double)warm_up;
    uint64_t count = (uint64_t)(seconds * 1e9 / per_element) / 64 * 64 + 64;
    printf("{\"name\": \"ring/cores=%d/burst=%d\", \"unit\": \"cycles/buffer\", \"value\": %.3f, \"api\": \"%s\", "
           "\"shape\": \"%s\", \"elements\": %lu}\n",
           cores, burst, (double)pass(count) / (double)count, zero_copy ? "zc" : "elem",
           one_way ? "oneway" : "circulate", (unsigned long)count);
    free(ring);
    free(ring_back);
    return 0;
}
