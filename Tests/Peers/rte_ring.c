// The peer of our ring: DPDK's rte_ring, single producer and single consumer. Options and shapes: ring_peer.h.
//
// No EAL: rte_ring_init works on memory of one's own, so neither hugepages nor root are needed. With -DZERO_COPY it is
// DPDK's experimental interface that hands out the slots, so that the caller copies and its compiler knows the size.
#include "ring_peer.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <rte_ring_peek_zc.h>

typedef struct rte_ring peer_ring;

static peer_ring *make_ring(void) {
    size_t bytes = (size_t)rte_ring_get_memsize_elem(sizeof(element), slots);
    struct rte_ring *made = ring_memory(bytes);
    // 1024 slots, of which DPDK uses 1023; RING_F_EXACT_SZ would double the memory and leave the first-level cache.
    int error = rte_ring_init(made, "peer", slots, RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (error != 0) fail("rte_ring_init: %s", strerror(-error));
    return made;
}

static void free_ring(peer_ring *ring) { free(ring); }

#ifdef ZERO_COPY
ALWAYS void copy(element *to, const element *from, unsigned count) {
    for (unsigned i = 0; i < count; i++) to[i] = from[i];
}

ALWAYS unsigned give(peer_ring *to, const element *elements, unsigned n) {
    struct rte_ring_zc_data at;
    unsigned room = rte_ring_enqueue_zc_burst_elem_start(to, sizeof(element), n, &at, NULL);
    if (room == 0) return 0;
    copy(at.ptr1, elements, at.n1);
    if (room > at.n1) copy(at.ptr2, elements + at.n1, room - at.n1);
    rte_ring_enqueue_zc_elem_finish(to, room);
    return room;
}

ALWAYS unsigned fetch(peer_ring *from, element *elements, unsigned n) {
    struct rte_ring_zc_data at;
    unsigned ready = rte_ring_dequeue_zc_burst_elem_start(from, sizeof(element), n, &at, NULL);
    if (ready == 0) return 0;
    copy(elements, at.ptr1, at.n1);
    if (ready > at.n1) copy(elements + at.n1, at.ptr2, ready - at.n1);
    rte_ring_dequeue_zc_elem_finish(from, ready);
    return ready;
}
#else
ALWAYS unsigned give(peer_ring *to, const element *elements, unsigned n) {
    if (n == 1) return rte_ring_sp_enqueue_elem(to, (void *)(uintptr_t)elements, sizeof(element)) == 0;  // takes no const
    return rte_ring_sp_enqueue_burst_elem(to, elements, sizeof(element), n, NULL);
}

ALWAYS unsigned fetch(peer_ring *from, element *elements, unsigned n) {
    if (n == 1) return rte_ring_sc_dequeue_elem(from, elements, sizeof(element)) == 0;
    return rte_ring_sc_dequeue_burst_elem(from, elements, sizeof(element), n, NULL);
}
#endif

#define RING_PEER_SHAPES
#include "ring_peer.h"
