(* What is asked of a ring from outside, as functions that can be run: the oracle of ../../Oracle is extracted from them.

   A RingPort is two RingQueues, `lanes`, that share the table, the balances and the end: what is filled and transmitted goes
   through rings of its own, and a region is deregistered, and counted, over both. Each call is a step of ChannelModel.v on the
   lane that it is made on. A RingQueue is lane 0 alone.

   The questions besides: whether an end may sleep (RingQueue.arm), whether buffers of a region would be refused
   (RingPort.refusal), whether nothing comes any more (Readiness.isExhausted), the accounts. *)

From Coq Require Import List Arith Bool ZArith Lia Permutation.
From CleanQ Require Export Channel Refusals.
Import ListNotations.

Section Lanes.
  Variables k m : nat.
  Hypothesis spare : m < k.

  Notation step := (step k m).
  Notation capacity := (slot_count m).

  (* The rings of `shared` are nobody's. *)
  Record lanes := { shared : channel; lane : nat -> agent -> ring buffer }.

  Definition start (cursor : agent -> nat) (garbage : agent -> nat -> buffer) : lanes :=
    {| shared := initial cursor garbage; lane := fun _ => rings (initial cursor garbage) |}.

  (* The channel that a lane is. *)
  Definition view (s : lanes) (i : nat) : channel :=
    {| base := base (shared s); rings := lane s i; balance := balance (shared s); tally := tally (shared s);
       account := account (shared s); is_closed := is_closed (shared s) |}.

  Definition lane_step (s : lanes) (i : nat) (o : operation) : lanes * answer :=
    let (c, x) := step (view s i) o in
    ({| shared := c; lane := fun j => if j =? i then rings c else lane s j |}, x).

  (* What is in flight on the first `count` lanes, when both ends have gone: RingChannel.bringHome. *)
  Definition brought_home (s : lanes) (count : nat) : list buffer :=
    flat_map (fun i => snd (dequeue_burst k m (lane s i X) capacity) ++ snd (dequeue_burst k m (lane s i Y) capacity))
      (seq 0 count).

  (* RingLink.hasArrivals, seen by `a`. *)
  Definition has_arrivals (s : lanes) (i : nat) (a : agent) : bool := 0 <? available k (lane s i (other a)).

  (* RingQueue.arm, RingPort.arm. *)
  Definition arm (s : lanes) (count : nat) (a : agent) : bool :=
    forallb (fun i => negb (has_arrivals s i a)) (seq 0 count) && negb (is_closed (shared s)).

  (* RingLink.isExhausted. *)
  Definition exhausted (s : lanes) (i : nat) (a : agent) : bool := is_closed (shared s) && negb (has_arrivals s i a).

  (* RingLink.refusal(of:). *)
  Definition refusal_of (s : lanes) (r : region) : option refusal :=
    if is_closed (shared s) then Some IsClosed
    else match size_of (base (shared s)) r with Some _ => None | None => Some IsUnknown end.

  (* The region that has a slot, its size, and who registered it. *)
  Definition region_in (l : ledger) (i : nat) : option (region * nat * agent) :=
    match table l i with
    | Some e => Some ({| slot := i; generation := entry_generation e |}, entry_size e, entry_registrar e)
    | None => None
    end.

  (* RingChannel.accounts, of the regions in the first slots of the table: bytes registered, in flight and at the peer, and
     buffers in flight. accounts_exact and buffers_in_flight_exact speak of the terms of the sums. *)
  Definition accounts_of (s : lanes) (slots : nat) (a : agent) : Z * Z * Z * Z :=
    fold_left
      (fun '(registered, flying, peer, number) i =>
         match region_in (base (shared s)) i with
         | Some (r, n, o) =>
             (registered + Z.of_nat n, flying + in_flight (shared s) o r, peer + accounts_at_peer (shared s) a o r n,
              number + (tally (shared s) X i + tally (shared s) Y i))
         | None => (registered, flying, peer, number)
         end%Z)
      (seq 0 slots) (0, 0, 0, 0)%Z.

  (* ---- What holds of them ---- *)

  (* A lane is a channel, answer by answer: all that is proved of channels holds for a RingQueue. *)
  Theorem lane_is_channel s i o :
    snd (lane_step s i o) = snd (step (view s i) o) /\ view (fst (lane_step s i o)) i = fst (step (view s i) o).
  Proof.
    unfold lane_step. destruct (step (view s i) o) as [c x]. simpl. split; [reflexivity |].
    unfold view. simpl. rewrite Nat.eqb_refl. now destruct c.
  Qed.

  (* A call on one lane leaves the rings of the others alone. *)
  Theorem other_lanes_unmoved s i j o : j <> i -> lane (fst (lane_step s i o)) j = lane s j.
  Proof.
    intros N. unfold lane_step. destruct (step (view s i) o) as [c x]. simpl. now destruct (Nat.eqb_spec j i).
  Qed.

  (* Who may sleep finds nothing on any lane, and the other end has not gone. *)
  Theorem arm_is_true s count a :
    arm s count a = true <->
    is_closed (shared s) = false /\ forall i, i < count -> snd (lane_step s i (Dequeue a)) = Nothing.
  Proof.
    unfold arm. rewrite andb_true_iff, negb_true_iff, forallb_forall. split; intros [H C].
    - split; [exact C |]. intros i L. specialize (H i ltac:(apply in_seq; lia)). apply negb_true_iff in H.
      unfold lane_step. simpl. unfold has_arrivals in H. rewrite H. reflexivity.
    - split; [| exact H]. intros i L. apply in_seq in L. specialize (C i ltac:(lia)).
      unfold lane_step in C. simpl in C. unfold has_arrivals. destruct (0 <? _); [discriminate C | reflexivity].
  Qed.

  (* Where an end is exhausted nothing is taken, and nothing is enqueued any more. *)
  Theorem exhausted_is_true s i a b bs :
    exhausted s i a = true ->
    snd (lane_step s i (Dequeue a)) = Nothing /\
    snd (lane_step s i (Offer (other a) (b :: bs))) = Accepted [] (Some IsClosed).
  Proof.
    unfold exhausted. rewrite andb_true_iff, negb_true_iff. intros [C H]. unfold lane_step. simpl.
    unfold has_arrivals in H. rewrite H, C. auto.
  Qed.

  (* A packet of one buffer, for which there is room, is refused for the reason that was foretold, and else taken. *)
  Theorem refusal_is_foretold s i a b :
    is_last b = true -> 0 < free k m (lane s i a) <= capacity ->
    snd (lane_step s i (Offer a [b])) =
      match refusal_of s (home b) with Some why => Accepted [] (Some why) | None => Accepted [b] None end.
  Proof.
    intros L [F R]. unfold lane_step, refusal_of. cbn [ChannelModel.step length Nat.eqb view is_closed base].
    destruct (is_closed (shared s)); [reflexivity |]. cbn [view rings].
    rewrite single_is_burst_of_one by (auto; lia). unfold contains. rewrite L.
    destruct (size_of (base (shared s)) (home b)); simpl; [| reflexivity].
    destruct (Nat.eqb_spec (free k m (lane s i a)) 0); [lia | reflexivity].
  Qed.
End Lanes.
