// The peer of our ring: Concurrency Kit's ck_ring, single producer and single consumer. Options and shapes: ring_peer.h.
//
// It has no operation for a burst, so a burst is that many operations.
#include "ring_peer.h"

#include <ck_ring.h>

CK_RING_PROTOTYPE(elements, element)

typedef struct {
    ck_ring_t ring;
    element slot[slots] __attribute__((aligned(64)));
} peer_ring;

static peer_ring *make_ring(void) {
    peer_ring *made = ring_memory(sizeof *made);
    ck_ring_init(&made->ring, slots);  // of which it uses 1023
    return made;
}

static void free_ring(peer_ring *ring) { free(ring); }

ALWAYS unsigned give(peer_ring *to, const element *from, unsigned n) {
    unsigned done = 0;
    // It takes no const.
    while (done < n && CK_RING_ENQUEUE_SPSC(elements, &to->ring, to->slot, (element *)(uintptr_t)&from[done])) done++;
    return done;
}

ALWAYS unsigned fetch(peer_ring *from, element *to, unsigned n) {
    unsigned done = 0;
    while (done < n && CK_RING_DEQUEUE_SPSC(elements, &from->ring, from->slot, &to[done])) done++;
    return done;
}

#define RING_PEER_SHAPES
#include "ring_peer.h"
