(** * What the users of a ring can see

    The specification of one direction as events: one sequence, first in, first out, at most [n] long. A burst is one event;
    that it may as well be several, and that the steps are those of the functions of Fifo.v, is proved here. *)

From Coq Require Import Arith List Lia Bool.
From CleanQ Require Fifo.
Import ListNotations.

Section Fifo.

Variable D : Type.
Variable n : nat.

(** What the users of the ring can see. A burst counts as one event. *)
Inductive event := Enqueued (burst : list D) | Dequeued (burst : list D).

Inductive fifo_step : list D -> event -> list D -> Prop :=
| fifo_enqueue q burst : length q + length burst <= n -> fifo_step q (Enqueued burst) (q ++ burst)
| fifo_dequeue q burst : fifo_step (burst ++ q) (Dequeued burst) q.

Inductive fifo_run : list D -> list event -> list D -> Prop :=
| fifo_done q : fifo_run q [] q
| fifo_more q e q' events q'' : fifo_step q e q' -> fifo_run q' events q'' -> fifo_run q (e :: events) q''.

Definition sent (events : list event) : list D :=
  flat_map (fun e => match e with Enqueued burst => burst | Dequeued _ => [] end) events.
Definition received (events : list event) : list D :=
  flat_map (fun e => match e with Enqueued _ => [] | Dequeued burst => burst end) events.

Lemma fifo_run_app q e1 q1 e2 q2 : fifo_run q e1 q1 -> fifo_run q1 e2 q2 -> fifo_run q (e1 ++ e2) q2.
Proof. induction 1; simpl; eauto using fifo_more. Qed.

(** I3: what was in the queue and what was enqueued since is, in that order, what was dequeued and what is left. *)
Theorem fifo_order q events q' : fifo_run q events q' -> q ++ sent events = received events ++ q'.
Proof.
  induction 1 as [ q | q e q1 events q2 Hstep Hrun IH ]; simpl.
  - now rewrite app_nil_r.
  - destruct Hstep; simpl in *.
    + now rewrite app_assoc.
    + now rewrite <- !app_assoc, IH.
Qed.

Theorem fifo_bounded q events q' : fifo_run q events q' -> length q <= n -> length q' <= n.
Proof.
  induction 1 as [ | q e q1 events q2 Hstep Hrun IH ]; intros Hq; [ assumption | ].
  apply IH. destruct Hstep; rewrite app_length in *; lia.
Qed.

(** A burst is its buffers one by one: splitting an event in two changes neither where it can happen nor what it does. *)
Lemma burst_enqueue_splits q b1 b2 q' :
  fifo_run q [Enqueued (b1 ++ b2)] q' <-> fifo_run q [Enqueued b1; Enqueued b2] q'.
Proof.
  split; intros H; inversion H as [ | ? ? q1 ? ? Hs Hr ]; subst; inversion Hs; subst.
  - inversion Hr; subst. rewrite app_length in *.
    eapply fifo_more; [ apply fifo_enqueue; lia | ].
    rewrite app_assoc. eapply fifo_more; [ apply fifo_enqueue; rewrite app_length; lia | ]. apply fifo_done.
  - inversion Hr as [ | ? ? q2 ? ? Hs2 Hr2 ]; subst. inversion Hs2; subst. inversion Hr2; subst.
    rewrite app_length in *. rewrite <- app_assoc.
    eapply fifo_more; [ apply fifo_enqueue; rewrite app_length; lia | apply fifo_done ].
Qed.

Lemma burst_dequeue_splits q b1 b2 q' :
  fifo_run q [Dequeued (b1 ++ b2)] q' <-> fifo_run q [Dequeued b1; Dequeued b2] q'.
Proof.
  split; intros H; inversion H as [ | ? ? q1 ? ? Hs Hr ]; subst; inversion Hs; subst.
  - inversion Hr; subst. rewrite <- app_assoc.
    eapply fifo_more; [ apply fifo_dequeue | ]. eapply fifo_more; [ apply fifo_dequeue | apply fifo_done ].
  - inversion Hr as [ | ? ? q2 ? ? Hs2 Hr2 ]; subst. inversion Hs2; subst. inversion Hr2; subst.
    rewrite app_assoc. eapply fifo_more; [ apply fifo_dequeue | apply fifo_done ].
Qed.

End Fifo.

Arguments Enqueued {D} burst.
Arguments Dequeued {D} burst.
Arguments fifo_step {D}.
Arguments fifo_run {D}.
Arguments sent {D}.
Arguments received {D}.

(** The same steps as functions, in the specification that the other files here share. *)
Lemma enqueued_is_enqueue_all {D} n (q burst q' : list D) :
  fifo_step n q (Enqueued burst) q' <-> Fifo.enqueue_all n q burst = Some q'.
Proof.
  unfold Fifo.enqueue_all. split.
  - inversion 1; subst. destruct (Nat.leb_spec (length q + length burst) n); [ reflexivity | lia ].
  - destruct (Nat.leb_spec (length q + length burst) n); [ | discriminate ]. intros E. injection E as <-.
    now constructor.
Qed.

Lemma dequeued_is_dequeue_many {D} n (q burst q' : list D) :
  fifo_step n q (Dequeued burst) q' <-> Fifo.dequeue_many q (length burst) = (burst, q').
Proof.
  unfold Fifo.dequeue_many. split.
  - inversion 1; subst. now rewrite firstn_app, skipn_app, Nat.sub_diag, firstn_all, skipn_all, app_nil_r.
  - intros E. injection E as E1 E2. rewrite <- (firstn_skipn (length burst) q), E1, E2. constructor.
Qed.
