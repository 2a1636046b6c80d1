(** * The concurrent ring, step by step

    Two threads, a producer and a consumer, share one direction of a ring: two cursors and [n] slots of [F] fields. Every
    access to shared memory is a step of its own and the steps of the two threads interleave in any way:

    - the producer loads the consumer's cursor into its private copy       [RingProducer.freeCount(wanted:)]
    - it decides by that copy, however stale, how much it may write        [RingProducer.freeCount(wanted:)]
    - it writes one field of one slot                                      [RingProducer.write(_:at:)]
    - it publishes all slots of a burst with one store                     [RingProducer.publish(_:)]
    - the consumer loads the producer's cursor into its private copy       [RingConsumer.availableCount(wanted:)]
    - it decides by that copy, however stale, how much it may read         [RingConsumer.availableCount(wanted:)]
    - it reads one field of one slot                                       [RingConsumer.read(at:)]
    - it gives all slots of a burst back with one store                    [RingConsumer.publish(_:)]

    Cursors are machine words: counters that run freely modulo [M] (in the code [UInt32], M = 2^32). The specification is
    a first-in first-out list of at most [n] descriptors, T_XY of the contract. Here are the two threads and their steps;
    [Interleavings] proves what every step keeps, and [Concurrent] has the theorems.

    Memory here is sequentially consistent: the steps of both threads are one sequence, and each sees all that came
    before. [ConcurrentTSO] adds store buffers. Weaker memory, where release and acquire matter, is not covered by either
    but by the Spin models beside this folder.

    One hypothesis differs from "n <= 2^k": it is [n < M]. With n = M a full ring and an empty one have the same cursors;
    the code cannot get there, since [slotCount] is itself a [UInt32]. [full_looks_empty] shows the failure. *)

From Coq Require Import Arith List Lia Bool.
From CleanQ Require Export CursorWords Events SlotTables.
Import ListNotations.

(** The sizes of a ring, and the words that it carries. *)
Class ring := Ring {
  (** Cursors are counted modulo [M]. *)
  M : nat;
  (** Slots, and fields of each. *)
  n : nat;
  F : nat;
  n_positive : 0 < n;
  n_below_M : n < M;
  n_divides_M : Nat.divide n M;
  W : Type;
  w0 : W
}.

Notation descriptor := (list W).
Notation table := (nat -> nat -> W).
Notation wadd := (wadd M).
Notation wsub := (wsub M).
Notation slot := (slot M n).
Notation rows := (rows W F).
Notation field := (field W w0).
Notation well_formed := (well_formed W F).

Section Ring.

Context {r : ring}.

Inductive producer_pc :=
| Producing_nothing
  (** Between the decision and the publish: the burst, and the field writes that are still to be made. *)
| Writing (burst : list descriptor) (todo : accesses).

Inductive consumer_pc :=
| Consuming_nothing
  (** Between the decision and the publish: how many slots, the field reads to be made, and what was read so far. *)
| Reading (count : nat) (todo : accesses) (copy : table).

Record state := State {
  (** [RingMemory.head], [RingMemory.tail], [RingMemory.slots]: shared. *)
  head : nat;
  tail : nat;
  slots : table;
  (** [RingProducer.head], [RingProducer.cachedTail]: the producer's own. *)
  own_head : nat;
  cached_tail : nat;
  producer : producer_pc;
  (** [RingConsumer.tail], [RingConsumer.cachedHead]: the consumer's own. *)
  own_tail : nat;
  cached_head : nat;
  consumer : consumer_pc
}.

(** What a step does to the shared slots, and its event where it is one. *)
Inductive label :=
| Silent
| Writes (s f : nat)
| Reads (s f : nat) (w : W)
| Event (e : event descriptor).

Inductive step : state -> label -> state -> Prop :=
(** [RingProducer.freeCount(wanted:)]: [cachedTail = memory.tail.load()]. In the code only where the ring looks full;
    here at any time. *)
| producer_loads h t m oh ct p ot ch c :
    step (State h t m oh ct p ot ch c) Silent (State h t m oh t p ot ch c)
(** [RingProducer.freeCount(wanted:)]: the decision, by [slotCount &- (head &- cachedTail)] on private words alone. *)
| producer_decides h t m oh ct ot ch c burst todo :
    length burst <= wsub n (wsub oh ct) -> well_formed burst -> covering F (length burst) todo ->
    step (State h t m oh ct Producing_nothing ot ch c) Silent (State h t m oh ct (Writing burst todo) ot ch c)
(** [RingProducer.write(_:at:)]: one field of one slot. *)
| producer_writes h t m oh ct ot ch c burst i f todo :
    step (State h t m oh ct (Writing burst ((i, f) :: todo)) ot ch c)
         (Writes (slot oh i) f)
         (State h t (update m (slot oh i) f (field burst i f)) oh ct (Writing burst todo) ot ch c)
(** [RingProducer.publish(_:)]: one store for the whole burst. *)
| producer_publishes h t m oh ct ot ch c burst :
    step (State h t m oh ct (Writing burst []) ot ch c)
         (Event (Enqueued burst))
         (State (wadd oh (length burst)) t m (wadd oh (length burst)) ct Producing_nothing ot ch c)
(** The producer thinks better of it, with any part of the fields written. *)
| producer_abandons h t m oh ct ot ch c burst todo :
    step (State h t m oh ct (Writing burst todo) ot ch c) Silent (State h t m oh ct Producing_nothing ot ch c)
(** [RingConsumer.availableCount(wanted:)]: [cachedHead = memory.head.load()], at any time. *)
| consumer_loads h t m oh ct p ot ch c :
    step (State h t m oh ct p ot ch c) Silent (State h t m oh ct p ot h c)
(** [RingConsumer.availableCount(wanted:)]: the decision, by [cachedHead &- tail] on private words alone. *)
| consumer_decides h t m oh ct p ot ch count todo copy :
    count <= wsub ch ot -> covering F count todo ->
    step (State h t m oh ct p ot ch Consuming_nothing) Silent (State h t m oh ct p ot ch (Reading count todo copy))
(** [RingConsumer.read(at:)]: one field of one slot. *)
| consumer_reads h t m oh ct p ot ch count i f todo copy :
    step (State h t m oh ct p ot ch (Reading count ((i, f) :: todo) copy))
         (Reads (slot ot i) f (m (slot ot i) f))
         (State h t m oh ct p ot ch (Reading count todo (update copy i f (m (slot ot i) f))))
(** [RingConsumer.publish(_:)]: one store for the whole burst; what was read is the caller's now. *)
| consumer_publishes h t m oh ct p ot ch count copy :
    step (State h t m oh ct p ot ch (Reading count [] copy))
         (Event (Dequeued (rows count copy)))
         (State h (wadd ot count) m oh ct p (wadd ot count) ch Consuming_nothing)
(** [RingConsumer.init(_:)] on a ring in use: another consumer takes over where the last one published. *)
| consumer_restarts h t m oh ct p ot ch c :
    step (State h t m oh ct p ot ch c) Silent (State h t m oh ct p t t Consuming_nothing).

(** [RingMemory.init(slotCount:)]: cursors are zero; what the slots hold does not matter. *)
Inductive initial : state -> Prop :=
| initially m : initial (State 0 0 m 0 0 Producing_nothing 0 0 Consuming_nothing).

Definition event_of (l : label) : list (event descriptor) := match l with Event e => [e] | _ => [] end.

Inductive run : state -> list (event descriptor) -> state -> Prop :=
| run_none s : run s [] s
| run_more s l s' events s'' : step s l s' -> run s' events s'' -> run s (event_of l ++ events) s''.

Definition reachable (s : state) : Prop := exists s0 events, initial s0 /\ run s0 events s.

End Ring.
