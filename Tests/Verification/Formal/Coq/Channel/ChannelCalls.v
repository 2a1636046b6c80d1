(* One call of an end is some steps of the sequence model, with the same answer: local operations, deregister among them, which
   answers from the balances; and bursts, which are handed over run by run. Channel.v puts them together. *)

From Coq Require Import List Arith Bool ZArith Lia Permutation.
From CleanQ Require Export Balances Tallies.
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

  Record stands (s : channel) (q : Sequences.state) : Prop := {
    same_base : base s = Sequences.base q;
    ring_holds : forall a, holds k m (rings s a) (Sequences.queue q a);
    balances : balanced (base s) (Sequences.queue q) (balance s) (account s);
    tallies : tallied (base s) (Sequences.queue q) (tally s)
  }.

  (* What the sequence model did, operation by operation, when the channel did o and answered x. *)
  Definition agrees (o : operation) (x : answer) (log : list (Sequences.operation * Sequences.result)) : Prop :=
    match o, x with
    | Local a l, Done => log = [(Sequences.Local a l, Sequences.Done)]
    | Local a l, Failed why => log = [(Sequences.Local a l, Sequences.Failed why)]
    | Dequeue a, Took b => log = [(Sequences.Dequeue a, Sequences.Took b)]
    | Dequeue a, Nothing => log = [(Sequences.Dequeue a, Sequences.Failed SetModel.Empty)]
    | Offer a _, Accepted taken _ =>
        exists runs, concat runs = taken /\ log = map (fun run => (Sequences.Enqueue a run, Sequences.Done)) runs
    | Close, Done => log = []
    | _, _ => False
    end.

  (* RingChannel.deregister answers from the balances what the contract answers from the sets. *)
  Lemma deregister_agrees s q t a r :
    Sequences.sound capacity q t -> stands s q ->
    exists l, SetModel.deregister (Sequences.base q) a r =
        (l, match snd (deregister s a r) with Failed why => SetModel.Failed why | _ => SetModel.Done end) /\
      match snd (deregister s a r) with
      | Done => fst (deregister s a r) =
                  {| base := l; rings := rings s; balance := balance s; tally := tally s; account := account s;
                     is_closed := is_closed s |}
      | Failed _ => fst (deregister s a r) = s
      | _ => False
      end.
  Proof.
    intros S [E _ B _]. unfold deregister, SetModel.deregister. rewrite <- E.
    destruct (size_of (base s) r) as [n |] eqn:Z; [| simpl; eauto].
    destruct (is_registrar (base s) a r) eqn:R; simpl; [| eauto].
    assert (Zq : size_of (Sequences.base q) r = Some n) by now rewrite <- E.
    pose proof (elsewhere_is_rest capacity q t a r n S Zq) as W. rewrite <- E in W. rewrite W.
    unfold in_flight, away. destruct (B r n a Z R) as [-> ->].
    unfold owned, flight. rewrite <- E.
    set (c := count (own (base s) (other a)) (range r 0 n)).
    set (d := bytes_of r (Sequences.queue q X) + bytes_of r (Sequences.queue q Y)).
    destruct (Nat.ltb_spec 0 (c + d)) as [L | L].
    - replace (_ =? 0)%Z with false; simpl.
      + eexists. split; [| reflexivity]. do 4 f_equal. lia.
      + symmetry. rewrite Z.eqb_neq. lia.
    - replace (_ =? 0)%Z with true; simpl.
      + eexists. split; reflexivity.
      + symmetry. rewrite Z.eqb_eq. lia.
  Qed.

  (* Reshaping a buffer changes neither the table nor who owns what. *)
  Lemma reshaped l a o l' :
    match o with Register _ _ | Deregister _ | Release _ => False | _ => True end ->
    local l a o = (l', SetModel.Done) -> table l' = table l /\ own l' = own l.
  Proof.
    assert (X : forall old new, exchange l a old new = (l', SetModel.Done) -> table l' = table l /\ own l' = own l)
      by (unfold exchange; intros old new; destruct (take_all _ _); [| discriminate]; intros E; injection E as <-; auto).
    destruct o as [q n | q | b | b | b position | b c]; simpl; try tauto; intros _.
    - unfold carve. destruct (_ && _ && _); [| discriminate]. intros E. injection E as <-. auto.
    - destruct (splittable b position); [apply X | discriminate].
    - destruct (mergeable b c); [apply X | discriminate].
  Qed.

  Lemma local_refines s q t a o :
    Sequences.sound capacity q t -> stands s q ->
    exists q' log, Sequences.run capacity q [Sequences.Local a o] = (q', log) /\
      agrees (Local a o) (snd (local_step s a o)) log /\ stands (fst (local_step s a o)) q'.
  Proof.
    intros S H. pose proof H as [E RH B T].
    assert (K : match o with Deregister _ => False | _ => True end ->
              (forall l, local (Sequences.base q) a o = (l, SetModel.Done) ->
                 balanced l (Sequences.queue q) (balance (fst (local_step s a o))) (account (fst (local_step s a o))) /\
                 tallied l (Sequences.queue q) (tally (fst (local_step s a o)))) ->
              exists q' log, Sequences.run capacity q [Sequences.Local a o] = (q', log) /\
                agrees (Local a o) (snd (local_step s a o)) log /\ stands (fst (local_step s a o)) q').
    { intros M V.
      assert (U : local_step s a o =
                match local (base s) a o with
                | (l, SetModel.Done) => ({| base := l; rings := rings s; balance := balance (fst (local_step s a o));
                                        tally := tally (fst (local_step s a o));
                                        account := account (fst (local_step s a o)); is_closed := is_closed s |}, Done)
                | (_, SetModel.Failed why) => (s, Failed why)
                end).
      { unfold local_step. destruct o; try contradiction; destruct (local (base s) a _) as [l [|]]; reflexivity. }
      revert V U. generalize (balance (fst (local_step s a o))) (tally (fst (local_step s a o))) (account (fst (local_step s a o))).
      intros f h g V U.
      rewrite U, E. destruct (local (Sequences.base q) a o) as [l [| why]] eqn:L;
        (eexists; eexists; split; [cbn [Sequences.run Sequences.apply]; rewrite L; reflexivity |]); simpl.
      - split; [reflexivity |]. split; simpl; [reflexivity | exact RH | apply (V l eq_refl) | apply (V l eq_refl)].
      - split; [reflexivity |]. rewrite (local_failure _ _ _ _ _ L). destruct q. exact H. }
    rewrite E in B, T. destruct o as [r n | r | b | b | b position | b c].
    2: { clear K. cbn [local_step]. destruct (deregister_agrees s q t a r S H) as (l & L & W).
      destruct (deregister s a r) as [s' x]. simpl in *.
      destruct x as [| ? | | ? ? | why]; try contradiction; subst s';
        (eexists; eexists; split; [cbn [Sequences.run Sequences.apply local]; rewrite L; reflexivity |]); simpl.
      - split; [reflexivity |]. split; simpl; auto; [now apply (balanced_deregister q t a r l) |].
        apply (tallied_ext (Sequences.base q)); [| exact T]. intros c. rewrite (size_of_deregister _ _ _ _ c L).
        destruct (region_dec c r); auto.
      - split; [reflexivity |]. rewrite (local_failure _ a (Deregister r) _ _ L). destruct q. exact H. }
    all: apply (K I); intros l L; unfold local_step; rewrite E, L; cbn [fst balance tally account].
    - split; [now apply (balanced_register q t a r n l) | now apply (tallied_register capacity q t a r n l)].
    - destruct (reshaped _ _ (Carve b) _ I L) as [W O]. split; [now apply (balanced_ext (Sequences.base q) _ _ (balance s) _ (account s)) |].
      apply (tallied_ext (Sequences.base q)); [| exact T]. intros c0. left. unfold size_of. now rewrite W.
    - split; [unfold tell; rewrite E; now apply (balanced_release q t a b l) |].
      apply (tallied_ext (Sequences.base q)); [| exact T]. intros c. left. unfold size_of.
      assert (W : table l = table (Sequences.base q)).
      { cbn [local] in L. unfold release, exchange in L. destruct (is_registrar (Sequences.base q) a (home b)).
        - destruct (take_all _ _); [| discriminate]. now injection L as <-.
        - destruct (take_one _ _); [| discriminate]. now injection L as <-. }
      now rewrite W.
    - destruct (reshaped _ _ (Split b position) _ I L) as [W O]. split; [now apply (balanced_ext (Sequences.base q) _ _ (balance s) _ (account s)) |].
      apply (tallied_ext (Sequences.base q)); [| exact T]. intros c0. left. unfold size_of. now rewrite W.
    - destruct (reshaped _ _ (Merge b c) _ I L) as [W O]. split; [now apply (balanced_ext (Sequences.base q) _ _ (balance s) _ (account s)) |].
      apply (tallied_ext (Sequences.base q)); [| exact T]. intros c0. left. unfold size_of. now rewrite W.
  Qed.

  (* ---- A burst is handed over run by run ---- *)

  Lemma concat_runs bs : concat (runs_of bs) = bs.
  Proof.
    induction bs as [| b bs IH]; [reflexivity |]. simpl. destruct (is_last b); [simpl; now rewrite IH |].
    destruct (runs_of bs) as [| run runs]; simpl in *; now rewrite <- IH.
  Qed.

  Lemma whole_runs_of bs : whole_runs bs = bs -> Forall (fun run => is_run run = true) (runs_of bs).
  Proof.
    induction bs as [| b bs IH]; [constructor |]. simpl. destruct (whole_runs bs) as [| c taken] eqn:W.
    - destruct (is_last b) eqn:L; [| discriminate]. intros E. injection E as E. destruct bs; [| discriminate].
      constructor; [exact L | constructor].
    - intros E. injection E as E. rewrite E in IH. specialize (IH eq_refl).
      destruct (is_last b) eqn:L; [constructor; auto |].
      destruct (runs_of bs) as [| run runs] eqn:R.
      + pose proof (concat_runs bs) as C. rewrite R in C. simpl in C. rewrite <- C in E. discriminate.
      + inversion IH as [| ? ? I F]; subst. constructor; [| exact F].
        destruct run; [discriminate I |]. cbn [is_run]. rewrite L. exact I.
  Qed.

  Lemma whole_runs_twice bs : whole_runs (whole_runs bs) = whole_runs bs.
  Proof.
    induction bs as [| b bs IH]; [reflexivity |]. simpl. destruct (whole_runs bs) as [| c taken] eqn:W.
    - destruct (is_last b) eqn:L; simpl; now rewrite ?L.
    - change (whole_runs (b :: c :: taken)) with
        (match whole_runs (c :: taken) with [] => if is_last b then [b] else [] | t => b :: t end). now rewrite IH.
  Qed.

  Lemma take_all_app xs : forall ys bs left,
    take_all (xs ++ ys) bs = Some left -> exists middle, take_all xs bs = Some middle /\ take_all ys middle = Some left.
  Proof.
    induction xs as [| x xs IH]; simpl; intros ys bs left T; [eauto |].
    destruct (take_one x bs) as [rest |]; [| discriminate]. now apply IH.
  Qed.

  Lemma size_of_after_runs a runs r : forall l, size_of (after_runs l a runs) r = size_of l r.
  Proof.
    unfold after_runs. induction runs as [| run runs IH]; intros l; [reflexivity |]. simpl. rewrite IH. unfold hand_over.
    destruct (negb _); [reflexivity |]. destruct (negb _); [reflexivity |]. destruct (take_all run (held l a)); reflexivity.
  Qed.

  Lemma give_runs a runs : forall q t f g left,
    Sequences.sound capacity q t -> balanced (Sequences.base q) (Sequences.queue q) f g ->
    Forall (fun run => is_run run = true) runs ->
    forallb (contains (Sequences.base q)) (concat runs) = true ->
    take_all (concat runs) (held (Sequences.base q) a) = Some left ->
    length (Sequences.queue q a) + length (concat runs) <= capacity ->
    exists q' t',
      Sequences.run capacity q (map (Sequences.Enqueue a) runs) =
        (q', map (fun run => (Sequences.Enqueue a run, Sequences.Done)) runs) /\
      Sequences.sound capacity q' t' /\
      Sequences.base q' = after_runs (Sequences.base q) a runs /\
      Sequences.queue q' a = Sequences.queue q a ++ concat runs /\
      Sequences.queue q' (other a) = Sequences.queue q (other a) /\
      balanced (Sequences.base q') (Sequences.queue q') (add f a (handed (concat runs))) g.
  Proof.
    induction runs as [| run runs IH]; intros q t f g left S B R K T L.
    - exists q, t. simpl. rewrite app_nil_r. do 5 (split; [auto |]).
      apply (balanced_ext (Sequences.base q) _ _ f _ g); auto. intros b i. unfold add, handed. simpl.
      destruct (agent_dec a b); lia.
    - simpl in *. inversion R as [| ? ? RR RS]; subst. rewrite app_length in L.
      rewrite forallb_app, andb_true_iff in K. destruct K as [KR KS].
      destruct (take_all_app _ _ _ _ T) as (bs & TR & TS).
      assert (Hold : exists l, hand_over (Sequences.base q) a run = (l, SetModel.Done)).
      { unfold hand_over. rewrite RR, TR. simpl. replace (forallb (in_bounds (Sequences.base q)) run) with true.
        - simpl. eauto.
        - symmetry. apply forallb_forall. intros b I. pose proof S as [[E _] G _ _ _]. rewrite E in *.
          apply (held_in_bounds _ G a). apply take_all_permutes in TR.
          apply (Permutation_in _ (Permutation_sym TR)), in_app_iff. auto. }
      destruct Hold as [l H].
      assert (A : Sequences.apply capacity q (Sequences.Enqueue a run) =
                    ({| Sequences.base := l;
                        Sequences.queue := at_agent (Sequences.queue q) a (Sequences.queue q a ++ run) |}, Sequences.Done)).
      { simpl. rewrite H. unfold enqueue_all. destruct (Nat.leb_spec (length (Sequences.queue q a) + length run) capacity);
          [reflexivity | lia]. }
      destruct (Sequences.step_refines _ _ _ _ _ _ S A) as (t1 & _ & S1).
      pose proof (balanced_give _ _ a run l f g S B H) as B1.
      pose proof (hand_over_done _ _ _ _ H) as (_ & _ & bs' & _ & El).
      assert (Eh : held l a = bs).
      { unfold hand_over in H. rewrite RR, TR in H. simpl in H. destruct (negb _); [discriminate |].
        injection H as <-. simpl. apply at_agent_same. }
      assert (Ec : forallb (contains l) (concat runs) = true).
      { rewrite <- KS. clear - El. induction (concat runs) as [| b cs IH]; [reflexivity |]. simpl. rewrite IH.
        f_equal. rewrite El. reflexivity. }
      edestruct (IH _ t1 (add f a (handed run)) g left S1) as (q' & t' & RN & S' & E' & QA & QO & B'); simpl; auto.
      + rewrite Eh. exact TS.
      + rewrite at_agent_same, app_length. lia.
      + exists q', t'. rewrite H. unfold enqueue_all.
        destruct (Nat.leb_spec (length (Sequences.queue q a) + length run) capacity); [| lia].
        rewrite RN. split; [reflexivity |]. split; [exact S' |]. split; [now rewrite E' |]. simpl in QA, QO.
        rewrite at_agent_same in QA. rewrite at_agent_other in QO by apply other_differs.
        split; [now rewrite QA, <- app_assoc |]. split; [exact QO |].
        apply (balanced_ext (Sequences.base q') _ _ (add (add f a (handed run)) a (handed (concat runs))) _ g); auto.
        intros b i. unfold add, handed. rewrite bytes_in_app. destruct (agent_dec a b); lia.
  Qed.

  Lemma known_prefix_known known bs : forallb known (known_prefix known bs) = true.
  Proof. induction bs as [| b bs IH]; simpl; [reflexivity |]. destruct (known b) eqn:K; simpl; now rewrite ?K. Qed.

  Lemma whole_runs_prefix bs : exists rest, bs = whole_runs bs ++ rest.
  Proof.
    induction bs as [| b bs [rest E]]; [now exists [] |]. simpl.
    destruct (whole_runs bs) eqn:W; [destruct (is_last b); simpl; eauto |]. exists rest. simpl in *. now f_equal.
  Qed.

  Lemma known_taken known room bs : forallb known (taken_of known room bs) = true.
  Proof.
    unfold taken_of. set (p := known_prefix known (firstn room bs)).
    destruct (whole_runs_prefix p) as [rest E]. pose proof (known_prefix_known known (firstn room bs)) as K.
    fold p in K. rewrite E, forallb_app, andb_true_iff in K. apply K.
  Qed.

  Lemma run_sound s t os : Sequences.sound capacity s t -> forall s' log,
    Sequences.run capacity s os = (s', log) -> exists t', Sequences.sound capacity s' t'.
  Proof.
    revert s t. induction os as [| o os IH]; intros s t S s' log; simpl.
    - intros E. injection E as <- <-. eauto.
    - destruct (Sequences.apply capacity s o) as [s1 r] eqn:A. destruct (Sequences.run capacity s1 os) as [s2 rest] eqn:R.
      intros E. injection E as <- <-. pose proof (Sequences.step_refines _ _ _ _ _ _ S A) as H.
      destruct (Sequences.set_operation o r); [destruct H as (t1 & _ & S1); eauto | subst s1; eauto].
  Qed.
End Channel.
