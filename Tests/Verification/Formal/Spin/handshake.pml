/* Register and deregister against traffic: no side ever sees a buffer of a region that is not registered; the entry of a
 * region is seen before its first buffer, and whoever finds the entry finds the accounts open; a region whose buffers are
 * home can go.
 *
 * Models RingChannel.register and deregister (RegionTable.insert and remove: an entry of two words, id and base, of which
 * the id is stored with release and last; the accounts, opened before it; what deregister asks, and the lock under which it
 * asks), RingLink.enqueue (contains, count, write, publish) and RingLink.dequeue and take (RegionTable.buffer: reads the entry
 * without a lock; count) of both ends, and the way there and back again. The other end brings buffers home, and hands over
 * strange ones, which it got past the queue, also while their region is registered or deregistered. PrimaryRegion, by which
 * common buffers go the short way, is such an entry, written and read at the same places; its id says the same as the
 * table's, or that nobody's buffers go that way, and a strange buffer does not go by it. One slot of the table that one region
 * after another uses, generation after generation, for ever; two buffers of each region; two rings of two slots.
 *
 * Memory: like ARM's, as in ring.pml. Stores leave each side's buffer in any order, releasing ones after what came before;
 * the loads of the entry may be late, unless a release follows them. Loads may be early, unless an acquire precedes them;
 * where it does, they are left out: what is loaded between the acquire and its turn is what the acquire made visible, or
 * else the load in its turn finds the error too.
 *
 * Abstracted: the lock around set-up calls, since one end registers here (two ends that do are ordered by it); cursors of the
 * readers, since two buffers cannot fill a ring; bytes, so accounts count buffers; how a number is made up: `elsewhere` is what
 * passed the end that registered, plus strange, plus the change at the far side, and `inFlight` what passed either end, each
 * of which is written by one side or under a lock; a peer that lies (see the Coq part).
 *
 * Mutants, by -D: NO_RELEASE_THERE NO_ACQUIRE_THERE NO_RELEASE_BACK NO_ACQUIRE_BACK ENQUEUE_BEFORE_REGISTER
 * ENTRY_READ_BEFORE_ACQUIRE (the slots are not) IN_FLIGHT_IGNORED HELD_BY_PEER_IGNORED PEERS_BALANCE_ASKED
 * NO_RELEASE_OF_ENTRY NO_ACQUIRE_OF_ENTRY ENTRY_BEFORE_ACCOUNTS STRANGE_WITHOUT_LOCK LOOK_BEFORE_LOCK STRANGE_NOT_COUNTED
 * RETURNS_IGNORED
 */

#ifndef generations
#define generations 3                   /* ids are 1 ... 3, round and round; 0 is none */
#endif
#define wrap 4
#ifndef buffers
#define buffers 2
#endif

/* What both sides see: places 0 and 1 are the slots of the ring there, 2 the entry's id and 3 its base; then its cursor, and
 * of which region the accounts are. */
#define ID 2
#define BASE 3
#define THERE 4
#define ACCOUNTS 5
byte there[6];
/* The ring back: two slots and its cursor. */
#define BACK 2
byte back[3];

/* Stores that wait: the owner's (X) and the peer's (Y). */
#ifndef room
#define room 6                          /* a registration, an enqueue and the next one */
#endif
byte xPlace[room], xValue[room], xCount;
byte yPlace[room], yValue[room], yCount;

/* X: cursors. Y: cursors, how many buffers it holds that it took off the queue. The accounts. */
byte xHead, xTail, xCachedHead;
byte yHead, yTail, yCachedHead, held;
short elsewhere, inFlight;
#ifdef PEERS_BALANCE_ASKED
short yBalance;
#endif
byte generation;
/* The region that was made and is not registered yet. */
bit made;
/* The region of the buffer that Y got past the queue; 0 for none. */
byte past;
/* DeregistrationLock. */
bit locked;

/* Loads by Y, early ones by place; those of the entry that are late: the id that each is to find, or 0. The buffers that Y
 * holds, by their id, oldest first. By X: early loads. */
bit yEarly[6];
byte yEarlyValue[6];
byte lateID, lateBase;
byte holding[buffers];
bit xEarly[2];
byte xEarlyValue[2];

/* Not in the code: the generation that is registered, 0 for none: its memory is mapped, no other is. */
byte live;

/* MARK: memory */

inline xStore(place, value) { d_step { xCount < room -> xPlace[xCount] = place; xValue[xCount] = value; xCount++ } }
inline yStore(place, value) { d_step { yCount < room -> yPlace[yCount] = place; yValue[yCount] = value; yCount++ } }

#ifdef NO_RELEASE_THERE
#define xMayPass(i) (xPlace[i] != ID)
#else
#ifdef NO_RELEASE_OF_ENTRY
#define xMayPass(i) (xPlace[i] != THERE)
#else
#define xMayPass(i) (xPlace[i] != THERE && xPlace[i] != ID)
#endif
#endif
#ifdef NO_RELEASE_BACK
#define yMayPass(i) true
#define yMayLeave true
#else
#define yMayPass(i) (yPlace[i] != BACK)
#define yMayLeave (yPlace[0] != BACK || (lateID == 0 && lateBase == 0))
#endif
#define xDiffers(i, j) (xPlace[i] != xPlace[j])
#define yDiffers(i, j) (yPlace[i] != yPlace[j])

inline xLeave(i) {
  there[xPlace[i]] = xValue[i];
  k = i;
  do
  :: k + 1 < xCount -> xPlace[k] = xPlace[k + 1]; xValue[k] = xValue[k + 1]; k++
  :: else -> break
  od;
  xCount--;
  xPlace[xCount] = 0;
  xValue[xCount] = 0;
  k = 0
}

inline yLeave(i) {
  back[yPlace[i]] = yValue[i];
  k = i;
  do
  :: k + 1 < yCount -> yPlace[k] = yPlace[k + 1]; yValue[k] = yValue[k + 1]; k++
  :: else -> break
  od;
  yCount--;
  yPlace[yCount] = 0;
  yValue[yCount] = 0;
  k = 0
}

active proctype Stores() {
  byte k;
end:
  do
  :: d_step { xCount > 0 -> xLeave(0) }
  :: d_step { xCount > 1 && xMayPass(1) && xDiffers(1, 0) -> xLeave(1) }
  :: d_step { xCount > 2 && xMayPass(2) && xDiffers(2, 0) && xDiffers(2, 1) -> xLeave(2) }
  :: d_step { xCount > 3 && xMayPass(3) && xDiffers(3, 0) && xDiffers(3, 1) && xDiffers(3, 2) -> xLeave(3) }
  :: d_step { yCount > 0 && yMayLeave -> yLeave(0) }
  :: d_step { yCount > 1 && yMayPass(1) && yDiffers(1, 0) -> yLeave(1) }
  :: d_step { yCount > 2 && yMayPass(2) && yDiffers(2, 0) && yDiffers(2, 1) -> yLeave(2) }
  od
}

inline yLoadEarly(place) { d_step { !yEarly[place] -> yEarly[place] = 1; yEarlyValue[place] = there[place] } }
inline xLoadEarly(place) { d_step { !xEarly[place] -> xEarly[place] = 1; xEarlyValue[place] = back[place] } }

inline yForget(place) { yEarly[place] = 0; yEarlyValue[place] = 0 }
inline xForget(place) { xEarly[place] = 0; xEarlyValue[place] = 0 }

/* MARK: properties */

/* RegionTable.buffer: the entry's id is the descriptor's. Where it is not, the code traps. */
inline findsID(value, id) { assert(value == id) }
/* The memory that the base names is what the buffer was made of, and it is still mapped. */
inline findsBase(value, id) { assert(value == id && live == id) }

active proctype Loads() {
end:
  do
#ifdef NO_ACQUIRE_THERE
  :: yLoadEarly(0)
  :: yLoadEarly(1)
#endif
#if defined(NO_ACQUIRE_THERE) || defined(ENTRY_READ_BEFORE_ACQUIRE)
  :: d_step { lateID == 0 && !yEarly[ID] -> yEarly[ID] = 1; yEarlyValue[ID] = there[ID] }
  :: d_step { lateBase == 0 && !yEarly[BASE] -> yEarly[BASE] = 1; yEarlyValue[BASE] = there[BASE] }
#endif
#ifdef NO_ACQUIRE_OF_ENTRY
  :: yLoadEarly(ACCOUNTS)
#endif
#ifdef NO_ACQUIRE_BACK
  :: xLoadEarly(0)
  :: xLoadEarly(1)
#endif
  :: d_step { lateID != 0 -> findsID(there[ID], lateID); lateID = 0 }
  :: d_step { lateBase != 0 -> findsBase(there[BASE], lateBase); lateBase = 0 }
  od
}

/* MARK: the end that registers */

inline register() {
  d_step { live = generation; made = 0 }
#ifdef ENTRY_BEFORE_ACCOUNTS
  xStore(BASE, generation);
  xStore(ID, generation);
  xStore(ACCOUNTS, generation)
#else
  xStore(ACCOUNTS, generation);
  xStore(BASE, generation);
  xStore(ID, generation)
#endif
}

/* What the owner asks before it deregisters: that nothing is in flight, and no live buffer carries the note. */
#ifdef IN_FLIGHT_IGNORED
#define mayDeregister true
#else
#ifdef HELD_BY_PEER_IGNORED
#define mayDeregister (inFlight == 0)
#else
#ifdef PEERS_BALANCE_ASKED
#define mayDeregister (yBalance == 0)
#else
#define mayDeregister (elsewhere == 0)
#endif
#endif
#endif

inline lock() { d_step { locked == 0 -> locked = 1 } }

/* What was stored under the lock is seen by whoever has it next. */
inline xUnlock() { d_step { xCount == 0 -> locked = 0 } }

inline deregister() {
  lock();
  if
  :: mayDeregister ->
     live = 0;
     xStore(BASE, 0);
     xStore(ID, 0)
  :: else -> skip
  fi;
  xUnlock()
}

inline enqueueThere() {
  d_step { elsewhere++; inFlight++ }
  xStore(xHead % 2, generation);
  xHead = (xHead + 1) % wrap;
  xStore(THERE, xHead)
}

/* RegionTable.buffer at this end reads what this end wrote. */
inline takeBack(id) {
  assert(id == live && live != 0);
  xTail = (xTail + 1) % wrap;
  d_step { elsewhere--; inFlight-- }
}

active proctype X() {
  do
  :: live == 0 && past == 0 && !made -> d_step { generation = generation % generations + 1; made = 1 }
  /* Y gets a buffer by another way. */
  :: d_step { (made || live != 0) && past == 0 && elsewhere < buffers -> past = generation }
  :: made ->
#ifdef ENQUEUE_BEFORE_REGISTER
     enqueueThere();
     generation = (generation + 1) % generations + 1;
#endif
     register()
  :: live != 0 && elsewhere + (past != 0) < buffers -> enqueueThere()
  :: live != 0 && mayDeregister -> deregister()
  :: d_step {
       xTail == xCachedHead && back[BACK] != xCachedHead ->
       xCachedHead = back[BACK]
     }
  :: d_step { xTail != xCachedHead && xEarly[xTail % 2] -> takeBack(xEarlyValue[xTail % 2]); xForget((xTail + 1) % 2) }
  :: d_step { xTail != xCachedHead -> takeBack(back[xTail % 2]); xForget((xTail + 1) % 2) }
  od
}

/* MARK: the other end */

/* RingLink.enqueueSlow of a strange buffer: looks the region up, counts, publishes. */
inline enqueueStrange() {
  if
  :: d_step { yEarly[ACCOUNTS] -> assert(yEarlyValue[ACCOUNTS] == past) }
  :: d_step { assert(there[ACCOUNTS] == past) }
  fi;
  yForget(ACCOUNTS);
  d_step {
    inFlight++;
#ifdef PEERS_BALANCE_ASKED
    yBalance++;
#endif
#ifndef STRANGE_NOT_COUNTED
    elsewhere++
#endif
  }
  yStore(yHead % 2, past);
  d_step { past = 0; yHead = (yHead + 1) % wrap }
  yStore(BACK, yHead)
}

active proctype Y() {
  byte id;
  do
  /* RingConsumer.availableCount */
  :: d_step {
       yTail == yCachedHead && there[THERE] != yCachedHead ->
       yCachedHead = there[THERE]
     }
  /* RingConsumer.read and RingLink.take. The entry is looked up by the id just read; its words may be loaded late. */
  :: yTail != yCachedHead && lateID == 0 && lateBase == 0 ->
     if
     :: d_step { yEarly[yTail % 2] -> id = yEarlyValue[yTail % 2] }
     :: id = there[yTail % 2]
     fi;
     d_step { yForget(yTail % 2); yTail = (yTail + 1) % wrap }
     assert(id != 0);
     if
     :: d_step { yEarly[ID] -> findsID(yEarlyValue[ID], id) }
     :: lateID = id
     fi;
     if
     :: d_step { yEarly[BASE] -> findsBase(yEarlyValue[BASE], id) }
     :: lateBase = id
     fi;
     d_step { yForget(ID); yForget(BASE); holding[held] = id; held++; inFlight--; id = 0 }
#ifdef PEERS_BALANCE_ASKED
     yBalance--
#endif
  /* RingLink.enqueue. */
  :: held > 0 && lateID == 0 ->
     if
     :: d_step { yEarly[ID] -> findsID(yEarlyValue[ID], holding[0]) }
     :: d_step { findsID(there[ID], holding[0]) }
     fi;
     d_step {
       yForget(ID);
       inFlight++;
#ifdef PEERS_BALANCE_ASKED
       yBalance++
#endif
     }
     yStore(yHead % 2, holding[0]);
     d_step { holding[0] = holding[buffers - 1]; holding[buffers - 1] = 0; held--; yHead = (yHead + 1) % wrap }
     yStore(BACK, yHead)
  /* Buffer.release: under the region's lock, which orders it after what this side did before. */
  :: d_step {
       held > 0 && lateID == 0 && lateBase == 0 && yCount == 0 ->
#ifndef RETURNS_IGNORED
       elsewhere--;
#endif
       holding[0] = holding[buffers - 1]; holding[buffers - 1] = 0; held--
     }
  /* A strange buffer: handed over where its region is known, or refused and tried again, or brought home. */
#ifdef STRANGE_WITHOUT_LOCK
  :: past != 0 && there[ID] == past -> enqueueStrange()
#else
  :: past != 0 && there[ID] == past ->
     lock();
#ifdef LOOK_BEFORE_LOCK
     enqueueStrange();
#else
     if
     :: there[ID] == past -> enqueueStrange()
     :: else -> skip
     fi;
#endif
     locked = 0
#endif
  :: d_step { past != 0 -> past = 0 }
  od
}
