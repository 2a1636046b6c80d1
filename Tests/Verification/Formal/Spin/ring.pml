/* The single-producer single-consumer ring, under delayed stores and reordered loads.
 *
 * Models, step by step, Sources/CleanQ/Ring: RingProducer.freeCount, write, publish; RingConsumer.availableCount, read,
 * publish; and how RingLink.enqueue and dequeue, single and burst, call them. Reading the other side's cursor, each store
 * of a descriptor's field, each load of one and each publish are steps of their own.
 *
 * Two slots, descriptors of two fields, bursts of one or two packets and runs of two buffers, cursors that run freely modulo 4 and
 * wrap for ever: there is
 * no bound on the length of a run. A descriptor's fields both hold its number modulo 8, so that a stale, torn, lost,
 * doubled or reordered one shows.
 *
 * Memory. Default: like ARM's (multi-copy atomic). Each side's stores wait in a buffer of six and leave it in any order,
 * those to one place in order; a releasing store leaves after all that came before it, loads included. A load may be
 * satisfied early, before the loads that precede it, unless one of those acquires; and late, after stores that follow it,
 * unless those release. -DTSO: like x86's. First in, first out; loads in order.
 * An unordered load of `tail` may be satisfied even after the stores that depend on it (a guess that must come true):
 * the language, unlike the processor, does not honour control dependencies.
 *
 * Abstracted: values other than numbers, more than two slots or fields, reads of one slot's fields by the processor in
 * pieces smaller than a field, a second process that writes the same ring (a hostile peer: see the Coq part).
 *
 * Mutants, by -D: NO_RELEASE_HEAD NO_ACQUIRE_HEAD NO_RELEASE_TAIL NO_ACQUIRE_TAIL FULL_TOO_LATE FULL_TOO_EARLY
 * EMPTY_TOO_LATE WRAPS_AT_SLOTS PUBLISH_BEFORE_WRITE PUBLISH_BEFORE_READ PUBLISH_ONE_OF_BURST SAME_SLOT_FOR_BURST
 * CURSOR_NEVER_READ_AGAIN ADVANCE_BY_SLOTS
 */

#define slots 2
#define fields 2
#define places 4                        /* slots * fields; the place after them is `head` */
#define HEAD 4
#define numbers 8                       /* descriptors are numbered modulo this */
#define room 6                          /* of the producer's store buffer: a full ring, two publishes included */
#ifdef WRAPS_AT_SLOTS
#define wrap 2                          /* full looks like empty */
#else
#ifndef wrap
#define wrap 4                          /* a power of two above `slots`; any will do, see `verify` */
#endif
#endif
#define minus(a, b) (((a) + wrap - (b)) % wrap)
#define apart(a, b) (((a) + numbers - (b)) % numbers)

#ifdef FULL_TOO_LATE
#define capacity 3
#else
#ifdef FULL_TOO_EARLY
#define capacity 1
#else
#define capacity slots
#endif
#endif
#ifdef EMPTY_TOO_LATE
#define extra 1
#else
#define extra 0
#endif

/* What both sides see. */
byte slot[places];
byte headCursor, tailCursor;

/* The producer's: RingProducer.head and cachedTail; its store buffer, oldest first; an early load of `tail`. */
byte head, cachedTail;
byte storePlace[room], storeValue[room], storeCount;
bit tailEarly;
byte tailEarlyValue;

/* The consumer's: RingConsumer.tail and cachedHead; its stores of `tail`, each with the loads that it waits for; early
 * loads of `head` and of the slots; loads of the slots not yet satisfied, a bit per place. */
byte tail, cachedHead;
byte tailStore[2], tailWaits[2], tailStoreCount;
bit headEarly;
byte headEarlyValue;
byte early, earlyValue[places];
byte pending, expected[slots];

/* Not in the code: numbers of the next descriptor to write and to read; a guess about `tail` that is not yet true, and
 * whether something went wrong that counts only if it comes true. */
byte sent, received;
bit guessing, wrongIfTrue;

/* MARK: properties */

inline arrives(place, value) {
  if
  :: guessing -> wrongIfTrue = wrongIfTrue || value != expected[(place) / fields]
  :: else -> assert(value == expected[(place) / fields])   /* order, loss, doubles, torn, stale */
  fi
}

/* MARK: the producer's store buffer */

#define differs(i, j) (storePlace[i] != storePlace[j])
#ifdef NO_RELEASE_HEAD
#define mayPass(i) true
#else
#define mayPass(i) (storePlace[i] != HEAD)
#endif

inline store(place, value) {
  atomic {
    storeCount < room;
    storePlace[storeCount] = place;
    storeValue[storeCount] = value;
    storeCount++
  }
}

inline leave(i) {
  if
  :: storePlace[i] == HEAD -> headCursor = storeValue[i]
  :: else -> slot[storePlace[i]] = storeValue[i]
  fi;
  k = i;
  do
  :: k + 1 < storeCount -> storePlace[k] = storePlace[k + 1]; storeValue[k] = storeValue[k + 1]; k++
  :: else -> break
  od;
  storeCount--;
  storePlace[storeCount] = 0;
  storeValue[storeCount] = 0;
  k = 0
}

active proctype ProducerStores() {
  byte k;
end:
  do
  :: atomic { storeCount > 0 && !(guessing && storePlace[0] == HEAD) -> leave(0) }
#ifndef TSO
  :: atomic { storeCount > 1 && mayPass(1) && differs(1, 0) -> leave(1) }
  :: atomic { storeCount > 2 && mayPass(2) && differs(2, 0) && differs(2, 1) -> leave(2) }
  :: atomic { storeCount > 3 && mayPass(3) && differs(3, 0) && differs(3, 1) && differs(3, 2) -> leave(3) }
  :: atomic { storeCount > 4 && mayPass(4) && differs(4, 0) && differs(4, 1) && differs(4, 2) && differs(4, 3) -> leave(4) }
#endif
  od
}

/* MARK: early and late loads */

#ifndef TSO
active proctype ProducerLoads() {
end:
  do
  :: d_step { !tailEarly && tailCursor != cachedTail -> tailEarly = 1; tailEarlyValue = tailCursor }
#ifdef NO_ACQUIRE_TAIL
  :: d_step { guessing && tailCursor == cachedTail -> guessing = 0; assert(!wrongIfTrue) }
#endif
  od
}

#define place(i) (early & (1 << (i)))
#define waiting(i) (pending & (1 << (i)))

inline loadEarly(i) {
  d_step { !place(i) && !waiting(i) -> early = early | (1 << (i)); earlyValue[i] = slot[i] }
}

inline satisfy(i) {
  d_step {
    waiting(i) ->
    pending = pending & ~(1 << (i));
    tailWaits[0] = tailWaits[0] & ~(1 << (i));
    tailWaits[1] = tailWaits[1] & ~(1 << (i));
    arrives(i, slot[i])
  }
}

inline forgetEarly() {
  early = 0;
  earlyValue[0] = 0; earlyValue[1] = 0; earlyValue[2] = 0; earlyValue[3] = 0
}

active proctype ConsumerLoads() {
end:
  do
  :: d_step {
       !headEarly && headCursor != cachedHead ->
       headEarly = 1;
       headEarlyValue = headCursor;
#ifndef NO_ACQUIRE_HEAD
       forgetEarly()                    /* an acquiring load: those that follow it come later */
#endif
     }
  :: loadEarly(0)
  :: loadEarly(1)
  :: loadEarly(2)
  :: loadEarly(3)
  :: satisfy(0)
  :: satisfy(1)
  :: satisfy(2)
  :: satisfy(3)
  od
}
#endif

/* MARK: the consumer's store buffer */

active proctype ConsumerStores() {
end:
  do
  :: d_step {
#ifdef NO_RELEASE_TAIL
       tailStoreCount > 0 ->
#else
       tailStoreCount > 0 && tailWaits[0] == 0 ->
#endif
       tailCursor = tailStore[0];
       tailStore[0] = tailStore[1];
       tailWaits[0] = tailWaits[1];
       tailStore[1] = 0;
       tailWaits[1] = 0;
       tailStoreCount--
     }
  od
}

/* MARK: the producer */

/* RingProducer.write, a store per field. */
inline write(index) {
  d_step {
    at = ((head + (index)) % wrap) % slots;
    assert(guessing || apart(sent, received) < slots)      /* no slot of [tail, head) is written */
  }
  store(fields * at, sent);
  store(fields * at + 1, sent);
  d_step { sent = (sent + 1) % numbers; at = 0 }
}

/* RingProducer.publish. */
inline publishHead(count) {
  head = (head + (count)) % wrap;
  store(HEAD, head)
}

#define free (capacity - minus(head, cachedTail))

active proctype Producer() {
  byte count, at;
  bit isRun;                            /* a run of two buffers: both or none; else two packets, of which one may fit */
  do
  :: atomic { if :: count = 1 :: count = 2 :: d_step { count = 2; isRun = 1 } fi }
     /* RingProducer.freeCount(wanted: count). A load that finds nothing new is a step that changes nothing: left out. */
     do
     :: atomic { free >= count -> break }
#ifndef CURSOR_NEVER_READ_AGAIN
     :: d_step { free < count && !guessing && tailCursor != cachedTail -> cachedTail = tailCursor; tailEarly = 0; tailEarlyValue = 0 }
     :: d_step { free < count && !guessing && tailEarly -> cachedTail = tailEarlyValue; tailEarly = 0; tailEarlyValue = 0 }
#endif
#ifdef NO_ACQUIRE_TAIL
     :: d_step { free < count && !guessing && head != cachedTail -> cachedTail = (cachedTail + 1) % wrap; guessing = 1; tailEarly = 0; tailEarlyValue = 0 }
#endif
     :: atomic { free < count && free > 0 && !isRun -> count = 1 }  /* RingLink.enqueue: as many as fit */
     od;
#ifdef PUBLISH_BEFORE_WRITE
     publishHead(count);
     head = (head + wrap - count) % wrap;
#endif
     write(0);
#ifdef SAME_SLOT_FOR_BURST
     if :: count == 2 -> write(0) :: else fi;
#else
     if :: count == 2 -> write(1) :: else fi;
#endif
#ifdef PUBLISH_BEFORE_WRITE
     head = (head + count) % wrap;
#else
#ifdef PUBLISH_ONE_OF_BURST
     publishHead(1);
#else
#ifdef ADVANCE_BY_SLOTS
     publishHead(slots);
#else
     publishHead(count);
#endif
#endif
#endif
     d_step { count = 0; isRun = 0 }
  od
}

/* MARK: the consumer */

/* RingConsumer.read: the loads are begun; each may have been satisfied early, or will be late. */
inline readField(i) {
#ifdef TSO
  d_step { arrives(i, slot[i]) }
#else
  if
  :: d_step { place(i) -> arrives(i, earlyValue[i]); early = early & ~(1 << (i)); earlyValue[i] = 0 }
  :: d_step { !waiting(i) -> early = early & ~(1 << (i)); earlyValue[i] = 0; pending = pending | (1 << (i)) }
  fi
#endif
}

inline read(index) {
  atomic {
    at = ((tail + (index)) % wrap) % slots;
    (pending & (3 << (fields * at))) == 0;
    assert(guessing || apart(sent, received) > 0);         /* only slots of [tail, head) are read */
    expected[at] = received
  }
  readField(fields * at);
  readField(fields * at + 1);
  d_step { received = (received + 1) % numbers; at = 0 }
}

/* RingConsumer.publish. */
inline publishTail(count) {
  d_step {
    tailStoreCount < 2 ->
    tail = (tail + (count)) % wrap;
    tailStore[tailStoreCount] = tail;
    tailWaits[tailStoreCount] = pending;
    tailStoreCount++
  }
}

#define available (minus(cachedHead, tail) + extra)

active proctype Consumer() {
  byte count, at;
  do
  :: atomic { if :: count = 1 :: count = 2 fi }
     /* RingConsumer.availableCount(wanted: count). */
     do
     :: atomic { available >= count -> break }
     :: d_step {
          available < count && headCursor != cachedHead ->
          cachedHead = headCursor; headEarly = 0; headEarlyValue = 0;
#if !defined(NO_ACQUIRE_HEAD) && !defined(TSO)
          forgetEarly()
#endif
        }
     :: d_step { available < count && headEarly -> cachedHead = headEarlyValue; headEarly = 0; headEarlyValue = 0 }
     :: atomic { available < count && available > 0 -> count = 1 }
     od;
#ifdef PUBLISH_BEFORE_READ
     publishTail(count);
     tail = (tail + wrap - count) % wrap;
#endif
     read(0);
     if :: count == 2 -> read(1) :: else fi;
#ifdef PUBLISH_BEFORE_READ
     tail = (tail + count) % wrap;
#else
     publishTail(count);
#endif
     count = 0
  od
}
