(* The shipped queue as a whole refines the sequence model, for both agents, answer by answer (channel_step_refines), so that I1
   to I3 hold for it (channel_refines_sequences); the accounts are exact at every step (accounts_exact); and what happens when an end
   goes. From ChannelCalls.v; the model and what it leaves out are in ChannelModel.v. *)

From Coq Require Import List Arith Bool ZArith Lia Permutation.
From CleanQ Require Export ChannelCalls.
From CleanQ Require Sequences.
Import ListNotations.

Section Channel.
  Variables k m : nat.
  Hypothesis spare : m < k.

  Notation capacity := (slot_count m).
  Notation step := (step k m).
  Notation reachable := (reachable k m).
  Notation balanced_give := (balanced_give capacity).
  Notation balanced_take := (balanced_take capacity).
  Notation balanced_register := (balanced_register capacity).
  Notation balanced_deregister := (balanced_deregister capacity).
  Notation balanced_release := (balanced_release capacity).
  Notation local_refines := (local_refines k m spare).
  Notation give_runs := (give_runs k m spare).
  Notation stands := (stands k m).

  (* Every step of the channel is some steps of the sequence model, with the same answer. *)
  Theorem channel_step_refines s q t o s' x :
    Sequences.sound capacity q t -> stands s q -> permitted s o -> step s o = (s', x) ->
    exists os q' log, Sequences.run capacity q os = (q', log) /\ agrees o x log /\ stands s' q'.
  Proof.
    intros S H P W. destruct o as [a o | a bs | a |]; simpl in W.
    - exists [Sequences.Local a o]. pose proof (local_refines s q t a o S H) as L. now rewrite W in L.
    - assert (Stays : forall why, exists os q' log,
                Sequences.run capacity q os = (q', log) /\ agrees (Offer a bs) (Accepted [] why) log /\ stands s q').
      { intros why. exists [], q, []. split; [reflexivity |]. split; [now exists [] | exact H]. }
      destruct (length bs =? 0); [injection W as <- <-; apply Stays |].
      destruct (is_closed s); [injection W as <- <-; apply Stays |].
      unfold offer in W. fold (taken_of (contains (base s)) (free k m (rings s a)) bs) in W.
      set (taken := taken_of (contains (base s)) (free k m (rings s a)) bs) in *.
      injection W as <- <-. destruct H as [E RH B T'].
      destruct (burst_keeps_the_rest (contains (base s)) (free k m (rings s a)) bs) as [F [rest Q]].
      fold taken in F, Q.
      pose proof (known_taken (contains (base s)) (free k m (rings s a)) bs) as K. fold taken in K.
      destruct (P taken rest Q K) as [left T].
      pose proof (holds_free k m spare _ _ (RH a)) as Free. rewrite Free in F.
      pose proof (RH a) as (_ & _ & Bound & _).
      rewrite E in *.
      destruct (give_runs a (runs_of taken) q t (balance s) (account s) left S B) as (q' & t' & RN & S' & E' & QA & QO & B').
      + apply whole_runs_of. apply whole_runs_twice.
      + now rewrite concat_runs.
      + now rewrite concat_runs.
      + rewrite concat_runs. lia.
      + rewrite concat_runs in *. eexists; exists q'; eexists. split; [exact RN |]. split.
        * exists (runs_of taken). split; [apply concat_runs | reflexivity].
        * split; simpl; [now rewrite E' | | rewrite <- E'; exact B'
            | apply (tallied_give (Sequences.base q) _ (Sequences.queue q) (Sequences.queue q')); auto using size_of_after_runs].
          intros b. unfold at_agent. destruct (agent_dec a b) as [<- |].
          -- rewrite QA. apply (holds_publish k m spare); [apply RH | lia].
          -- replace b with (other a) by (destruct a, b; simpl; congruence). rewrite QO. apply RH.
    - pose proof H as [E RH B T']. pose proof (RH (other a)) as RO. rewrite (holds_available k m spare _ _ RO) in W.
      destruct (Sequences.queue q (other a)) as [| b rest] eqn:Q; simpl in W.
      + injection W as <- <-. exists [Sequences.Dequeue a], q. eexists.
        split; [simpl; rewrite Q; reflexivity |]. split; [reflexivity | exact H].
      + injection W as <- <-.
        assert (Eb : read k m (rings s (other a)) 0 = b).
        { destruct RO as (_ & _ & _ & V). specialize (V 0 ltac:(simpl; lia)). simpl in V. now injection V. }
        rewrite Eb. exists [Sequences.Dequeue a]. eexists; eexists.
        split; [simpl; rewrite Q; reflexivity |]. split; [reflexivity |]. split; simpl.
        * now rewrite E.
        * intros c. unfold at_agent. destruct (agent_dec (other a) c) as [<- |]; [| apply RH].
          apply (holds_give_back k m spare _ (b :: rest) 1 RO). simpl. lia.
        * rewrite E in *. now apply (balanced_take q t a b rest).
        * rewrite E in *. apply (tallied_take (Sequences.base q) _ (Sequences.queue q)); auto.
          -- destruct S as [_ _ _ K _]. specialize (K (other a) b ltac:(rewrite Q; now left)). unfold contains. unfold in_bounds in K.
             destruct (size_of (Sequences.base q) (home b)); [reflexivity | discriminate].
          -- simpl. now rewrite at_agent_same.
          -- simpl. apply at_agent_other. intros W. symmetry in W. exact (other_differs _ W).
    - injection W as <- <-. exists [], q, []. split; [reflexivity |]. split; [reflexivity |]. destruct H. now split.
  Qed.

  (* In every reachable state the channel stands for a reachable state of the sequence model, so that all that is proved of
     those holds for it: I1, I2, I3. *)
  Theorem channel_refines_sequences s :
    reachable s -> exists q, Sequences.reachable capacity q /\ stands s q.
  Proof.
    induction 1 as [cursor garbage C | s o R (q & RQ & H) P].
    - exists Sequences.initial. split; [constructor |]. split; simpl; [reflexivity | | discriminate | discriminate].
      intros a. now apply holds_empty.
    - destruct (Sequences.sequences_refine_sets _ _ RQ) as (t & _ & S).
      destruct (step s o) as [s' x] eqn:W.
      destruct (channel_step_refines s q t o s' x S H P W) as (os & q' & log & RN & _ & H').
      exists q'. split; [| exact H']. clear - RQ RN. revert q log RQ RN.
      induction os as [| o os IH]; simpl; intros q log RQ RN; [now injection RN as <- <- |].
      destruct (Sequences.apply capacity q o) as [q1 r] eqn:A.
      destruct (Sequences.run capacity q1 os) as [q2 rest] eqn:RR. injection RN as <- <-.
      apply (IH q1 rest); [| exact RR]. replace q1 with (fst (Sequences.apply capacity q o)) by now rewrite A.
      now constructor.
  Qed.

  (* RingChannel.accounts, of one region of n bytes, as the end `a` sees it; `o` registered it. *)
  Definition accounts_at_peer (s : channel) (a o : agent) (r : region) (n : nat) : Z :=
    if agent_dec a o then away s o r else (Z.of_nat n - in_flight s o r - away s o r)%Z.

  (* The accounts are exact at every step, for either end: what it says is in flight or at the peer is the number of the bytes
     in T_XY and T_YX, and in S of the peer; what is left over is the number of those in S of the end itself. *)
  Theorem accounts_exact s r n o a :
    reachable s -> size_of (base s) r = Some n -> is_registrar (base s) o r = true ->
    exists q, Sequences.reachable capacity q /\ stands s q /\
      in_flight s o r = Z.of_nat (flight q r) /\
      accounts_at_peer s a o r n = Z.of_nat (owned q (other a) r n) /\
      (Z.of_nat n - in_flight s o r - accounts_at_peer s a o r n)%Z = Z.of_nat (owned q a r n).
  Proof.
    intros R Zr RO. destruct (channel_refines_sequences s R) as (q & RQ & H). exists q. split; [exact RQ |]. split; [exact H |].
    destruct H as [E _ B _]. pose proof (accounts capacity q r n RQ) as C. rewrite <- E in C. specialize (C Zr).
    destruct (B r n o Zr RO) as [BO BT].
    unfold accounts_at_peer, away, in_flight. unfold owned, flight in *. rewrite <- E in *. rewrite BO, BT.
    destruct (agent_dec a o) as [-> | N]; [destruct o; simpl in *; lia |].
    destruct a, o; simpl in *; try congruence; lia.
  Qed.

  (* So is the number of buffers in flight that it says. *)
  Theorem buffers_in_flight_exact s r n :
    reachable s -> size_of (base s) r = Some n ->
    exists q, Sequences.reachable capacity q /\ stands s q /\
      (tally s X (slot r) + tally s Y (slot r))%Z = Z.of_nat (number_of r (Sequences.queue q X ++ Sequences.queue q Y)).
  Proof.
    intros R Z. destruct (channel_refines_sequences s R) as (q & RQ & H). exists q. split; [exact RQ |]. split; [exact H |].
    rewrite number_of_app. exact (tallies _ _ _ _ H r n Z).
  Qed.

  (* ---- The end ---- *)

  (* Once an end has gone nothing is enqueued any more, and nothing changes by trying. *)
  Theorem closed_refuses s a bs :
    is_closed s = true -> bs <> [] -> step s (Offer a bs) = (s, Accepted [] (Some IsClosed)).
  Proof. intros C N. simpl. rewrite C. destruct bs; [congruence | reflexivity]. Qed.

  Theorem closed_for_ever s o : is_closed s = true -> is_closed (fst (step s o)) = true.
  Proof.
    intros C. destruct o as [a o | a bs | a |]; simpl; auto.
    - destruct o as [r n | r | b | b | b p | b c]; unfold local_step;
        try (destruct (local (base s) a _) as [l [|]]; exact C).
      unfold deregister. destruct (size_of (base s) r); [destruct (negb _); [| destruct (_ =? _)%Z] |]; exact C.
    - destruct (length bs =? 0); [exact C |]. now rewrite C.
    - destruct (0 <? _); exact C.
  Qed.

  (* RingChannel.bringHome, when both ends have gone: taking from each ring until it is empty brings home exactly what is in
     flight; with what the two sides own, that is every byte of every registered region, and none twice. *)
  Theorem everything_comes_home s :
    reachable s ->
    let home := snd (dequeue_burst k m (rings s X) capacity) ++ snd (dequeue_burst k m (rings s Y) capacity) in
    NoDup (all_bytes home) /\
    (forall b, In b home -> in_bounds (base s) b = true) /\
    (forall x, registered (base s) x <->
       own (base s) X x = true \/ own (base s) Y x = true \/ In x (all_bytes home)) /\
    (forall a x, In x (all_bytes home) -> own (base s) a x = false).
  Proof.
    intros R. destruct (channel_refines_sequences s R) as (q & RQ & [E RH _ _]).
    assert (D : forall a, snd (dequeue_burst k m (rings s a) capacity) = Sequences.queue q a).
    { intros a. pose proof (dequeue_burst_is_steps k m spare (rings s a) _ capacity (RH a)) as H.
      destruct (dequeue_burst k m (rings s a) capacity) as [r' xs]. destruct H as (_ & -> & _). simpl.
      apply firstn_all2. apply (RH a). }
    cbv zeta. rewrite !D, E. destruct (Sequences.exclusion capacity q RQ) as (N & O & _). split; [exact N |]. split; [| split].
    - intros b I. destruct (Sequences.sequences_refine_sets _ _ RQ) as (t & _ & [_ _ _ B _]).
      apply in_app_iff in I. destruct I; eauto.
    - intros x. rewrite (Sequences.conservation capacity q x RQ), all_bytes_app, in_app_iff. reflexivity.
    - exact O.
  Qed.
End Channel.
