(** * The concurrent ring refines the sequence, in every interleaving

    [ring_refines_fifo] says that what any interleaving does is what a first-in first-out list does; the enqueue takes effect
    at the producer's publish, the dequeue at the consumer's. Then: that acting on stale cursors is safe, that no slot is
    written and read at once, and that the ring can do what it may, so that none of this holds for want of steps. From
    [Interleavings]; memory is sequentially consistent, see [ConcurrentModel]. *)

From Coq Require Import Arith List Lia Bool.
From CleanQ Require Export Interleavings.
Import ListNotations.

Section Ring.

Context {r : ring}.
Let n_positive : 0 < n := n_positive.
Let n_below_M : n < M := n_below_M.
Let n_divides_M : Nat.divide n M := n_divides_M.

(** *** Every run *)

Lemma run_simulates s events s' : run s events s' -> invariant s ->
  invariant s' /\ fifo_run n (abstract s) events (abstract s').
Proof.
  induction 1 as [ s | s l s1 events s2 Hstep Hrun IH ]; intros Hinv.
  - split; [ assumption | apply fifo_done ].
  - destruct (step_simulates _ _ _ Hinv Hstep) as [Hinv1 Hsim].
    destruct (IH Hinv1) as [Hinv2 Hfifo]. split; [ assumption | ].
    destruct l; simpl in *; try (rewrite Hsim in Hfifo; exact Hfifo).
    eapply fifo_more; eassumption.
Qed.

Theorem reachable_invariant s : reachable s -> invariant s.
Proof.
  intros (s0 & events & Hinit & Hrun). eapply run_simulates; [ eassumption | now apply initial_invariant ].
Qed.

Lemma initial_empty s : initial s -> abstract s = [].
Proof.
  destruct 1. unfold abstract, in_flight. simpl. rewrite wsub_self by lia. reflexivity.
Qed.

(** The concurrent ring refines the sequence: whatever the interleaving and however stale the cursors acted on, the
    events that happened are events of the sequence, and the ring's content is the sequence's. *)
Theorem ring_refines_fifo s0 events s :
  initial s0 -> run s0 events s -> fifo_run n [] events (abstract s).
Proof.
  intros Hinit Hrun. rewrite <- (initial_empty _ Hinit).
  eapply run_simulates; [ eassumption | now apply initial_invariant ].
Qed.

(** Every value dequeued is the one enqueued, whole and in order; the rest is in flight. *)
Theorem delivered_in_order s0 events s :
  initial s0 -> run s0 events s -> sent events = received events ++ abstract s.
Proof.
  intros Hinit Hrun. exact (fifo_order _ _ _ _ _ (ring_refines_fifo _ _ _ Hinit Hrun)).
Qed.

(** I4: at most [n] in flight. *)
Theorem never_overfull s : reachable s -> in_flight s <= n /\ length (abstract s) = in_flight s.
Proof.
  intros H. apply reachable_invariant in H. split.
  - destruct H. lia.
  - apply rows_length.
Qed.

(** Acting on a stale tail: what the producer takes for free is free, and more may be. *)
Theorem stale_tail_underestimates s : reachable s ->
  wsub n (wsub (own_head s) (cached_tail s)) <= n - in_flight s.
Proof.
  intros H. apply reachable_invariant in H. destruct H. rewrite own_head_published.
  rewrite wsub_room by assumption. lia.
Qed.

(** Acting on a stale head: what the consumer takes for available is available, and more may be. *)
Theorem stale_head_underestimates s : reachable s ->
  wsub (cached_head s) (own_tail s) <= in_flight s.
Proof. intros H. apply reachable_invariant in H. destruct H. now rewrite own_tail_published. Qed.

(** *** Accesses to slots *)

(** I4: a field that is read lies in a slot in flight and is that of the descriptor enqueued. *)
Theorem reads_published s f_slot f w s' : reachable s -> step s (Reads f_slot f w) s' ->
  exists i, i < in_flight s /\ f < F /\ f_slot = slot (tail s) i /\ w = nth f (nth i (abstract s) []) w0.
Proof.
  intros Hr Hstep. apply reachable_invariant in Hr. destruct Hr as [Hh Ht Hct Hch Eh Et Hb Hst Hsh Hp Hc].
  inversion Hstep; subst; unfold in_flight, consumer_fine in *; simpl in *; subst.
  destruct Hc as (Hcount & Hin & _). destruct (Hin i f) as [Hi Hf]; [ now left | ].
  exists i. repeat split; try assumption; try lia.
  unfold abstract, in_flight. simpl. now rewrite rows_nth by lia.
Qed.

(** A field that is written lies in a slot that is not in flight. *)
Theorem writes_free s f_slot f s' : reachable s -> step s (Writes f_slot f) s' ->
  f_slot < n /\ f < F /\ forall i, i < in_flight s -> f_slot <> slot (tail s) i.
Proof.
  intros Hr Hstep. apply reachable_invariant in Hr. destruct Hr as [Hh Ht Hct Hch Eh Et Hb Hst Hsh Hp Hc].
  inversion Hstep; subst; unfold in_flight, producer_fine in *; simpl in *; subst.
  destruct Hp as (Hroom & _ & Hin & _). destruct (Hin i f) as [Hi Hf]; [ now left | ].
  split; [ now apply slot_below | ]. split; [ assumption | ].
  intros j Hj. apply free_slot_differs; try assumption; lia.
Qed.

(** No data race: nowhere can one thread write a slot that the other may read next. *)
Theorem no_race s f_slot f g w s1 s2 : reachable s ->
  step s (Writes f_slot f) s1 -> step s (Reads f_slot g w) s2 -> False.
Proof.
  intros Hr Hw Hrd. destruct (reads_published _ _ _ _ _ Hr Hrd) as (i & Hi & _ & E & _).
  destruct (writes_free _ _ _ _ Hr Hw) as (_ & _ & Hd). exact (Hd i Hi E).
Qed.

(** *** The ring can do what it may: nothing above holds for want of steps *)

Lemma run_app s e1 s1 e2 s2 : run s e1 s1 -> run s1 e2 s2 -> run s (e1 ++ e2) s2.
Proof. induction 1; intros; simpl; [ assumption | ]. rewrite <- app_assoc. eauto using run_more. Qed.

Lemma run_writes h t oh ct ot ch c burst todo : forall m, exists m',
  run (State h t m oh ct (Writing burst todo) ot ch c) [] (State h t m' oh ct (Writing burst []) ot ch c).
Proof.
  induction todo as [ | [i f] todo IH ]; intros m.
  - exists m. apply run_none.
  - destruct (IH (update m (slot oh i) f (field burst i f))) as [m' Hm]. exists m'.
    refine (run_more _ (Writes _ _) _ [] _ _ Hm). apply producer_writes.
Qed.

Lemma run_reads h t m oh ct p ot ch count todo : forall copy, exists copy',
  run (State h t m oh ct p ot ch (Reading count todo copy)) [] (State h t m oh ct p ot ch (Reading count [] copy')).
Proof.
  induction todo as [ | [i f] todo IH ]; intros copy.
  - exists copy. apply run_none.
  - destruct (IH (update copy i f (m (slot ot i) f))) as [copy' Hm]. exists copy'.
    refine (run_more _ (Reads _ _ _) _ [] _ _ Hm). apply consumer_reads.
Qed.

(** All [n] slots are of use: an idle producer can enqueue any burst that fits beside what is in flight, whatever the
    consumer is doing meanwhile. *)
Theorem enqueue_possible s burst : reachable s -> producer s = Producing_nothing ->
  well_formed burst -> in_flight s + length burst <= n ->
  exists s', run s [Enqueued burst] s' /\ abstract s' = abstract s ++ burst.
Proof.
  intros Hr Hidle Hwf Hroom. apply reachable_invariant in Hr.
  assert (exists s', run s [Enqueued burst] s') as [s' Hrun].
  { destruct s as [h t m oh ct p ot ch c]. simpl in Hidle. subst p.
    destruct Hr as [Hh Ht Hct Hch Eh Et Hb Hst Hsh Hp Hc]. unfold in_flight in *. simpl in *. subst.
    destruct (run_writes h t h t t ch c burst (in_order F (length burst)) m) as [m' Hm].
    eexists. refine (run_more _ Silent _ _ _ (producer_loads _ _ _ _ _ _ _ _ _) _).
    eapply (run_more _ Silent _ [Enqueued burst]).
    { apply (producer_decides _ _ _ _ _ _ _ _ burst (in_order F (length burst)));
        [ rewrite wsub_room by lia; lia | assumption | apply in_order_covering ]. }
    change [Enqueued burst] with (([] : list (event descriptor)) ++ [Enqueued burst]).
    eapply run_app; [ exact Hm | ].
    exact (run_more _ (Event _) _ [] _ (producer_publishes _ _ _ _ _ _ _ _ _) (run_none _)). }
  exists s'. split; [ assumption | ].
  destruct (run_simulates _ _ _ Hrun Hr) as [_ Hf].
  inversion Hf as [ | ? ? ? ? ? Hs Hn ]; subst. inversion Hs; subst. inversion Hn; subst. congruence.
Qed.

(** What is in flight can be dequeued, as one burst, whatever the producer is doing meanwhile. *)
Theorem dequeue_possible s count : reachable s -> consumer s = Consuming_nothing -> count <= in_flight s ->
  exists s', run s [Dequeued (firstn count (abstract s))] s'.
Proof.
  intros Hr Hidle Hcount. apply reachable_invariant in Hr.
  assert (exists s' copy, run s [Dequeued (rows count copy)] s') as (s' & copy & Hrun).
  { destruct s as [h t m oh ct p ot ch c]. simpl in Hidle. subst c.
    destruct Hr as [Hh Ht Hct Hch Eh Et Hb Hst Hsh Hp Hc]. unfold in_flight in *. simpl in *. subst.
    destruct (run_reads h t m h ct p t h count (in_order F count) (fun _ _ => w0)) as [copy Hm].
    do 2 eexists. refine (run_more _ Silent _ _ _ (consumer_loads _ _ _ _ _ _ _ _ _) _).
    eapply (run_more _ Silent _ [Dequeued (rows count copy)]).
    { apply (consumer_decides _ _ _ _ _ _ _ _ count (in_order F count)); [ assumption | apply in_order_covering ]. }
    change [Dequeued (rows count copy)] with (([] : list (event descriptor)) ++ [Dequeued (rows count copy)]).
    eapply run_app; [ exact Hm | ].
    exact (run_more _ (Event _) _ [] _ (consumer_publishes _ _ _ _ _ _ _ _ _ _) (run_none _)). }
  exists s'. destruct (run_simulates _ _ _ Hrun Hr) as [_ Hf].
  inversion Hf as [ | ? ? ? ? ? Hs Hn ]; subst. inversion Hs as [ | q b Hq Hb Hq' ]; subst.
  rewrite firstn_app, rows_length, Nat.sub_diag, firstn_O, app_nil_r.
  rewrite firstn_all2 by (rewrite rows_length; lia). exact Hrun.
Qed.

End Ring.

(** ** 5. The ring of the code: 32-bit cursors, a power of two of slots, four words *)

(** [RingMemory] with [slotCount] = 2^j, [j] < 32, and the words of [Descriptor]. *)
Definition shipped j (j_below_32 : j < 32) (W : Type) (w0 : W) : ring.
Proof.
  refine (Ring (2 ^ 32) (2 ^ j) 4 _ _ _ W w0).
  - apply Nat.neq_0_lt_0, Nat.pow_nonzero. lia.
  - apply Nat.pow_lt_mono_r; lia.
  - exists (2 ^ (32 - j)). rewrite <- Nat.pow_add_r. f_equal. lia.
Defined.

Corollary shipped_ring j (j_below_32 : j < 32) W (w0 : W) (r := shipped j j_below_32 W w0) s0 events s :
  initial s0 -> run s0 events s -> fifo_run (2 ^ j) [] events (abstract s).
Proof. exact (ring_refines_fifo s0 events s). Qed.
