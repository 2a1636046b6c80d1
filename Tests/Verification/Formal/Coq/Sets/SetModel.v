(* The set model: the contract of SPEC.md byte by byte, as functions that can be run.

   Each byte of the union K of the registered regions is in exactly one of four sets: owned by X, owned by Y, handed over by X,
   handed over by Y. Definitions alone; SetInvariant.v proves what holds in every reachable state, Sets.v has the theorems. *)

From Coq Require Import List Arith Bool Lia Permutation.
From CleanQ Require Export Bytes.
Import ListNotations.

(* ---- State ---- *)

(* RegionTable.Entry: the region that has the slot; and who registered it, RingChannel.owners. *)
Record entry := { entry_generation : nat; entry_size : nat; entry_registrar : agent }.

(* All but what is in flight:
   - table: the registered regions by slot, as in RegionTable; these make up K;
   - latest: the highest generation of each slot that was ever registered;
   - own: S_X and S_Y;
   - held: the buffers that each agent has, that is, its values of type Buffer. *)
Record ledger := {
  table : nat -> option entry;
  latest : nat -> nat;
  own : agent -> byte -> bool;
  held : agent -> list buffer
}.

(* The four sets: the ledger's two, and T_XY = transit X, T_YX = transit Y. *)
Record state := { base : ledger; transit : agent -> byte -> bool }.

Definition initial_ledger : ledger :=
  {| table := fun _ => None; latest := fun _ => 0; own := fun _ _ => false; held := fun _ => [] |}.

Definition initial : state := {| base := initial_ledger; transit := fun _ _ => false |}.

Definition at_agent {T} (f : agent -> T) (a : agent) (v : T) (b : agent) : T := if agent_dec a b then v else f b.
Definition at_slot {T} (f : nat -> T) (i : nat) (v : T) (j : nat) : T := if Nat.eq_dec i j then v else f j.

(* The size of a registered region; None for any other id, a retired one of the same slot included.
   RegionTable.contains compares all bits of the id. *)
Definition size_of (l : ledger) (r : region) : option nat :=
  match table l (slot r) with
  | Some e => if Nat.eq_dec (entry_generation e) (generation r) then Some (entry_size e) else None
  | None => None
  end.

(* K. *)
Definition registered (l : ledger) (x : byte) : Prop :=
  match size_of l (fst x) with Some n => snd x < n | None => False end.

(* The bounds rules of SPEC.md, "Buffers". *)
Definition in_bounds (l : ledger) (b : buffer) : bool :=
  match size_of l (home b) with
  | Some n => (0 <? size b) && (offset b + size b <=? n) && (valid_offset b + valid_size b <=? size b)
  | None => false
  end.

(* ---- Operations ---- *)

Inductive failure :=
| AlreadyRegistered
| Retired
| UnknownRegion
| NotOwner
| Elsewhere (count : nat)
| BadBuffer
| NotHeld
| NotSplittable
| NotMergeable
| IncompleteRun
| Full
| Empty.

Inductive outcome := Done | Failed (why : failure).

(* What an agent does with what it owns; nothing is handed over. *)
Inductive local_operation :=
| Register (r : region) (count : nat)
| Deregister (r : region)
| Carve (b : buffer)
| Release (b : buffer)
| Split (b : buffer) (position : nat)
| Merge (b c : buffer).

Definition set_held (l : ledger) (a : agent) (bs : list buffer) : ledger :=
  {| table := table l; latest := latest l; own := own l; held := at_agent (held l) a bs |}.

(* Queue.register, RegionTable.insert. An id is fresh when its generation exceeds all that its slot ever had here:
   RegionDirectory.make counts generations up, and an id that was deregistered is refused. The bytes become the caller's. *)
Definition register (l : ledger) (a : agent) (r : region) (count : nat) : ledger * outcome :=
  match table l (slot r) with
  | Some _ => (l, Failed AlreadyRegistered)
  | None =>
      if generation r <=? latest l (slot r) then (l, Failed Retired)
      else
        ({| table := at_slot (table l) (slot r) (Some {| entry_generation := generation r; entry_size := count; entry_registrar := a |});
            latest := at_slot (latest l) (slot r) (generation r);
            own := at_agent (own l) a (plus (own l a) (range r 0 count));
            held := held l |}, Done)
  end.

(* How many bytes of a region the agent does not own. *)
Definition elsewhere (l : ledger) (a : agent) (r : region) (count : nat) : nat :=
  length (filter (fun x => negb (own l a x)) (range r 0 count)).

(* Whether the agent registered the region that has the slot. *)
Definition is_registrar (l : ledger) (a : agent) (r : region) : bool :=
  match table l (slot r) with Some e => if agent_dec (entry_registrar e) a then true else false | None => false end.

(* Queue.deregister, RegionTable.remove: only by who registered it. Buffers of the region are no longer the queue's
   concern. *)
Definition deregister (l : ledger) (a : agent) (r : region) : ledger * outcome :=
  match size_of l r with
  | None => (l, Failed UnknownRegion)
  | Some count =>
      if negb (is_registrar l a r) then (l, Failed NotOwner)
      else if 0 <? elsewhere l a r count then (l, Failed (Elsewhere (elsewhere l a r count)))
      else
        ({| table := at_slot (table l) (slot r) None;
            latest := latest l;
            own := at_agent (own l) a (minus (own l a) (range r 0 count));
            held := fun b => filter (fun c => if region_dec (home c) r then false else true) (held l b) |}, Done)
  end.

(* Region.buffer(byteCount:alignment:): a new buffer out of own bytes that no buffer names. *)
Definition carve (l : ledger) (a : agent) (b : buffer) : ledger * outcome :=
  if in_bounds l b && forallb (own l a) (bytes b) && forallb (fun x => negb (mem (all_bytes (held l a)) x)) (bytes b)
  then (set_held l a (b :: held l a), Done)
  else (l, Failed BadBuffer).

Fixpoint take_one (b : buffer) (bs : list buffer) : option (list buffer) :=
  match bs with
  | [] => None
  | c :: rest =>
      if buffer_dec b c then Some rest
      else match take_one b rest with Some rest' => Some (c :: rest') | None => None end
  end.

Fixpoint take_all (run bs : list buffer) : option (list buffer) :=
  match run with
  | [] => Some bs
  | b :: rest => match take_one b bs with Some bs' => take_all rest bs' | None => None end
  end.

(* Replaces some of the held buffers by others. *)
Definition exchange (l : ledger) (a : agent) (old new : list buffer) : ledger * outcome :=
  match take_all old (held l a) with
  | Some bs => (set_held l a (new ++ bs), Done)
  | None => (l, Failed NotHeld)
  end.

(* Buffer.release(), or its going out of scope: the bytes are home in the region again, and so their owner's, that is, the
   registrar's, whichever side did it. *)
Definition release (l : ledger) (a : agent) (b : buffer) : ledger * outcome :=
  if is_registrar l a (home b) then exchange l a [b] []
  else
    match take_one b (held l a) with
    | None => (l, Failed NotHeld)
    | Some bs =>
        ({| table := table l; latest := latest l;
            own := at_agent (at_agent (own l) a (minus (own l a) (bytes b))) (other a) (plus (own l (other a)) (bytes b));
            held := at_agent (held l) a bs |}, Done)
    end.

(* The two parts of Buffer.split(at:). *)
Definition left_part (b : buffer) (position : nat) : buffer :=
  let valid_end := valid_offset b + valid_size b in
  {| home := home b; offset := offset b; size := position;
     valid_offset := min (valid_offset b) position;
     valid_size := min valid_end position - min (valid_offset b) position;
     is_last := is_last b |}.

Definition right_part (b : buffer) (position : nat) : buffer :=
  let valid_end := valid_offset b + valid_size b in
  let valid_start := min (max (valid_offset b) position) (size b) in
  {| home := home b; offset := offset b + position; size := size b - position;
     valid_offset := valid_start - position;
     valid_size := max valid_end valid_start - valid_start;
     is_last := is_last b |}.

Definition splittable (b : buffer) (position : nat) : bool := (0 <? position) && (position <? size b).

(* What Buffer.merge(_:) asks for, and its result. *)
Definition mergeable (b c : buffer) : bool :=
  (if region_dec (home b) (home c) then true else false)
  && (offset b + size b =? offset c)
  && ((valid_size b =? 0) || (valid_size c =? 0) || (valid_offset b + valid_size b =? size b + valid_offset c)).

Definition merged (b c : buffer) : buffer :=
  {| home := home b; offset := offset b; size := size b + size c;
     valid_offset := if (valid_size b =? 0) && (0 <? valid_size c) then size b + valid_offset c else valid_offset b;
     valid_size := valid_size b + valid_size c;
     is_last := is_last b |}.

Definition local (l : ledger) (a : agent) (o : local_operation) : ledger * outcome :=
  match o with
  | Register r count => register l a r count
  | Deregister r => deregister l a r
  | Carve b => carve l a b
  | Release b => release l a b
  | Split b position =>
      if splittable b position then exchange l a [b] [left_part b position; right_part b position]
      else (l, Failed NotSplittable)
  | Merge b c => if mergeable b c then exchange l a [b; c] [merged b c] else (l, Failed NotMergeable)
  end.

(* One packet: buffers of which the last one, and no other, carries LAST. *)
Fixpoint is_run (bs : list buffer) : bool :=
  match bs with
  | [] => false
  | [b] => is_last b
  | b :: rest => negb (is_last b) && is_run rest
  end.

(* The owner's side of an enqueue: the buffers of a run, all held, leave. *)
Definition hand_over (l : ledger) (a : agent) (run : list buffer) : ledger * outcome :=
  if negb (is_run run) then (l, Failed IncompleteRun)
  else if negb (forallb (in_bounds l) run) then (l, Failed BadBuffer)
  else
    match take_all run (held l a) with
    | None => (l, Failed NotHeld)
    | Some bs =>
        ({| table := table l; latest := latest l;
            own := at_agent (own l) a (minus (own l a) (all_bytes run));
            held := at_agent (held l) a bs |}, Done)
    end.

(* The taker's side of a dequeue: a buffer arrives. *)
Definition take_over (l : ledger) (a : agent) (b : buffer) : ledger :=
  {| table := table l; latest := latest l;
     own := at_agent (own l) a (plus (own l a) (bytes b));
     held := at_agent (held l) a (b :: held l a) |}.

Inductive operation :=
| Local (a : agent) (o : local_operation)
| Enqueue (a : agent) (run : list buffer)
| Dequeue (a : agent) (b : buffer).

(* In the set model an enqueue never finds the queue full, and a dequeue takes any buffer whose bytes were handed over:
   capacity and order are added by Sequences.v. A run moves whole or not at all. *)
Definition apply (s : state) (o : operation) : state * outcome :=
  match o with
  | Local a o =>
      let (l, result) := local (base s) a o in ({| base := l; transit := transit s |}, result)
  | Enqueue a run =>
      match hand_over (base s) a run with
      | (l, Done) =>
          ({| base := l; transit := at_agent (transit s) a (plus (transit s a) (all_bytes run)) |}, Done)
      | (_, failed) => (s, failed)
      end
  | Dequeue a b =>
      if in_bounds (base s) b && forallb (transit s (other a)) (bytes b) then
        ({| base := take_over (base s) a b;
            transit := at_agent (transit s) (other a) (minus (transit s (other a)) (bytes b)) |}, Done)
      else (s, Failed Empty)
  end.

(* A state is reachable when some history of operations leads to it from the empty state. *)
Inductive reachable : state -> Prop :=
| reachable_initial : reachable initial
| reachable_apply s o : reachable s -> reachable (fst (apply s o)).
