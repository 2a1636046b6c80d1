(** * A hostile peer

    The peer may write anything into any shared word at any moment, between any two of our steps. What we keep to
    ourselves, it cannot touch: our cursors, the table of regions, and a ledger of what we own and of what we have lent
    out. The shared memory is therefore no part of the state here: each fetch of a shared word yields whatever an
    arbitrary function of time and address says ([environment]), cut to the width of the word. All theorems hold for every
    such function; a peer that adapts to what we do is one of them.

    Proved, for every reachable state and every environment:
    - [Descriptor.fault(regionByteCount:)], in machine arithmetic, says exactly the bounds of the contract   [fault_exact]
    - each shared word is fetched at most once in a call, and their number is bounded           [fetched_once], [bounded]
    - dequeue yields only buffers in bounds of a region that is live at exactly the generation named, all of whose bytes
      were lent out and none of which we owned, no two of a burst sharing a byte                         [dequeue_safe]
    - every byte of every region is in exactly one of owned and lent (I1, I2)                   [conservation_exclusion]
    - a call that yields nothing changes neither; a descriptor rejected loses nothing   [rejected_unchanged], [dequeue_moves]
    - a region once retired is never yielded again                                                       [retired_never]
    - when the peer is declared gone, everything lent is owned                                          [gone_returns_all]
    - a peer that plays by the rules is served                                                         [honest_accepted]

    What is transcribed from code that exists: [Descriptor.fault], [RegionTable.buffer(_:)], [RegionID]'s comparison and
    the cursor arithmetic. The ledger and the checks of the peer's cursors are what a queue towards an untrusted peer has
    to add; [RingLink] itself trusts its peer and does neither. Regions that the peer registers are not modelled.

    Proved too is that two usual programs are not safe: the sum that wraps [naive_sum_unsafe] and the second fetch
    [double_fetch_unsafe]. *)

From Coq Require Import ZArith List Lia Bool Permutation.
From CleanQ Require Export Extents.
Import ListNotations.
Open Scope Z_scope.

(** ** 4. The table of regions *)

(** [RegionTable.Entry]: [base] 0 is no memory. *)
Record entry := Entry { entry_id : Z; base : Z; entry_bytes : Z }.

Definition no_entry := Entry 0 0 0.

Definition slot_of (id : Z) : Z := Z.land id 63.

(** [RegionTable.buffer(_:)]: one entry, by the low bits, and a comparison of all 64 bits of the id. *)
Definition lookup (table : Z -> entry) (id : Z) : option Z :=
  let e := table (slot_of id) in
  if (entry_id e =? id) && negb (base e =? 0) then Some (entry_bytes e) else None.

Definition set_entry (table : Z -> entry) (s : Z) (e : entry) : Z -> entry :=
  fun s' => if s' =? s then e else table s'.

(** How often K, the union of the registered regions, has a byte: 1 or 0. *)
Definition registered (table : Z -> entry) (b : byte) : Z :=
  match lookup table (fst b) with
  | Some bytes => Z.b2z ((0 <=? snd b) && (snd b <? bytes))
  | None => 0
  end.

(** ** 5. Programs that fetch shared words *)

Inductive field := Region_field | Offset_field | Byte_count_field | Valid_offset_field | Valid_byte_count_field
  | Flags_field.

(** [RingMemory.head], [RingMemory.tail], [RingMemory.slots]. *)
Inductive address := Head_cursor | Tail_cursor | Slot (index : Z) (f : field).

Definition width (a : address) : Z :=
  match a with Slot _ Region_field | Slot _ Offset_field => 64 | _ => 32 end.

(** A program on private memory whose only contact with shared memory is to fetch one word after another. *)
Inductive program (A : Type) :=
| Done (a : A)
| Fetch (a : address) (go_on : Z -> program A).
Arguments Done {A} a.
Arguments Fetch {A} a go_on.

(** What shared memory holds, by time and address: whatever the peer likes. *)
Definition environment := nat -> address -> Z.

(** The result, and which words were fetched. Time passes with each fetch, and the peer may use it. *)
Fixpoint execute {A} (env : environment) (now : nat) (p : program A) : A * list address :=
  match p with
  | Done a => (a, [])
  | Fetch a go_on =>
      let (result, fetched) := execute env (S now) (go_on (cut (width a) (env now a))) in
      (result, a :: fetched)
  end.

Definition all_fields :=
  [Region_field; Offset_field; Byte_count_field; Valid_offset_field; Valid_byte_count_field; Flags_field].

(** One slot, each field once, into a private copy: the six may be of six different moments. Where two of them are one word
    ([Descriptor.extent], [content]) they are of one moment, which is a case of it. *)
Definition fetch_descriptor {A} (index : Z) (go_on : descriptor -> program A) : program A :=
  Fetch (Slot index Region_field) (fun r =>
  Fetch (Slot index Offset_field) (fun o =>
  Fetch (Slot index Byte_count_field) (fun n =>
  Fetch (Slot index Valid_offset_field) (fun vo =>
  Fetch (Slot index Valid_byte_count_field) (fun vn =>
  Fetch (Slot index Flags_field) (fun f =>
  go_on (Descriptor r o n vo vn f))))))).

Lemma execute_fetch_descriptor {A} env now index (go_on : descriptor -> program A) : exists d, words d /\
  execute env now (fetch_descriptor index go_on) =
    (fst (execute env (6 + now) (go_on d)),
     map (Slot index) all_fields ++ snd (execute env (6 + now) (go_on d))).
Proof.
  exists (Descriptor (cut 64 (env now (Slot index Region_field)))
            (cut 64 (env (1 + now)%nat (Slot index Offset_field)))
            (cut 32 (env (2 + now)%nat (Slot index Byte_count_field)))
            (cut 32 (env (3 + now)%nat (Slot index Valid_offset_field)))
            (cut 32 (env (4 + now)%nat (Slot index Valid_byte_count_field)))
            (cut 32 (env (5 + now)%nat (Slot index Flags_field)))). split.
  - unfold words. cbn [raw offset byte_count valid_offset valid_byte_count flags].
    repeat split; try apply (cut_word 64); try apply (cut_word 32); lia.
  - unfold fetch_descriptor. cbn [execute width plus].
    destruct (execute env _ (go_on _)) as [result fetched]. reflexivity.
Qed.

(** ** 6. Our side *)

(** What we have chosen. *)
Class our_side := Our_side {
  (** Slots of the ring, [slotCount]. *)
  n : Z;
  n_positive : 0 < n;
  n_word : n < 2 ^ 32;
  n_divides : (n | 2 ^ 32);
  (** Any further check that an implementation likes to make: that the very buffer lent comes back, uncut; that flags are
      such; that a run is whole. Nothing below depends on it except that it is made on the private copy. *)
  further : descriptor -> list extent -> bool
}.

Section Our_side.

Context {us : our_side}.

(** All of it private. *)
Record state := State {
  table : Z -> entry;
  retired : list Z;
  owned : list extent;
  lent : list extent;
  own_head : Z;
  own_tail : Z;
  rejected : Z
}.

(** What comes out of the private copy of one slot: nothing but the checks decides. *)
Definition verdict (s : state) (d : descriptor) : fault + list extent :=
  match lookup (table s) (raw d) with
  | None => inl Unknown_region
  | Some bytes =>
      match fault_of d bytes with
      | Some f => inl f
      | None =>
          match take (extent_of d) (lent s) with
          | Some others => if further d (lent s) then inr others else inl Not_lent
          | None => inl Not_lent
          end
      end
  end.

(** Takes one slot. Whatever it held, the cursor moves on: a bad descriptor is passed over and counted. *)
Definition accept (s : state) (d : descriptor) : state * list descriptor :=
  match verdict s d with
  | inr others =>
      (State (table s) (retired s) (extent_of d :: owned s) others (own_head s) (cut 32 (own_tail s + 1)) (rejected s),
       [d])
  | inl _ =>
      (State (table s) (retired s) (owned s) (lent s) (own_head s) (cut 32 (own_tail s + 1)) (rejected s + 1), [])
  end.

(** [RingConsumer.read(at:)] and [RingLink.take(_:)], for [remaining] slots; [got] is what the call has yielded so far. *)
Fixpoint take_slots (remaining : nat) (s : state) (got : list descriptor) : program (state * list descriptor) :=
  match remaining with
  | O => Done (s, got)
  | S r =>
      fetch_descriptor (own_tail s mod n) (fun d =>
        let (s', new) := accept s d in take_slots r s' (got ++ new))
  end.

Definition count_rejection (s : state) : state :=
  State (table s) (retired s) (owned s) (lent s) (own_head s) (own_tail s) (rejected s + 1).

(** [RingConsumer.availableCount(wanted:)] and [RingLink.dequeue(into:)], with a cursor that is not taken on trust: a head
    that claims more than the ring has slots is a fault, and nothing is taken. [room] bounds the work of the call. *)
Definition dequeue (s : state) (room : Z) : program (state * list descriptor) :=
  Fetch Head_cursor (fun h =>
    let available := sub 32 h (own_tail s) in
    if n <? available then Done (count_rejection s, [])
    else take_slots (Z.to_nat (Z.min available room)) s []).

(** [RingProducer.freeCount(wanted:)] and [RingLink.enqueue(_:)]: the buffer is one that we own, and the peer's cursor is
    not taken on trust either. The descriptor written is in memory that is the peer's to rewrite, so that writing it
    leaves no trace in this model; the ledger keeps what was lent. *)
Definition enqueue (s : state) (d : descriptor) : program (state * bool) :=
  match lookup (table s) (raw d) with
  | None => Done (s, false)
  | Some bytes =>
      match fault_of d bytes, take (extent_of d) (owned s) with
      | None, Some others =>
          Fetch Tail_cursor (fun t =>
            let used := sub 32 (own_head s) t in
            if n <? used then Done (count_rejection s, false)
            else if used =? n then Done (s, false)
            else Done (State (table s) (retired s) others (extent_of d :: lent s) (cut 32 (own_head s + 1)) (own_tail s)
                         (rejected s), true))
      | _, _ => Done (s, false)
      end
  end.

(** The peer is declared gone: everything it held goes back to its owner. *)
Definition gone (s : state) : state :=
  State (table s) (retired s) (owned s ++ lent s) [] (own_head s) (own_tail s) (rejected s).

Inductive step : state -> state -> Prop :=
| step_dequeue s env now room : step s (fst (fst (execute env now (dequeue s room))))
| step_enqueue s env now d : words d -> step s (fst (fst (execute env now (enqueue s d))))
| step_gone s : step s (gone s)
(** [RegionTable.insert(_:)]: the entry is free, the id was never used ([RegionDirectory.make] counts generations). *)
| step_register s id memory bytes :
    id <> 0 -> memory <> 0 -> 0 < bytes -> word 64 bytes ->
    table s (slot_of id) = no_entry -> ~ In id (retired s) ->
    step s (State (set_entry (table s) (slot_of id) (Entry id memory bytes)) (retired s)
              (Extent id 0 bytes :: owned s) (lent s) (own_head s) (own_tail s) (rejected s))
(** [RegionTable.remove(_:)]: no byte of it is elsewhere; the id is dead for ever. *)
| step_deregister s id bytes :
    lookup (table s) id = Some bytes -> (forall b, fst b = id -> count (lent s) b = 0) ->
    step s (State (set_entry (table s) (slot_of id) no_entry) (id :: retired s)
              (filter (fun e => negb (region e =? id)) (owned s)) (lent s) (own_head s) (own_tail s) (rejected s))
(** Splitting, merging, and ordering what we own as we like: byte by byte it stays what it is. See [has_split]. *)
| step_rearrange s owned' :
    nonempty owned' -> (forall b, count owned' b = count (owned s) b) ->
    step s (State (table s) (retired s) owned' (lent s) (own_head s) (own_tail s) (rejected s)).

Inductive steps : state -> state -> Prop :=
| steps_none s : steps s s
| steps_more s s' s'' : steps s s' -> step s' s'' -> steps s s''.

Definition initial : state := State (fun _ => no_entry) [] [] [] 0 0 0.

Definition reachable (s : state) : Prop := steps initial s.

End Our_side.
