(* The shipped queue as a whole: two rings, the table of regions and the balances refine the sequence model, for both
   agents, in what they answer too.

   RingChannel, RingLink, RingAccount and FarSide keep no sets of bytes. Whether a region may be deregistered, and what the
   accounts say, they find out from one number per end and region, bytes handed over minus bytes taken, and one that counts
   what the end that did not register the region brought home. That these numbers say what the contract asks for is proved
   here, and so is that each reason for which an enqueue is refused is true.

   The shipped rule counts as away the live buffers that carry the queue's note. Here every buffer goes through this queue, so
   the note is on those that the end which did not register the region has, and no buffer is strange (RingAccount): that count
   is left out.

   `base` has the table (RegionTable, RingChannel.owners); its `own` and `held` are not in the code: they are what the
   compiler knows, since a Buffer is noncopyable, and no decision below looks at them. Each operation is one step
   (ConcurrentModel.v takes the rings apart; set-up calls are made under a lock).

   Not here: the notes on buffers by which who ends one knows at whose far side it is (AwayNote; here: whose hands it is in), and
   with them buffers that come to an end or leave it past the queue, so that RingAccount's strange counts are 0; how many buffers
   each end has (the accounts say how many are in flight, which is here, and how many are at the peer), and a register that fails
   below (Undo.v has what undoes it). *)

From Coq Require Import List Arith Bool ZArith Lia Permutation.
From CleanQ Require Export Sets Fifo Ring Bursts BufferAccounts.
From CleanQ Require Sequences.
Import ListNotations.

(* The same for what leads from a slot of the table to its buffers. *)
Fixpoint bytes_in (i : nat) (bs : list buffer) : nat :=
  match bs with
  | [] => 0
  | b :: rest => (if Nat.eq_dec (slot (home b)) i then size b else 0) + bytes_in i rest
  end.

(* And how many of them there are. *)
Fixpoint buffers_in (i : nat) (bs : list buffer) : nat :=
  match bs with
  | [] => 0
  | b :: rest => (if Nat.eq_dec (slot (home b)) i then 1 else 0) + buffers_in i rest
  end.

(* RegionTable.contains. *)
Definition contains (l : ledger) (b : buffer) : bool := match size_of l (home b) with Some _ => true | None => false end.

(* Refusal. *)
Inductive refusal := IsFull | IsUnknown | IsIncomplete | IsClosed.

(* RegionTable.offer: which buffers of a burst are taken, and why not the next one. *)
Definition offer (known : buffer -> bool) (bs : list buffer) (room capacity : nat) : list buffer * option refusal :=
  let fitting := min (length bs) room in
  let prefix := known_prefix known (firstn room bs) in
  let taken := whole_runs prefix in
  (taken,
   if length taken =? length bs then None
   else if match nth_error bs (length prefix) with Some b => negb (known b) | None => false end then Some IsUnknown
   else if (fitting =? length bs) || ((length taken =? 0) && (room =? capacity)) then Some IsIncomplete
   else Some IsFull).

Section Channel.
  Variables k m : nat.
  Hypothesis spare : m < k.

  Notation capacity := (slot_count m).

  Record channel := {
    base : ledger;
    rings : agent -> ring buffer;         (* RingChannel.lanes: rings X leads from X to Y *)
    balance : agent -> nat -> Z;          (* RingBalance.passed, by slot of the table: bytes *)
    tally : agent -> nat -> Z;            (* the same: buffers *)
    account : nat -> Z;                   (* FarSide.change, likewise *)
    is_closed : bool                      (* RingMemory.isClosed: one of the ends has gone *)
  }.

  Definition initial (cursor : agent -> nat) (garbage : agent -> nat -> buffer) : channel :=
    {| base := initial_ledger; rings := fun a => empty_at (cursor a) (garbage a);
       balance := fun _ _ => 0%Z; tally := fun _ _ => 0%Z; account := fun _ => 0%Z; is_closed := false |}.

  Inductive operation :=
  | Local (a : agent) (o : local_operation)
  | Offer (a : agent) (burst : list buffer)        (* RingQueue.enqueue, of one or of a burst *)
  | Dequeue (a : agent)
  | Close.                                         (* RingChannel.close *)

  Inductive answer :=
  | Done
  | Took (b : buffer)
  | Nothing
  | Accepted (taken : list buffer) (why : option refusal)
  | Failed (why : failure).

  Definition clear (f : agent -> nat -> Z) (i : nat) : agent -> nat -> Z :=
    fun a j => if Nat.eq_dec i j then 0%Z else f a j.

  (* RingAccount.addPassed, and the same for the primary region: an end's balance grows by what it handed over, and shrinks by
     what it took. *)
  Definition add (f : agent -> nat -> Z) (a : agent) (change : nat -> Z) : agent -> nat -> Z :=
    fun b i => if agent_dec a b then (f b i + change i)%Z else f b i.
  Definition handed (bs : list buffer) (i : nat) : Z := Z.of_nat (bytes_in i bs).
  Definition received (b : buffer) (i : nat) : Z := (- Z.of_nat (bytes_in i [b]))%Z.

  (* RingChannel.standing, of a region that `a` registered: what is in flight, and what is away, with the other end. *)
  Definition in_flight (s : channel) (a : agent) (r : region) : Z :=
    (balance s a (slot r) + balance s (other a) (slot r))%Z.
  Definition away (s : channel) (a : agent) (r : region) : Z :=
    (account s (slot r) - balance s (other a) (slot r))%Z.

  (* RingChannel.deregister. *)
  Definition deregister (s : channel) (a : agent) (r : region) : channel * answer :=
    match size_of (base s) r with
    | None => (s, Failed UnknownRegion)
    | Some n =>
        if negb (is_registrar (base s) a r) then (s, Failed NotOwner)
        else if (in_flight s a r + away s a r =? 0)%Z then
          ({| base :=
                {| table := at_slot (table (base s)) (slot r) None;
                   latest := latest (base s);
                   own := at_agent (own (base s)) a (minus (own (base s) a) (range r 0 n));
                   held := fun b => filter (fun c => if region_dec (home c) r then false else true) (held (base s) b) |};
              rings := rings s; balance := balance s; tally := tally s; account := account s; is_closed := is_closed s |}, Done)
        else (s, Failed (Elsewhere (Z.to_nat (in_flight s a r + away s a r))))
    end.

  (* What FarSide is told when a buffer comes home: where the end that did not register the region has it. *)
  Definition tell (s : channel) (a : agent) (b : buffer) : nat -> Z :=
    fun i => if is_registrar (base s) a (home b) then account s i else (account s i - Z.of_nat (bytes_in i [b]))%Z.

  Definition local_step (s : channel) (a : agent) (o : local_operation) : channel * answer :=
    match o with
    | Deregister r => deregister s a r
    | _ =>
        match local (base s) a o with
        | (l, SetModel.Done) =>
            ({| base := l; rings := rings s;
                balance := match o with Register r _ => clear (balance s) (slot r) | _ => balance s end;
                tally := match o with Register r _ => clear (tally s) (slot r) | _ => tally s end;
                account :=
                  match o with
                  | Register r _ => fun i => if Nat.eq_dec (slot r) i then 0%Z else account s i
                  | Release b => tell s a b
                  | _ => account s
                  end;
                is_closed := is_closed s |}, Done)
        | (_, SetModel.Failed why) => (s, Failed why)
        end
    end.

  (* What the compiler knows after some runs were handed over, one after the other. *)
  Definition after_runs (l : ledger) (a : agent) (runs : list (list buffer)) : ledger :=
    fold_left (fun l run => fst (hand_over l a run)) runs l.

  (* The runs that a list of buffers consists of. *)
  Fixpoint runs_of (bs : list buffer) : list (list buffer) :=
    match bs with
    | [] => []
    | b :: rest =>
        if is_last b then [b] :: runs_of rest
        else match runs_of rest with [] => [[b]] | run :: runs => (b :: run) :: runs end
    end.

  Definition step (s : channel) (o : operation) : channel * answer :=
    match o with
    | Local a o => local_step s a o
    | Offer a bs =>
        if length bs =? 0 then (s, Accepted [] None)
        else if is_closed s then (s, Accepted [] (Some IsClosed))
        else
          let (taken, why) := offer (contains (base s)) bs (free k m (rings s a)) capacity in
          ({| base := after_runs (base s) a (runs_of taken);
              rings := at_agent (rings s) a (enqueue_burst k m (rings s a) taken);
              balance := add (balance s) a (handed taken);
              tally := add (tally s) a (fun i => Z.of_nat (buffers_in i taken)); account := account s;
              is_closed := is_closed s |}, Accepted taken why)
    | Dequeue a =>
        let r := rings s (other a) in
        if 0 <? available k r then
          let b := read k m r 0 in
          ({| base := take_over (base s) a b;
              rings := at_agent (rings s) (other a) (give_back k r 1);
              balance := add (balance s) a (received b);
              tally := add (tally s) a (fun i => (- Z.of_nat (buffers_in i [b]))%Z); account := account s;
              is_closed := is_closed s |}, Took b)
        else (s, Nothing)
    | Close => ({| base := base s; rings := rings s; balance := balance s; tally := tally s; account := account s; is_closed := true |}, Done)
    end.

  (* What the compiler sees to: buffers of registered regions that are offered are in the caller's hands. *)
  Definition permitted (s : channel) (o : operation) : Prop :=
    match o with
    | Offer a bs =>
        forall taken rest, bs = taken ++ rest -> forallb (contains (base s)) taken = true ->
          exists left, take_all taken (held (base s) a) = Some left
    | _ => True
    end.

  Inductive reachable : channel -> Prop :=
  | reachable_initial cursor garbage : (forall a, cursor a < modulus k) -> reachable (initial cursor garbage)
  | reachable_step s o : reachable s -> permitted s o -> reachable (fst (step s o)).

End Channel.
