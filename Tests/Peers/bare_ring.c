// How little a ring can cost: single producer and single consumer, cached cursors, and no check of anything. Not a peer but
// the limit that a ring with this memory layout has on this processor. Options and shapes: ring_peer.h.
//
// On one core an element is stored into a slot, loaded from it, stored into the next: each pass waits for the store before.
#include "ring_peer.h"

typedef struct {
    _Alignas(128) uint32_t head;
    _Alignas(128) uint32_t tail;
    _Alignas(128) element slot[slots];
    // Each side's own: its cursor, and the last that it saw of the other's.
    _Alignas(128) uint32_t producer_head, producer_tail;
    _Alignas(128) uint32_t consumer_tail, consumer_head;
} peer_ring;

static peer_ring *make_ring(void) {
    return ring_memory(sizeof(peer_ring));
}

static void free_ring(peer_ring *ring) { free(ring); }

ALWAYS unsigned give(peer_ring *to, const element *from, unsigned n) {
    uint32_t head = to->producer_head;
    if (slots - (head - to->producer_tail) < n) to->producer_tail = __atomic_load_n(&to->tail, __ATOMIC_ACQUIRE);
    uint32_t room = slots - (head - to->producer_tail);
    if (room < n) n = room;
    for (unsigned i = 0; i < n; i++) to->slot[(head + i) % slots] = from[i];
    to->producer_head = head + n;
    __atomic_store_n(&to->head, head + n, __ATOMIC_RELEASE);
    return n;
}

ALWAYS unsigned fetch(peer_ring *from, element *to, unsigned n) {
    uint32_t tail = from->consumer_tail;
    if (from->consumer_head - tail < n) from->consumer_head = __atomic_load_n(&from->head, __ATOMIC_ACQUIRE);
    uint32_t ready = from->consumer_head - tail;
    if (ready < n) n = ready;
    for (unsigned i = 0; i < n; i++) to[i] = from->slot[(tail + i) % slots];
    from->consumer_tail = tail + n;
    __atomic_store_n(&from->tail, tail + n, __ATOMIC_RELEASE);
    return n;
}

#define RING_PEER_SHAPES
#include "ring_peer.h"
