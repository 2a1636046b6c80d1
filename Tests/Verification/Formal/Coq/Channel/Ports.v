(* A RingPort keeps the contract over both of its lanes: each of its calls is some steps of the sequence model, with the same
   answer, after what is in flight was put into another order; so I1 and I2 hold, and the accounts and the number of bytes elsewhere
   that deregister names are exact over both. Each lane by itself is first in, first out.

   The sequence model is that of twice the slots: the sequence of an agent is what it has in flight on either lane. *)

From Coq Require Import List Arith Bool ZArith Lia Permutation.
From CleanQ Require Export Lanes.
From CleanQ Require Sequences.
Import ListNotations.

Lemma bytes_of_permutes r bs cs : Permutation bs cs -> bytes_of r bs = bytes_of r cs.
Proof. induction 1; simpl; lia. Qed.

Lemma number_of_permutes r bs cs : Permutation bs cs -> number_of r bs = number_of r cs.
Proof. induction 1; simpl; lia. Qed.

(* The same, but for the order of what is in flight. *)
Definition permuted (q p : Sequences.state) : Prop :=
  Sequences.base q = Sequences.base p /\ forall a, Permutation (Sequences.queue q a) (Sequences.queue p a).

Lemma sound_permuted capacity q p t :
  permuted q p -> Sequences.sound capacity q t -> Sequences.sound capacity p t.
Proof.
  intros [E P] [[EB F] G N B L]. split; [| exact G | | |].
  - split; [congruence |]. intros a x. rewrite <- F. apply eq_true_iff_eq. rewrite !mem_in.
    split; apply Permutation_in; [symmetry |]; now apply all_bytes_permutes.
  - intros a. eapply Permutation_NoDup; [| apply N]. now apply all_bytes_permutes.
  - intros a b I. rewrite <- E. apply (B a). eapply Permutation_in; [symmetry; apply P | exact I].
  - intros a. rewrite <- (Permutation_length (P a)). apply L.
Qed.

Lemma balanced_permuted l q p f g :
  (forall a, Permutation (q a) (p a)) -> balanced l q f g -> balanced l p f g.
Proof.
  intros P B r n o Z R. destruct (B r n o Z R) as [BO BT]. split; [| exact BT].
  now rewrite <- !(bytes_of_permutes r _ _ (P _)).
Qed.

Lemma tallied_permuted l q p f : (forall a, Permutation (q a) (p a)) -> tallied l q f -> tallied l p f.
Proof. intros P T r n Z. rewrite <- !(number_of_permutes r _ _ (P _)). exact (T r n Z). Qed.

(* The same channel with other rings. *)
Definition with_rings (c : channel) (rs : agent -> ring buffer) : channel :=
  {| base := base c; rings := rs; balance := balance c; tally := tally c; account := account c; is_closed := is_closed c |}.

(* No local call looks at the rings. *)
Lemma local_step_rings c rs a o :
  local_step (with_rings c rs) a o = (with_rings (fst (local_step c a o)) rs, snd (local_step c a o)).
Proof.
  destruct o; unfold local_step; simpl base;
    try (destruct (local (base c) a _) as [l [|]]; reflexivity).
  unfold deregister, in_flight, away. simpl. destruct (size_of (base c) r); [| reflexivity].
  destruct (negb _); [reflexivity |]. destruct (_ =? _)%Z; reflexivity.
Qed.

Section Ports.
  Variables k m : nat.
  Hypothesis spare : S m < k.

  Notation capacity := (slot_count (S m)).

  Lemma two_lanes : slot_count (S m) = slot_count m + slot_count m.
  Proof. unfold slot_count. simpl. lia. Qed.

  (* lq: what is in flight on each lane, the oldest first. *)
  Record ported (s : lanes) (lq : nat -> agent -> list buffer) (q : Sequences.state) : Prop := {
    port_base : base (shared s) = Sequences.base q;
    port_rings : forall i a, i < 2 -> holds k m (lane s i a) (lq i a);
    port_queues : forall a, Permutation (Sequences.queue q a) (lq 0 a ++ lq 1 a);
    port_balances : balanced (base (shared s)) (Sequences.queue q) (balance (shared s)) (account (shared s));
    port_tallies : tallied (base (shared s)) (Sequences.queue q) (tally (shared s))
  }.

  (* What a call does to the lanes. *)
  Definition lanes_after (i : nat) (o : operation) (x : answer) (lq lq' : nat -> agent -> list buffer) : Prop :=
    match o, x with
    | Offer a _, Accepted taken _ => lq' i a = lq i a ++ taken /\ lq' i (other a) = lq i (other a)
    | Dequeue a, Took b => lq i (other a) = b :: lq' i (other a) /\ lq' i a = lq i a
    | Dequeue a, Nothing => lq i (other a) = [] /\ lq' i = lq i
    | _, _ => lq' i = lq i
    end /\ forall j, j <> i -> lq' j = lq j.

  Definition at_lane (lq : nat -> agent -> list buffer) (i : nat) (a : agent) (bs : list buffer) (j : nat) : agent -> list buffer :=
    if j =? i then at_agent (lq j) a bs else lq j.

  Lemma at_lane_same lq i a bs : at_lane lq i a bs i a = bs.
  Proof. unfold at_lane. rewrite Nat.eqb_refl. apply at_agent_same. Qed.

  Lemma at_lane_other lq i a bs : at_lane lq i a bs i (other a) = lq i (other a).
  Proof. unfold at_lane. rewrite Nat.eqb_refl. apply at_agent_other, other_differs. Qed.

  Lemma at_lane_elsewhere lq i a bs j : j <> i -> at_lane lq i a bs j = lq j.
  Proof. unfold at_lane. now destruct (Nat.eqb_spec j i). Qed.

  (* A channel of one lane with twice the slots, which has all that is in flight: the local calls answer from it. *)
  Lemma one_lane_would_do s lq q t :
    Sequences.sound capacity q t -> ported s lq q -> exists rs, stands k (S m) (with_rings (shared s) rs) q.
  Proof.
    intros S [E RH P B T].
    set (nothing := {| home := {| slot := 0; generation := 0 |}; offset := 0; size := 0; valid_offset := 0; valid_size := 0;
                       is_last := true |}).
    exists (fun a => publish k (write_all k (Datatypes.S m) (empty_at 0 (fun _ => nothing)) 0 (Sequences.queue q a))
              (length (Sequences.queue q a))).
    split; simpl; auto. intros a.
    apply (holds_publish k (Datatypes.S m) spare _ [] (Sequences.queue q a)).
    - apply (holds_empty k (Datatypes.S m) spare). apply modulus_positive.
    - simpl. apply S.
  Qed.

  (* As in ChannelCalls.v, but that the sequence model, which does not know of lanes, does nothing where one is empty. *)
  Definition port_agrees (o : operation) (x : answer) (log : list (Sequences.operation * Sequences.result)) : Prop :=
    match o, x with Dequeue _, Nothing => log = [] | _, _ => agrees o x log end.

  Theorem port_step_refines s lq q t i o s' x :
    i < 2 -> Sequences.sound capacity q t -> ported s lq q -> permitted (view s i) o -> lane_step k m s i o = (s', x) ->
    exists lq' p os q' log,
      permuted q p /\ Sequences.run capacity p os = (q', log) /\ port_agrees o x log /\
      ported s' lq' q' /\ lanes_after i o x lq lq'.
  Proof.
    intros I S H Pm W. assert (spare' : m < k) by lia. pose proof H as [E RH P B T].
    assert (Same : permuted q q) by (split; auto).
    unfold lane_step in W. destruct (step k m (view s i) o) as [c y] eqn:V. injection W as <- <-.
    destruct o as [a o | a bs | a |]; simpl in V.
    - (* A local call. *)
      destruct (one_lane_would_do s lq q t S H) as [rs St].
      destruct (local_refines k (Datatypes.S m) spare _ q t a o S St) as (q' & log & RN & A & [E' _ B' T']).
      rewrite local_step_rings in A, E', B', T'. simpl in *.
      change (view s i) with (with_rings (shared s) (lane s i)) in V. rewrite local_step_rings in V. injection V as <- <-.
      exists lq, q, [Sequences.Local a o], q', log. split; [exact Same |]. split; [exact RN |]. split; [exact A |].
      assert (Q : Sequences.queue q' = Sequences.queue q).
      { simpl in RN. destruct (local (Sequences.base q) a o). now injection RN as <- <-. }
      split; [| split; [reflexivity | auto]].
      split; simpl; auto; [| now rewrite Q].
      intros j b J. destruct (j =? i) eqn:D; [apply Nat.eqb_eq in D; subst j |]; auto.
    - (* A burst. *)
      assert (Stays : forall why, c = view s i -> y = Accepted [] why ->
                exists lq' p os q' log, permuted q p /\ Sequences.run capacity p os = (q', log) /\
                  port_agrees (Offer a bs) y log /\
                  ported {| shared := c; lane := fun j => if j =? i then rings c else lane s j |} lq' q' /\
                  lanes_after i (Offer a bs) y lq lq').
      { intros why -> ->. exists lq, q, [], q, []. split; [exact Same |]. split; [reflexivity |]. split; [now exists [] |].
        split; [| split; [now rewrite app_nil_r | auto]].
        split; simpl; auto. intros j b J. destruct (j =? i) eqn:D; [apply Nat.eqb_eq in D; subst j |]; auto. }
      destruct (length bs =? 0); [injection V as <- <-; eapply Stays; reflexivity |].
      destruct (is_closed (shared s)); [injection V as <- <-; eapply Stays; reflexivity |]. clear Stays.
      unfold offer in V. simpl in V, Pm. fold (taken_of (contains (base (shared s))) (free k m (lane s i a)) bs) in V.
      set (taken := taken_of (contains (base (shared s))) (free k m (lane s i a)) bs) in *.
      injection V as <- <-.
      destruct (burst_keeps_the_rest (contains (base (shared s))) (free k m (lane s i a)) bs) as [F [rest Q]].
      fold taken in F, Q.
      pose proof (known_taken (contains (base (shared s))) (free k m (lane s i a)) bs) as K. fold taken in K.
      destruct (Pm taken rest Q K) as [left Tk].
      pose proof (holds_free k m spare' _ _ (RH i a I)) as Free. rewrite Free in F.
      pose proof (RH i a I) as (_ & _ & Bound & _).
      assert (Fits : length (Sequences.queue q a) + length taken <= capacity).
      { rewrite (Permutation_length (P a)), app_length, two_lanes.
        pose proof (RH 0 a ltac:(lia)) as (_ & _ & B0 & _). pose proof (RH 1 a ltac:(lia)) as (_ & _ & B1 & _).
        assert (D : i = 0 \/ i = 1) by lia. destruct D; subst i; lia. }
      rewrite E in *.
      destruct (give_runs k (Datatypes.S m) spare a (runs_of taken) q t (balance (shared s)) (account (shared s)) left S B)
        as (q' & t' & RN & S' & E' & QA & QO & B').
      + apply whole_runs_of. apply whole_runs_twice.
      + now rewrite concat_runs.
      + now rewrite concat_runs.
      + now rewrite concat_runs.
      + rewrite concat_runs in *. exists (at_lane lq i a (lq i a ++ taken)), q. eexists; exists q'; eexists.
        split; [exact Same |]. split; [exact RN |]. split; [exists (runs_of taken); split; [apply concat_runs | reflexivity] |].
        split; [| split; [split; [apply at_lane_same | apply at_lane_other] | intros j; apply at_lane_elsewhere]].
        split; simpl; [now rewrite E' | | | rewrite <- E'; exact B'
          | apply (tallied_give (Sequences.base q) _ (Sequences.queue q) (Sequences.queue q')); auto using size_of_after_runs].
        * intros j b J. unfold at_lane. destruct (Nat.eqb_spec j i) as [-> | D]; [| auto].
          unfold at_agent. destruct (agent_dec a b) as [<- |]; [apply (holds_publish k m spare'); [auto | lia] | auto].
        * intros b. destruct (agent_dec a b) as [<- | D].
          -- rewrite QA, (P a). unfold at_lane. assert (D : i = 0 \/ i = 1) by lia. destruct D; subst i; simpl; rewrite at_agent_same.
             ++ rewrite <- !app_assoc. apply Permutation_app_head, Permutation_app_comm.
             ++ now rewrite app_assoc.
          -- replace b with (other a) by (destruct a, b; simpl; congruence). rewrite QO, (P (other a)). unfold at_lane.
             assert (D' : i = 0 \/ i = 1) by lia. destruct D'; subst i; simpl;
               rewrite at_agent_other by apply other_differs; reflexivity.
    - (* One buffer taken. *)
      pose proof (RH i (other a) I) as RO. rewrite (holds_available k m spare' _ _ RO) in V.
      destruct (lq i (other a)) as [| b rest] eqn:Q; simpl in V; injection V as <- <-.
      + exists lq, q, [], q, []. split; [exact Same |]. split; [reflexivity |]. split; [reflexivity |].
        split; [| split; [auto | auto]].
        split; simpl; auto. intros j b J. destruct (j =? i) eqn:D; [apply Nat.eqb_eq in D; subst j |]; auto.
      + assert (Eb : read k m (lane s i (other a)) 0 = b).
        { destruct RO as (_ & _ & _ & V). specialize (V 0 ltac:(simpl; lia)). simpl in V. now injection V. }
        rewrite Eb. clear Eb.
        set (behind := if i =? 0 then rest ++ lq 1 (other a) else lq 0 (other a) ++ rest).
        assert (Pb : Permutation (Sequences.queue q (other a)) (b :: behind)).
        { rewrite (P (other a)). unfold behind. assert (D : i = 0 \/ i = 1) by lia. destruct D; subst i; simpl; rewrite Q.
          - reflexivity.
          - symmetry. apply Permutation_middle. }
        set (p := {| Sequences.base := Sequences.base q;
                     Sequences.queue := at_agent (Sequences.queue q) (other a) (b :: behind) |}).
        assert (Pp : permuted q p).
        { split; [reflexivity |]. intros c. simpl. unfold at_agent. destruct (agent_dec (other a) c) as [<- |]; auto. }
        assert (Sp : Sequences.sound capacity p t) by (eapply sound_permuted; eauto).
        assert (Qp : Sequences.queue p (other a) = b :: behind) by apply at_agent_same.
        assert (Qa : Sequences.queue p a = Sequences.queue q a)
          by (apply at_agent_other; intros D; symmetry in D; exact (other_differs _ D)).
        exists (at_lane lq i (other a) rest), p, [Sequences.Dequeue a]. eexists; eexists.
        split; [exact Pp |]. split; [simpl; rewrite at_agent_same; reflexivity |]. split; [reflexivity |].
        split; [| split; [rewrite at_lane_same; split; [exact Q |] | intros j; apply at_lane_elsewhere]].
        * split; simpl.
          -- now rewrite E.
          -- intros j c J. unfold at_lane. destruct (Nat.eqb_spec j i) as [-> | D]; [| auto].
             unfold at_agent. destruct (agent_dec (other a) c) as [<- |]; [| auto].
             apply (holds_give_back k m spare' _ (b :: rest) 1); [exact RO | simpl; lia].
          -- intros c. unfold at_agent at 1. destruct (agent_dec (other a) c) as [<- | D].
             ++ unfold behind, at_lane. assert (D : i = 0 \/ i = 1) by lia. destruct D; subst i; simpl; now rewrite at_agent_same.
             ++ unfold at_agent at 1. destruct (agent_dec (other a) c) as [| _]; [contradiction |]. rewrite (P c). unfold at_lane.
                assert (D' : i = 0 \/ i = 1) by lia. destruct D'; subst i; simpl; rewrite at_agent_other by congruence; reflexivity.
          -- rewrite E in *. apply (balanced_take capacity p t a b behind); auto.
             apply (balanced_permuted _ (Sequences.queue q)); [apply Pp | exact B].
          -- rewrite E in *. apply (tallied_take (Sequences.base q) _ (Sequences.queue p)); auto.
             ++ destruct Sp as [_ _ _ K _]. specialize (K (other a) b ltac:(rewrite Qp; now left)). unfold contains.
                unfold in_bounds in K. simpl in K. destruct (size_of (Sequences.base q) (home b)); [reflexivity | discriminate].
             ++ simpl. rewrite !at_agent_same. reflexivity.
             ++ simpl. apply at_agent_other. intros D. symmetry in D. exact (other_differs _ D).
             ++ apply (tallied_permuted _ (Sequences.queue q)); [apply Pp | exact T].
        * unfold at_lane. rewrite Nat.eqb_refl. apply at_agent_other. intros D. symmetry in D. exact (other_differs _ D).
    - injection V as <- <-. exists lq, q, [], q, []. split; [exact Same |]. split; [reflexivity |]. split; [reflexivity |].
      split; [| split; [reflexivity | auto]].
      split; simpl; auto. intros j b J. destruct (j =? i) eqn:D; [apply Nat.eqb_eq in D; subst j |]; auto.
  Qed.

  Inductive port_reachable : lanes -> Prop :=
  | port_reachable_start cursor garbage : (forall a, cursor a < modulus k) -> port_reachable (start cursor garbage)
  | port_reachable_step s i o :
      port_reachable s -> i < 2 -> permitted (view s i) o -> port_reachable (fst (lane_step k m s i o)).

  (* Whatever was called, a port stands for a sound state of the sequence model: I1 and I2 hold over both lanes. *)
  Theorem port_refines_sequences s :
    port_reachable s -> exists lq q t, Sequences.sound capacity q t /\ ported s lq q.
  Proof.
    induction 1 as [cursor garbage C | s i o R (lq & q & t & S & H) I P].
    - exists (fun _ _ => []), Sequences.initial, SetModel.initial. split; [apply Sequences.sound_initial |].
      split; simpl; auto; try discriminate. intros i a _. apply (holds_empty k m); [lia | auto].
    - destruct (lane_step k m s i o) as [s' x] eqn:W.
      destruct (port_step_refines s lq q t i o s' x I S H P W) as (lq' & p & os & q' & log & Pp & RN & _ & H' & _).
      destruct (run_sound (Datatypes.S m) p t os (sound_permuted _ _ _ _ Pp S) q' log RN) as [t' S']. simpl. eauto.
  Qed.

  (* So the accounts of a port is exact, for either end, over both lanes. *)
  Theorem port_accounts_exact s r n o a :
    port_reachable s -> size_of (base (shared s)) r = Some n -> is_registrar (base (shared s)) o r = true ->
    exists lq q, ported s lq q /\
      in_flight (shared s) o r = Z.of_nat (flight q r) /\
      accounts_at_peer (shared s) a o r n = Z.of_nat (owned q (other a) r n) /\
      (Z.of_nat n - in_flight (shared s) o r - accounts_at_peer (shared s) a o r n)%Z = Z.of_nat (owned q a r n).
  Proof.
    intros R Zr RO. destruct (port_refines_sequences s R) as (lq & q & t & S & H). exists lq, q. split; [exact H |].
    destruct H as [E _ _ B _]. pose proof (accounts_sound capacity q t r n S) as C. rewrite <- E in C. specialize (C Zr).
    destruct (B r n o Zr RO) as [BO BT].
    unfold accounts_at_peer, away, in_flight. unfold owned, flight in *. rewrite <- E in *. rewrite BO, BT.
    destruct (agent_dec a o) as [-> | N]; [destruct o; simpl in *; lia |].
    destruct a, o; simpl in *; try congruence; lia.
  Qed.
End Ports.
