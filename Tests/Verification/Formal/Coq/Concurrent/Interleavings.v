(** * Every step of the concurrent ring keeps the invariant and simulates the sequence

    The abstraction function (what is in flight, read off the shared memory at any point of any interleaving), the invariant
    (stale cursors only underestimate; what is not still to be written is written), and [step_simulates], which goes through
    the steps one by one. The theorems of [Concurrent] and [ConcurrentTSO] rest on it. *)

From Coq Require Import Arith List Lia Bool.
From CleanQ Require Export ConcurrentModel.
Import ListNotations.

Section Ring.

Context {r : ring}.
Let n_positive : 0 < n := n_positive.
Let n_below_M : n < M := n_below_M.
Let n_divides_M : Nat.divide n M := n_divides_M.

(** *** The abstraction function *)

(** [head &- tail] of the shared cursors: how many buffers are in flight. *)
Definition in_flight (s : state) : nat := wsub (head s) (tail s).

(** T_XY: the slots from tail to head. It is a function of the shared memory, at every point of every interleaving. What
    the consumer has half read is part of it until the consumer publishes, what the producer has half written is not. *)
Definition abstract (s : state) : list descriptor :=
  rows (in_flight s) (fun i f => slots s (slot (tail s) i) f).

(** *** The invariant *)

Definition producer_fine (s : state) : Prop :=
  match producer s with
  | Producing_nothing => True
  | Writing burst todo =>
      (* Room by the stale cursor is room. *)
      length burst + wsub (head s) (cached_tail s) <= n
      /\ well_formed burst /\ inside F (length burst) todo
      (* What is not still to be written is written. *)
      /\ forall i f, i < length burst -> f < F ->
           In (i, f) todo \/ slots s (slot (head s) i) f = field burst i f
  end.

Definition consumer_fine (s : state) : Prop :=
  match consumer s with
  | Consuming_nothing => True
  | Reading count todo copy =>
      count <= wsub (cached_head s) (tail s)
      /\ inside F count todo
      /\ forall i f, i < count -> f < F ->
           In (i, f) todo \/ copy i f = slots s (slot (tail s) i) f
  end.

Record invariant (s : state) : Prop := Invariant {
  head_word : head s < M;
  tail_word : tail s < M;
  cached_tail_word : cached_tail s < M;
  cached_head_word : cached_head s < M;
  own_head_published : own_head s = head s;
  own_tail_published : own_tail s = tail s;
  (** The stale tail claims no more than the ring has... *)
  cached_tail_bounded : wsub (head s) (cached_tail s) <= n;
  (** ... and never fewer buffers in flight than there are: room is under-estimated. *)
  cached_tail_stale : in_flight s <= wsub (head s) (cached_tail s);
  (** The stale head never shows more buffers than there are: what is available is under-estimated. *)
  cached_head_stale : wsub (cached_head s) (tail s) <= in_flight s;
  producer_invariant : producer_fine s;
  consumer_invariant : consumer_fine s
}.

Lemma initial_invariant s : initial s -> invariant s.
Proof.
  destruct 1. assert (wsub 0 0 = 0) as E by (apply wsub_self; lia).
  split; unfold in_flight, producer_fine, consumer_fine; simpl; rewrite ?E; try lia; exact I.
Qed.

Lemma inside_rest count x todo : inside F count (x :: todo) -> inside F count todo.
Proof. intros H i f Hin. apply H. now right. Qed.

(** What a label says about the sequence before and after. *)
Definition simulates (q : list descriptor) (l : label) (q' : list descriptor) : Prop :=
  match l with Event e => fifo_step n q e q' | _ => q' = q end.

(** A write of the producer leaves what is in flight alone. *)
Lemma write_keeps_abstract h t (m : table) i f w burst_length :
  h < M -> t < M -> i < burst_length -> burst_length + wsub h t <= n ->
  forall j g, j < wsub h t -> update m (slot h i) f w (slot t j) g = m (slot t j) g.
Proof.
  intros. apply update_other. left. apply not_eq_sym. apply free_slot_differs; try assumption; lia.
Qed.

(** *** One step *)

Ltac parts := repeat match goal with |- _ /\ _ => split end.

(** Each step keeps the invariant, and is a stutter of the sequence or exactly one enqueue or dequeue of it. *)
Theorem step_simulates s l s' : invariant s -> step s l s' ->
  invariant s' /\ simulates (abstract s) l (abstract s').
Proof.
  intros [Hh Ht Hct Hch Eh Et Hb Hst Hsh Hp Hc] Hstep.
  destruct Hstep; unfold in_flight, producer_fine, consumer_fine in *; simpl in *; subst.
  - (* producer_loads *)
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try lia.
    destruct p; [ exact I | ]. destruct Hp as (? & ? & ? & ?). parts; try assumption; lia.
  - (* producer_decides *)
    rewrite wsub_room in * by assumption.
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity.
    match goal with H : covering _ _ _ |- _ => destruct H as [Hin Hall] end.
    parts; try assumption; try lia. intros. left. now apply Hall.
  - (* producer_writes *)
    destruct Hp as (Hroom & Hwf & Hin & Hdone).
    destruct (Hin i f) as [Hi Hf]; [ now left | ].
    pose proof (write_keeps_abstract h t m i f (field burst i f) (length burst) Hh Ht Hi ltac:(lia)) as Hkeep.
    split.
    + split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity.
      * parts; try assumption; try (eapply inside_rest; eassumption).
        intros j g Hj Hg. destruct (Nat.eq_dec j i) as [ -> | Hne ].
        -- destruct (Nat.eq_dec g f) as [ -> | Hne ].
           ++ right. apply update_same.
           ++ rewrite update_other by auto. destruct (Hdone i g Hi Hg) as [ [ E | ? ] | ? ]; auto.
              congruence.
        -- rewrite update_other.
           ++ destruct (Hdone j g Hj Hg) as [ [ E | ? ] | ? ]; auto. congruence.
           ++ left. intros E. apply slot_injective in E; assumption || lia.
      * destruct c; [ exact I | ]. destruct Hc as (Hcount & Hin' & Hread). parts; try assumption.
        intros j g Hj Hg. rewrite Hkeep by lia. now apply Hread.
    + simpl. unfold abstract, in_flight. simpl. apply rows_ext. intros. now apply Hkeep.
  - (* producer_publishes *)
    destruct Hp as (Hroom & Hwf & Hin & Hdone).
    assert (E1 : wsub (wadd h (length burst)) t = wsub h t + length burst) by (apply wsub_wadd_front; lia).
    assert (E2 : wsub (wadd h (length burst)) ct = wsub h ct + length burst) by (apply wsub_wadd_front; lia).
    split.
    + split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity;
        rewrite ?E1, ?E2; try exact I; try lia; apply wadd_below; lia.
    + simpl. assert (E : abstract (State (wadd h (length burst)) t m (wadd h (length burst)) ct
                           Producing_nothing t ch c)
                         = abstract (State h t m h ct (Writing burst []) t ch c) ++ burst).
      { unfold abstract, in_flight. simpl. rewrite E1, rows_app. f_equal.
        rewrite <- (rows_of_burst W w0 F burst Hwf) at 2. apply rows_ext.
        intros i f Hi Hf. rewrite <- slot_shift, wadd_wsub by lia.
        destruct (Hdone i f Hi Hf) as [ [] | ? ]; assumption. }
      rewrite E. apply fifo_enqueue. unfold abstract, in_flight. rewrite rows_length. simpl. lia.
  - (* producer_abandons *)
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; reflexivity || exact I.
  - (* consumer_loads *)
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try lia.
    destruct c; [ exact I | ]. destruct Hc as (? & ? & ?). parts; try assumption; lia.
  - (* consumer_decides *)
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity.
    match goal with H : covering _ _ _ |- _ => destruct H as [Hin Hall] end.
    parts; try assumption. intros. left. now apply Hall.
  - (* consumer_reads *)
    destruct Hc as (Hcount & Hin & Hdone).
    destruct (Hin i f) as [Hi Hf]; [ now left | ].
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity.
    parts; try assumption; try (eapply inside_rest; eassumption).
    intros j g Hj Hg. destruct (Nat.eq_dec j i) as [ -> | Hne ]; [ destruct (Nat.eq_dec g f) as [ -> | Hne ] | ].
    + right. apply update_same.
    + rewrite update_other by auto. destruct (Hdone i g Hi Hg) as [ [ E | ? ] | ? ]; auto. congruence.
    + rewrite update_other by auto. destruct (Hdone j g Hj Hg) as [ [ E | ? ] | ? ]; auto. congruence.
  - (* consumer_publishes *)
    destruct Hc as (Hcount & Hin & Hdone).
    assert (E1 : wsub h (wadd t count) = wsub h t - count) by (apply wsub_wadd_rear; lia).
    assert (E2 : wsub ch (wadd t count) = wsub ch t - count) by (apply wsub_wadd_rear; lia).
    split.
    + split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity;
        rewrite ?E1, ?E2; try exact I; try lia; apply wadd_below; lia.
    + simpl. assert (E : abstract (State h t m h ct p t ch (Reading count [] copy))
                         = rows count copy
                           ++ abstract (State h (wadd t count) m h ct p (wadd t count) ch Consuming_nothing)).
      { unfold abstract, in_flight. simpl. rewrite E1.
        replace (wsub h t) with (count + (wsub h t - count)) at 1 by lia.
        rewrite rows_app. f_equal.
        - apply rows_ext. intros i f Hi Hf. destruct (Hdone i f Hi Hf) as [ [] | ? ]. now symmetry.
        - apply rows_ext. intros i f _ _. now rewrite slot_shift. }
      rewrite E. apply fifo_dequeue.
  - (* consumer_restarts *)
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity; try exact I.
    rewrite wsub_self by lia. lia.
Qed.

End Ring.
