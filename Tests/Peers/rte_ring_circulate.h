// The shape of cleanq-bench for rte_ring.c, part of it and included by it alone: the same elements go through one ring and
// come back through another. On one core a thread moves them; on two, one sends and the other sends back. Each lap is two
// passes. Elements are numbered, and at the end each must be there once with all its words.

enum { circulating = slots / 4 * 3 };  // as many as cleanq-bench keeps between two cores

static void number_elements(element *elements, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        for (unsigned w = 0; w < 4; w++) elements[i].word[w] = i * 4 + w;
}

static void check_elements(const element *elements, unsigned count) {
    static uint8_t seen[circulating];
    memset(seen, 0, sizeof seen);
    for (unsigned i = 0; i < count; i++) {
        uint64_t number = elements[i].word[0] / 4;
        if (number >= count || seen[number]++) fail("an element was lost or came twice");
        for (unsigned w = 0; w < 4; w++)
            if (elements[i].word[w] != number * 4 + w) fail("an element changed on its way");
    }
}

ALWAYS unsigned enqueue(struct rte_ring *to, element *elements, unsigned n) {  // DPDK's single form takes no const
    if (n == 1) return rte_ring_sp_enqueue_elem(to, elements, sizeof(element)) == 0;
    return rte_ring_sp_enqueue_burst_elem(to, elements, sizeof(element), n, NULL);
}

ALWAYS unsigned dequeue(struct rte_ring *from, element *elements, unsigned n) {
    if (n == 1) return rte_ring_sc_dequeue_elem(from, elements, sizeof(element)) == 0;
    return rte_ring_sc_dequeue_burst_elem(from, elements, sizeof(element), n, NULL);
}

ALWAYS void copy(element *to, const element *from, unsigned count) {
    for (unsigned i = 0; i < count; i++) to[i] = from[i];
}

// With the zero-copy interface the caller copies, and its compiler knows the size: between the slots and the elements.
ALWAYS unsigned enqueue_zc(struct rte_ring *to, const element *elements, unsigned n) {
    struct rte_ring_zc_data at;
    unsigned room = rte_ring_enqueue_zc_burst_elem_start(to, sizeof(element), n, &at, NULL);
    if (room == 0) return 0;
    copy(at.ptr1, elements, at.n1);
    if (room > at.n1) copy(at.ptr2, elements + at.n1, room - at.n1);
    rte_ring_enqueue_zc_elem_finish(to, room);
    return room;
}

ALWAYS unsigned dequeue_zc(struct rte_ring *from, element *elements, unsigned n) {
    struct rte_ring_zc_data at;
    unsigned ready = rte_ring_dequeue_zc_burst_elem_start(from, sizeof(element), n, &at, NULL);
    if (ready == 0) return 0;
    copy(elements, at.ptr1, at.n1);
    if (ready > at.n1) copy(elements + at.n1, at.ptr2, ready - at.n1);
    rte_ring_dequeue_zc_elem_finish(from, ready);
    return ready;
}

ALWAYS unsigned give(struct rte_ring *to, element *elements, unsigned n, int zc) {
    return zc ? enqueue_zc(to, elements, n) : enqueue(to, elements, n);
}

ALWAYS unsigned fetch(struct rte_ring *from, element *elements, unsigned n, int zc) {
    return zc ? dequeue_zc(from, elements, n) : dequeue(from, elements, n);
}

ALWAYS void back_and_forth(unsigned n, uint64_t count, int zc) {
    element elements[n];
    number_elements(elements, n);
    for (uint64_t i = 0; i < count; i += 2 * n) {
        give(ring, elements, n, zc);
        fetch(ring, elements, n, zc);
        give(ring_back, elements, n, zc);
        fetch(ring_back, elements, n, zc);
    }
    check_elements(elements, n);
}

// Moves elements from one ring to the other until `count` have passed or, at the reflecting end, it is told to stop.
ALWAYS void turn_around(struct rte_ring *from, struct rte_ring *to, unsigned n, uint64_t count, int zc,
                        const int *stop) {
    element elements[n];
    for (uint64_t i = 0; i < count;) {
        unsigned got = fetch(from, elements, n, zc);
        if (got == 0) {
            if (__atomic_load_n(stop, __ATOMIC_RELAXED)) return;
            rte_pause();
            continue;
        }
        i += got;
        if ((got == n ? give(to, elements, n, zc) : give(to, elements, got, zc)) != got)
            fail("a ring with room for all elements was full");
    }
}

static int stop_reflecting;

ALWAYS void reflect(unsigned n, uint64_t count, int zc) {
    turn_around(ring, ring_back, n, count, zc, &stop_reflecting);
}

ALWAYS void send_again(unsigned n, uint64_t count, int zc) {
    static const int never;
    turn_around(ring_back, ring, n, count, zc, &never);
}

static void *reflector(void *unused) {
    (void)unused;
    pin(cpus[1]);
    pthread_barrier_wait(&ready);
    SPECIALISED(reflect, UINT64_MAX);
    return NULL;
}

static uint64_t pass_between_cores(uint64_t count) {
    element elements[circulating];
    number_elements(elements, circulating);
    pthread_t thread;
    pthread_barrier_init(&ready, NULL, 2);
    stop_reflecting = 0;
    if (pthread_create(&thread, NULL, reflector, NULL) != 0) fail("cannot start the reflector");
    pthread_barrier_wait(&ready);
    if (enqueue(ring, elements, circulating) != circulating) fail("the elements do not fit");
    uint64_t start = tsc();
    SPECIALISED(send_again, count / 2);
    uint64_t cycles = tsc() - start;
    __atomic_store_n(&stop_reflecting, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&ready);
    unsigned got = dequeue(ring_back, elements, circulating);
    if (got < circulating) got += dequeue(ring, elements + got, circulating - got);
    if (got != circulating) fail("%u of %u elements are left", got, circulating);
    check_elements(elements, circulating);
    return cycles;
}

// `count` passes: TSC cycles that they took.
static uint64_t pass_around(uint64_t count) {
    pin(cpus[0]);
    if (cores == 2) return pass_between_cores(count);
    uint64_t start = tsc();
    SPECIALISED(back_and_forth, count);
    return tsc() - start;
}
