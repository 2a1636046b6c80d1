/* The bell of a ring: a consumer that sleeps while there is work in the ring, or whose peer goes, is always woken.
 *
 * Models Sources/CleanQ/Ring/Doorbell.swift (arm, disarm, ring, wake) step by step, with what stands around it:
 * RingQueue.notify after RingProducer.publish; RingQueue.arm, which looks at the ring again (RingLink.hasArrivals, the
 * cached cursor included, and then whether the other end has gone); sleep and disarm as in CleanQPipeline's Loop.sleep;
 * RingChannel.close, which says so and then rings; RingLink.isExhausted, by which the consumer knows that nothing more
 * comes. The event file is its kernel counter.
 *
 * The producer publishes one or two buffers and then notifies; it may stop for good after any notify, or
 * close its end, with or without a notify before. The consumer takes what it likes and may arm at any moment. Two slots,
 * cursors modulo 4: no bound on the length of a run. To be asleep, with nothing in the event file, and something in the ring
 * or the other end closed, is a deadlock, which Spin looks for. To take the ring for exhausted while something is in it is an
 * assertion.
 *
 * Memory: each side's stores wait in a buffer as long as they like (x86 and ARM); a load may be satisfied before the loads
 * and stores that precede it (ARM; -DTSO: before stores only). A full fence clears the buffer and forgets early loads. An
 * exchange acts on memory at once and orders nothing else, nor do system calls.
 *
 * Abstracted: the slots' content (ring.pml); deadlines and the second file of a poll, which only wake more often; that an end
 * that closes rings its own bell too.
 *
 * Mutants, by -D: NO_FENCE_IN_ARM NO_FENCE_IN_RING ARM_AFTER_RECHECK RING_BEFORE_PUBLISH NO_RECHECK RECHECK_OF_CACHE
 * HEAR_BEFORE_SLEEP NOTIFY_BEFORE_LAST (as if enqueue did not remember that something is unannounced) CLOSE_WITHOUT_RING
 * RING_BEFORE_CLOSE NO_RECHECK_OF_CLOSE NO_RELEASE_OF_CLOSE NO_ACQUIRE_OF_CLOSE
 */

#define slots 2
#define wrap 4
#define minus(a, b) (((a) + wrap - (b)) % wrap)

/* What both sides see: RingMemory.head and tail, Doorbell.isArmed, the kernel's counter behind Doorbell.file. */
byte headCursor, tailCursor;
bit isArmed;
byte bell;
/* RingMemory.isClosed. */
bit isClosed;

/* The producer's cursor, its stores of `head` that wait, and an early load of `isArmed`. */
byte head, headStore[slots], headStoreCount;
bit armedEarly, armedEarlyValue;
/* The consumer's cursors, its stores of `isArmed` that wait, and an early load of `head`. */
byte tail, cachedHead, armedStoreCount;
bit armedStore[2];
bit headEarly;
byte headEarlyValue;
/* The producer's store of `isClosed` that waits; an early load of it by the consumer that found it open. */
bit closedStore, openEarly;

/* Not in the code: the producer will do nothing more, and whether it said so. */
bit isDone, hasClosed;

active proctype Memory() {
end:
  do
  :: d_step {
       headStoreCount > 0 ->
       headCursor = headStore[0]; headStore[0] = headStore[1]; headStore[1] = 0; headStoreCount--
     }
  :: d_step {
       armedStoreCount > 0 ->
       isArmed = armedStore[0]; armedStore[0] = armedStore[1]; armedStore[1] = 0; armedStoreCount--
     }
#ifdef NO_RELEASE_OF_CLOSE
  :: d_step { closedStore -> isClosed = 1; closedStore = 0 }
#else
  :: d_step { closedStore && headStoreCount == 0 -> isClosed = 1; closedStore = 0 }
#endif
#ifndef TSO
  :: d_step { !openEarly && !isClosed -> openEarly = 1 }
  :: d_step { !armedEarly -> armedEarly = 1; armedEarlyValue = isArmed }
  :: d_step { !headEarly && headCursor != cachedHead -> headEarly = 1; headEarlyValue = headCursor }
#endif
  od
}

/* MARK: the producer */

/* RingProducer.publish. */
inline publish() {
  d_step {
    headStoreCount < slots ->
    head = (head + 1) % wrap; headStore[headStoreCount] = head; headStoreCount++
  }
}

/* Doorbell.ring. */
inline ring() {
#ifndef NO_FENCE_IN_RING
  d_step { headStoreCount == 0 && !closedStore -> armedEarly = 0; armedEarlyValue = 0 }
#endif
  if
  :: d_step { armedEarly -> sawArmed = armedEarlyValue; armedEarly = 0; armedEarlyValue = 0 }
  :: d_step { sawArmed = isArmed; armedEarly = 0; armedEarlyValue = 0 }
  fi;
  /* Doorbell.wake: exchange, and write where it was armed. */
  if
  :: sawArmed ->
     d_step { sawArmed = isArmed; isArmed = 0; armedEarly = 0; armedEarlyValue = 0 }
     /* Late writes and late exchanges of the two arms before this one included, three at most: it cannot overflow. */
     if :: sawArmed -> d_step { bell++; sawArmed = 0; assert(bell <= 3) } :: else fi
  :: else
  fi
}

active proctype Producer() {
  bit sawArmed;
  bit again;
  do
  :: minus(head, tailCursor) < slots ->
     atomic { if :: again = 0 :: again = 1 fi }
#ifdef RING_BEFORE_PUBLISH
     ring();
     publish();
     if :: again && minus(head, tailCursor) < slots -> publish() :: else fi;
#else
     publish();
#ifdef NOTIFY_BEFORE_LAST
     ring();
     if :: again && minus(head, tailCursor) < slots -> publish() :: else fi;
#else
     if :: again && minus(head, tailCursor) < slots -> publish() :: else fi;
     ring();
#endif
#endif
     again = 0
  :: break
  /* RingChannel.close, perhaps with something enqueued that was not announced. */
  :: if :: minus(head, tailCursor) < slots -> publish() :: skip fi;
#ifdef RING_BEFORE_CLOSE
     ring();
#endif
     d_step { hasClosed = 1; closedStore = 1 }
#ifndef CLOSE_WITHOUT_RING
#ifndef RING_BEFORE_CLOSE
     ring();
#endif
#endif
     break
  od;
  isDone = 1
}

/* MARK: the consumer */

inline storeArmed(value) {
  d_step { armedStoreCount < 2 -> armedStore[armedStoreCount] = value; armedStoreCount++ }
}

/* RingLink.hasArrivals: sets `idle`. */
inline look() {
  if
  :: d_step { cachedHead != tail -> idle = 0 }
  :: d_step { cachedHead == tail && headEarly -> cachedHead = headEarlyValue; headEarly = 0; headEarlyValue = 0; idle = (cachedHead == tail) }
#ifdef RECHECK_OF_CACHE
  :: d_step { cachedHead == tail -> idle = 1 }
#else
  :: d_step { cachedHead == tail -> cachedHead = headCursor; headEarly = 0; headEarlyValue = 0; idle = (cachedHead == tail) }
#endif
  fi
}

/* Doorbell.arm. */
inline arm() {
  storeArmed(1);
#ifndef NO_FENCE_IN_ARM
  d_step { armedStoreCount == 0 -> headEarly = 0; headEarlyValue = 0; openEarly = 0 }
#endif
}

/* RingLink.isClosed, where nothing has arrived: changes `idle`. */
inline lookForPeer() {
  if
  :: idle ->
     if
#ifndef TSO
     :: d_step { openEarly -> openEarly = 0 }
#endif
     :: d_step { idle = !isClosed; openEarly = 0 }
     fi
  :: else
  fi
}

/* RingLink.dequeue: loads `head` where the cached one says nothing is left. */
inline take() {
  if
  :: d_step { cachedHead != tail -> tail = (tail + 1) % wrap; tailCursor = tail }
  :: d_step { cachedHead == tail && headCursor != cachedHead -> cachedHead = headCursor; headEarly = 0; headEarlyValue = 0 }
  fi
}

active proctype Consumer() {
  bit idle;
  do
  :: take()
  ::
#ifdef ARM_AFTER_RECHECK
     look();
     arm();
#else
     arm();
#ifdef NO_RECHECK
     idle = 1;
#else
     look();
#endif
#endif
#ifndef NO_RECHECK_OF_CLOSE
     lookForPeer();
#endif
#ifdef HEAR_BEFORE_SLEEP
     bell = 0;
#endif
     if
     :: idle ->
        if
        :: bell > 0
        :: atomic { isDone && !hasClosed && headStoreCount == 0 && headCursor == tail -> break }   /* for good, and rightly so */
        fi
     :: else
     fi;
     /* Doorbell.disarm. */
     storeArmed(0);
     bell = 0;
     idle = 0
  /* RingLink.isExhausted: an acquiring load of `isClosed`, and then the ring. */
#ifdef NO_ACQUIRE_OF_CLOSE
  :: headCursor == tail ->
     if
     :: isClosed -> assert(head == tail); break
     :: else
     fi
#else
  :: isClosed ->
     if
     :: atomic { headCursor == tail -> assert(head == tail); break }
     :: else
     fi
#endif
  od
}
