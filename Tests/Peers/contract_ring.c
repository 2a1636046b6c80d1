// What the contract's checks and accounts cost in C: a ring with the memory layout of ours that does for each element what ours
// does for a buffer. Not a peer but a measure of the compiler and the language. Options and shapes: ring_peer.h.
//
// An element is a buffer, its region's address and a descriptor; in the ring it is the descriptor. Giving compares its region
// with the one that is registered (which also says that no end has gone), looks for the mark of a whole run and for room, and
// counts buffers and bytes. Fetching compares the region again, counts, and notes in the descriptor on which side the buffer is.
#define ELEMENT_FIELDS void *base; element_word word[4];
#include "ring_peer.h"

typedef struct { uint64_t word[4]; } descriptor;  // region, offset, lengths, valid length and marks

// What an end knows of the region, and its counts.
typedef struct {
    _Alignas(128) uint64_t region;
    void *base;
    uint64_t keep, set;
    uint64_t count;
} account;

typedef struct {
    _Alignas(128) uint32_t head;
    _Alignas(128) uint32_t tail;
    _Alignas(128) descriptor slot[slots];
    _Alignas(128) uint32_t producer_head, producer_tail;
    _Alignas(128) uint32_t consumer_tail, consumer_head;
    account given, taken;
} peer_ring;

#define ELEMENT_WORDS
static const uint64_t last = 1ull << 32, note = 1ull << 40, region = 0x700000001;
enum { element_bytes = 2048, counting_word = 1 };
ALWAYS uint64_t word_of(uint64_t number, unsigned w) {
    return w == 0 ? region : w == 1 ? number * 4 : w == 2 ? element_bytes : last;
}
ALWAYS uint64_t changing_bits(unsigned w) { return w == 3 ? note : 0; }

static peer_ring *make_ring(void) {
    static int made_before;
    static char memory[element_bytes];
    peer_ring *made = ring_memory(sizeof *made);
    // The first ring leads to the far side, the second back.
    uint64_t set = made_before++ ? 0 : note;
    made->given.region = made->taken.region = region;
    made->taken.base = memory;
    made->taken.keep = ~note;
    made->taken.set = set;
    return made;
}

static void free_ring(peer_ring *ring) { free(ring); }

// What nearly never happens: it gives as many as there is room for, and nothing that is not allowed.
static __attribute__((noinline)) unsigned give_unusual(peer_ring *to, const element *from, unsigned n) {
    to->producer_tail = __atomic_load_n(&to->tail, __ATOMIC_ACQUIRE);
    uint32_t head = to->producer_head, room = slots - (head - to->producer_tail);
    if (room < n) n = room;
    unsigned i = 0;
    for (; i < n && from[i].word[0] == to->given.region && (from[i].word[3] & last); i++) {
        memcpy(&to->slot[(head + i) % slots], from[i].word, sizeof(descriptor));
        to->given.count += 1ull << 40 | (uint32_t)from[i].word[2];
    }
    to->producer_head = head + i;
    __atomic_store_n(&to->head, head + i, __ATOMIC_RELEASE);
    return i;
}

ALWAYS unsigned give(peer_ring *to, const element *from, unsigned n) {
    uint32_t head = to->producer_head;
    if (slots - (head - to->producer_tail) < n) to->producer_tail = __atomic_load_n(&to->tail, __ATOMIC_ACQUIRE);
    if (slots - (head - to->producer_tail) < n || !(from[n - 1].word[3] & last)) return give_unusual(to, from, n);
    uint64_t known = to->given.region, bytes = 0;
    for (unsigned i = 0; i < n; i++) {
        if (from[i].word[0] != known) return give_unusual(to, from, n);
        memcpy(&to->slot[(head + i) % slots], from[i].word, sizeof(descriptor));
        bytes += (uint32_t)from[i].word[2];
    }
    to->given.count += ((uint64_t)n << 40) + bytes;
    to->producer_head = head + n;
    __atomic_store_n(&to->head, head + n, __ATOMIC_RELEASE);
    return n;
}

ALWAYS unsigned fetch(peer_ring *from, element *to, unsigned n) {
    uint32_t tail = from->consumer_tail;
    if (from->consumer_head - tail < n) from->consumer_head = __atomic_load_n(&from->head, __ATOMIC_ACQUIRE);
    uint32_t ready = from->consumer_head - tail;
    if (ready < n) n = ready;
    uint64_t known = from->taken.region, keep = from->taken.keep, set = from->taken.set, bytes = 0;
    void *base = from->taken.base;
    for (unsigned i = 0; i < n; i++) {
        const descriptor *at = &from->slot[(tail + i) % slots];
        if (at->word[0] != known) fail("a ring was overwritten");
        bytes += (uint32_t)at->word[2];
        to[i].base = base;
        for (unsigned w = 0; w < 3; w++) to[i].word[w] = at->word[w];
        to[i].word[3] = (at->word[3] & keep) | set;
    }
    from->taken.count += ((uint64_t)n << 40) + bytes;
    from->consumer_tail = tail + n;
    __atomic_store_n(&from->tail, tail + n, __ATOMIC_RELEASE);
    return n;
}

#define RING_PEER_SHAPES
#include "ring_peer.h"
