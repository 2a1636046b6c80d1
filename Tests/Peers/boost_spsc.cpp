// The peer of our ring: boost::lockfree::spsc_queue, its capacity a constant. Options and shapes: ring_peer.h.
#include "ring_peer.h"

#include <boost/lockfree/spsc_queue.hpp>

using peer_ring = boost::lockfree::spsc_queue<element, boost::lockfree::capacity<slots>>;
static_assert(sizeof(element) == 32, "the size that a descriptor of ours has");

static peer_ring *make_ring() { return new peer_ring; }

static void free_ring(peer_ring *ring) { delete ring; }

ALWAYS unsigned give(peer_ring *to, const element *elements, unsigned n) {
    if (n == 1) return to->push(*elements);
    return static_cast<unsigned>(to->push(elements, n));
}

ALWAYS unsigned fetch(peer_ring *from, element *elements, unsigned n) {
    if (n == 1) return from->pop(*elements);
    return static_cast<unsigned>(from->pop(elements, n));
}

#define RING_PEER_SHAPES
#include "ring_peer.h"
