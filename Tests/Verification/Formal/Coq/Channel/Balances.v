(* What the balances say: for every registered region, the sum of both ends' is the number of its bytes in flight, and the
   account less the balance of the end that did not register it the number that this end owns. One lemma for each operation:
   it stays so. ChannelCalls.v and Channel.v rest on it. *)

From Coq Require Import List Arith Bool ZArith Lia Permutation.
From CleanQ Require Export ChannelModel.
From CleanQ Require Sequences.
Import ListNotations.

Section Channel.
  Variable capacity : nat.

  (* The number of bytes that an agent owns of a region, and that are in flight: as in BufferAccounts.v. *)
  Definition balanced (l : ledger) (queue : agent -> list buffer) (f : agent -> nat -> Z) (g : nat -> Z) : Prop :=
    forall r n o, size_of l r = Some n -> is_registrar l o r = true ->
      (f o (slot r) + f (other o) (slot r))%Z = Z.of_nat (bytes_of r (queue X) + bytes_of r (queue Y)) /\
      (g (slot r) - f (other o) (slot r))%Z = Z.of_nat (count (own l (other o)) (range r 0 n)).

  Lemma bytes_in_app i bs cs : bytes_in i (bs ++ cs) = bytes_in i bs + bytes_in i cs.
  Proof. induction bs as [| b bs IH]; simpl; [reflexivity | rewrite IH; lia]. Qed.

  (* Registered regions share no slot. *)
  Lemma bytes_in_slot l r n bs :
    size_of l r = Some n -> (forall b, In b bs -> exists i, size_of l (home b) = Some i) -> bytes_in (slot r) bs = bytes_of r bs.
  Proof.
    intros Z K. induction bs as [| b bs IH]; [reflexivity |]. simpl. rewrite IH by auto using in_cons. f_equal.
    destruct (K b (or_introl eq_refl)) as [i Zb].
    destruct (Nat.eq_dec (slot (home b)) (slot r)) as [E |], (region_dec (home b) r) as [| F]; try reflexivity; try congruence.
    destruct F. eapply slots_unshared; eauto.
  Qed.

  Lemma other_other a : other (other a) = a.
  Proof. now destruct a. Qed.

  (* One run handed over. *)
  Lemma balanced_give s t a run l f g :
    Sequences.sound capacity s t -> balanced (Sequences.base s) (Sequences.queue s) f g ->
    hand_over (Sequences.base s) a run = (l, SetModel.Done) ->
    balanced l (at_agent (Sequences.queue s) a (Sequences.queue s a ++ run)) (add f a (handed run)) g.
  Proof.
    intros S B H. pose proof S as [[E _] G _ _ _]. rewrite E in *.
    apply hand_over_done in H. destruct H as (_ & K & bs & P & ->).
    intros r n o Z R. simpl in *.
    assert (Z' : size_of (SetModel.base t) r = Some n) by exact Z.
    destruct (B r n o Z' R) as [BO BT].
    assert (I : bytes_in (slot r) run = bytes_of r run).
    { apply (bytes_in_slot (SetModel.base t) r n); [exact Z' |]. intros b J. specialize (K b J). unfold in_bounds in K.
      destruct (size_of (SetModel.base t) (home b)); [eauto | discriminate]. }
    assert (O : forall x, In x (all_bytes run) -> own (SetModel.base t) a x = true).
    { intros x J. apply (held_owned _ G), in_all_bytes. apply in_all_bytes in J. destruct J as (b & J & W).
      exists b. split; [apply (Permutation_in _ (Permutation_sym P)), in_app_iff; auto | exact W]. }
    assert (N : NoDup (all_bytes run)).
    { pose proof (all_bytes_permutes _ _ P) as Q. rewrite all_bytes_app in Q.
      pose proof (Permutation_NoDup Q (held_once _ G a)) as D. apply nodup_app in D. apply D. }
    pose proof (count_minus _ (range r 0 n) _ O) as C.
    rewrite (count_buffers r n run N) in C
      by (intros b J W; apply (in_bounds_size (SetModel.base t)); [now rewrite W | auto]).
    unfold add, handed. rewrite I. destruct a, o; simpl in *; unfold at_agent; simpl; rewrite ?bytes_of_app; lia.
  Qed.

  (* One buffer taken. *)
  Lemma balanced_take s t a b q f g :
    Sequences.sound capacity s t -> balanced (Sequences.base s) (Sequences.queue s) f g ->
    Sequences.queue s (other a) = b :: q ->
    balanced (take_over (Sequences.base s) a b) (at_agent (Sequences.queue s) (other a) q) (add f a (received b)) g.
  Proof.
    intros S B Q. pose proof S as [[E F] G _ K _].
    assert (IB : in_bounds (SetModel.base t) b = true) by (rewrite <- E; apply (K (other a)); rewrite Q; now left).
    rewrite E in *.
    intros r n o Z R. simpl in *.
    assert (Z' : size_of (SetModel.base t) r = Some n) by exact Z.
    destruct (B r n o Z' R) as [BO BT].
    assert (I : bytes_in (slot r) [b] = bytes_of r [b]).
    { apply (bytes_in_slot (SetModel.base t) r n); [exact Z' |]. intros c [<- | []]. unfold in_bounds in IB.
      destruct (size_of (SetModel.base t) (home b)); [eauto | discriminate]. }
    assert (O : forall x, In x (bytes b) -> own (SetModel.base t) a x = false).
    { intros x J. apply not_true_iff_false. intros O.
      assert (T : transit t (other a) x = true)
        by (rewrite <- F, Q; apply mem_in; simpl; apply in_app_iff; auto).
      discriminate (exclusive _ G (Owned a) (InFlight (other a)) x O T). }
    pose proof (count_plus _ (range r 0 n) _ O) as C.
    replace (bytes b) with (all_bytes [b]) in C at 2 by apply app_nil_r.
    rewrite (count_buffers r n [b]) in C;
      [| simpl; rewrite app_nil_r; apply nodup_range
       | intros c [<- | []] W; apply (in_bounds_size (SetModel.base t)); [now rewrite W | exact IB]].
    assert (BQ : bytes_of r (Sequences.queue s (other a)) = bytes_of r [b] + bytes_of r q)
      by (rewrite Q; simpl; lia).
    unfold add, received. rewrite I. destruct a, o; simpl in *; unfold at_agent; simpl in *; lia.
  Qed.

  Lemma balanced_ext l l' queue f f' g g' :
    table l' = table l -> own l' = own l -> (forall a i, f' a i = f a i) -> (forall i, g' i = g i) ->
    balanced l queue f g -> balanced l' queue f' g'.
  Proof.
    intros T O F G B r n o Zr R. unfold size_of, is_registrar in *. rewrite T in *.
    destruct (B r n o Zr R) as [BO BT]. rewrite O, !F, G. auto.
  Qed.

  (* A region that comes. *)
  Lemma balanced_register s t a r n l f g :
    Sequences.sound capacity s t -> balanced (Sequences.base s) (Sequences.queue s) f g ->
    register (Sequences.base s) a r n = (l, SetModel.Done) ->
    balanced l (Sequences.queue s) (clear f (slot r)) (fun i => if Nat.eq_dec (slot r) i then 0%Z else g i).
  Proof.
    intros S B H. pose proof S as [[E _] G _ K _]. rewrite E in *.
    pose proof (fun q => size_of_register _ _ _ _ _ q H) as Z.
    assert (N : size_of (SetModel.base t) r = None)
      by (unfold register in H; unfold size_of; destruct (table (SetModel.base t) (slot r)); [discriminate | reflexivity]).
    intros q i o Zq R. destruct (region_dec q r) as [-> | D].
    - rewrite Z in Zq. destruct (region_dec r r) as [_ |]; [| congruence]. injection Zq as <-.
      unfold register in H. destruct (table (SetModel.base t) (slot r)) eqn:T; [discriminate |].
      destruct (_ <=? _); [discriminate |]. injection H as <-.
      unfold is_registrar, at_slot in R. simpl in R. destruct (Nat.eq_dec (slot r) (slot r)); [| congruence]. simpl in R.
      destruct (agent_dec a o) as [<- |]; [| discriminate]. simpl.
      rewrite at_agent_other by apply other_differs.
      assert (Q : forall b, bytes_of r (Sequences.queue s b) = 0).
      { intros b. specialize (K b). induction (Sequences.queue s b) as [| c cs IH]; [reflexivity |]. simpl.
        rewrite IH by auto using in_cons. destruct (region_dec (home c) r) as [W |]; [| reflexivity].
        specialize (K c (or_introl eq_refl)). unfold in_bounds in K. rewrite W, N in K. discriminate. }
      assert (C : count (own (SetModel.base t) (other a)) (range r 0 n) = 0).
      { unfold count. rewrite filter_none; [reflexivity |]. intros x J. apply in_range in J.
        apply not_true_iff_false. intros O.
        assert (W : registered (SetModel.base t) x) by (apply (conserved _ G); exists (Owned (other a)); exact O).
        unfold registered in W. destruct J as [J _]. now rewrite J, N in W. }
      rewrite !Q, C. unfold clear. destruct (Nat.eq_dec (slot r) (slot r)); [| congruence]. auto.
    - assert (Zr : size_of l r = Some n) by (rewrite Z; now destruct (region_dec r r)).
      assert (U : slot r <> slot q) by (intros W; apply D; symmetry; exact (slots_unshared l r q n i Zr Zq W)).
      rewrite Z in Zq. destruct (region_dec q r) as [| _]; [congruence |].
      unfold register in H. destruct (table (SetModel.base t) (slot r)); [discriminate |].
      destruct (_ <=? _); [discriminate |]. injection H as <-.
      assert (R' : is_registrar (SetModel.base t) o q = true).
      { unfold is_registrar, at_slot in R. simpl in R. destruct (Nat.eq_dec (slot r) (slot q)); [congruence | exact R]. }
      destruct (B q i o Zq R') as [BO BT]. simpl. unfold clear.
      destruct (Nat.eq_dec (slot r) (slot q)); [congruence |].
      rewrite (count_ext _ (own (SetModel.base t) (other o))); [auto |].
      intros x J. apply in_range in J. unfold at_agent. destruct (agent_dec a (other o)) as [<- |]; [| reflexivity].
      apply eq_true_iff_eq. rewrite plus_in, in_range. intuition congruence.
  Qed.

  (* A region that goes. *)
  Lemma balanced_deregister s t a r l f g :
    Sequences.sound capacity s t -> balanced (Sequences.base s) (Sequences.queue s) f g ->
    SetModel.deregister (Sequences.base s) a r = (l, SetModel.Done) -> balanced l (Sequences.queue s) f g.
  Proof.
    intros S B H.
    pose proof (fun q => size_of_deregister _ _ _ _ q H) as Z. unfold SetModel.deregister in H.
    destruct (size_of (Sequences.base s) r) as [n |] eqn:Zr; [| discriminate].
    destruct (negb _); [discriminate |]. destruct (_ <? _); [discriminate |]. injection H as <-.
    intros q i o Zq R. rewrite Z in Zq. destruct (region_dec q r) as [| D]; [discriminate |].
    assert (U : slot r <> slot q)
      by (intros W; apply D; symmetry; exact (slots_unshared (Sequences.base s) r q n i Zr Zq W)).
    assert (R' : is_registrar (Sequences.base s) o q = true).
    { unfold is_registrar, at_slot in R. simpl in R. destruct (Nat.eq_dec (slot r) (slot q)); [congruence | exact R]. }
    destruct (B q i o Zq R') as [BO BT]. simpl.
    rewrite (count_ext _ (own (Sequences.base s) (other o))); [auto |].
    intros x J. apply in_range in J. unfold at_agent. destruct (agent_dec a (other o)) as [<- |]; [| reflexivity].
    apply eq_true_iff_eq. rewrite minus_in, in_range. intuition congruence.
  Qed.

  (* A buffer that comes home. *)
  Lemma balanced_release s t a b l f g :
    Sequences.sound capacity s t -> balanced (Sequences.base s) (Sequences.queue s) f g ->
    release (Sequences.base s) a b = (l, SetModel.Done) ->
    balanced l (Sequences.queue s) f
      (fun i => if is_registrar (Sequences.base s) a (home b) then g i else (g i - Z.of_nat (bytes_in i [b]))%Z).
  Proof.
    intros S B H. pose proof S as [[E _] G _ _ _]. rewrite E in *. unfold release, exchange in H.
    destruct (is_registrar (SetModel.base t) a (home b)) eqn:Q.
    - destruct (take_all _ _); [| discriminate]. injection H as <-. now apply (balanced_ext (SetModel.base t) _ _ f f g g).
    - destruct (take_one b (held (SetModel.base t) a)) as [bs |] eqn:T; [| discriminate]. injection H as <-.
      apply take_one_permutes in T.
      assert (J : In b (held (SetModel.base t) a)) by (apply (Permutation_in _ (Permutation_sym T)); now left).
      pose proof (held_in_bounds _ G a b J) as IB.
      assert (O : forall x, In x (bytes b) -> own (SetModel.base t) a x = true)
        by (intros x I; apply (held_owned _ G), in_all_bytes; eauto).
      assert (Zb : exists i, size_of (SetModel.base t) (home b) = Some i)
        by (unfold in_bounds in IB; destruct (size_of (SetModel.base t) (home b)); [eauto | discriminate]).
      intros r n o Z R. assert (Z' : size_of (SetModel.base t) r = Some n) by exact Z.
      destruct (B r n o Z' R) as [BO BT]. split; [exact BO |]. simpl own.
      rewrite (bytes_in_slot (SetModel.base t) r n [b]) by (auto; intros c [<- | []]; exact Zb).
      pose proof (count_minus _ (range r 0 n) _ O) as C.
      replace (bytes b) with (all_bytes [b]) in C at 2 by apply app_nil_r.
      rewrite (count_buffers r n [b]) in C;
        [| simpl; rewrite app_nil_r; apply nodup_range
         | intros c [<- | []] W; apply (in_bounds_size (SetModel.base t)); [now rewrite W | exact IB]].
      destruct (region_dec (home b) r) as [W | W].
      + assert (o = other a) by (rewrite W in Q; unfold is_registrar in Q, R; simpl in R;
          destruct (table (SetModel.base t) (slot r)) as [e |]; [| discriminate];
          destruct (agent_dec (entry_registrar e) o), (agent_dec (entry_registrar e) a); try discriminate;
          destruct o, a; simpl; congruence).
        subst o. rewrite other_other in *. rewrite at_agent_other by (intros V; symmetry in V; exact (other_differs _ V)).
        rewrite at_agent_same. lia.
      + assert (V : bytes_of r [b] = 0) by (simpl; destruct (region_dec (home b) r); [contradiction | reflexivity]).
        rewrite V. rewrite (count_ext _ (own (SetModel.base t) (other o))); [lia |].
        intros x I. apply in_range in I. unfold at_agent.
        assert (U : ~ In x (bytes b)) by (unfold bytes; rewrite in_range; intuition congruence).
        destruct (agent_dec (other a) (other o)) as [<- |]; [| destruct (agent_dec a (other o)) as [<- |]; [| reflexivity]];
          apply eq_true_iff_eq; rewrite ?plus_in, ?minus_in; tauto.
  Qed.
End Channel.
