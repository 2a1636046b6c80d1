(* How many buffers are in flight: the upper part of the balances counts buffers as the lower one counts bytes (Balances.v), and
   the sum of both ends' is, for every registered region, the number of its buffers in flight. One lemma for each operation: it
   stays so. Channel.v rests on it. *)

From Coq Require Import List Arith Bool ZArith Lia.
From CleanQ Require Export ChannelModel.
From CleanQ Require Sequences.
Import ListNotations.

(* The buffers of one region among some. *)
Fixpoint number_of (r : region) (bs : list buffer) : nat :=
  match bs with
  | [] => 0
  | b :: rest => (if region_dec (home b) r then 1 else 0) + number_of r rest
  end.

Lemma number_of_app r bs cs : number_of r (bs ++ cs) = number_of r bs + number_of r cs.
Proof. induction bs as [| b bs IH]; simpl; [reflexivity | rewrite IH; lia]. Qed.

(* Registered regions share no slot. *)
Lemma buffers_in_slot l r n bs :
  size_of l r = Some n -> forallb (contains l) bs = true -> buffers_in (slot r) bs = number_of r bs.
Proof.
  intros Z. induction bs as [| b bs IH]; [reflexivity |]. simpl. rewrite andb_true_iff. intros [K F]. rewrite IH by exact F. f_equal.
  unfold contains in K. destruct (size_of l (home b)) as [i |] eqn:Zb; [| discriminate].
  destruct (Nat.eq_dec (slot (home b)) (slot r)) as [E |], (region_dec (home b) r) as [| D]; try reflexivity; try congruence.
  destruct D. eapply slots_unshared; eauto.
Qed.

Definition tallied (l : ledger) (queue : agent -> list buffer) (f : agent -> nat -> Z) : Prop :=
  forall r n, size_of l r = Some n -> (f X (slot r) + f Y (slot r))%Z = Z.of_nat (number_of r (queue X) + number_of r (queue Y)).

Lemma tallied_ext l l' queue f :
  (forall r, size_of l' r = size_of l r \/ size_of l' r = None) -> tallied l queue f -> tallied l' queue f.
Proof. intros E T r n Z. destruct (E r) as [E' | E']; rewrite E' in Z; [eauto | discriminate]. Qed.

Lemma tallied_give l l' queue queue' f a bs :
  (forall r, size_of l' r = size_of l r) -> forallb (contains l) bs = true ->
  queue' a = queue a ++ bs -> queue' (other a) = queue (other a) ->
  tallied l queue f -> tallied l' queue' (add f a (fun i => Z.of_nat (buffers_in i bs))).
Proof.
  intros E K Q O T r n Z. rewrite E in Z. specialize (T r n Z). pose proof (buffers_in_slot l r n bs Z K) as B.
  unfold add. destruct a; simpl in *; rewrite Q, O, number_of_app, B; lia.
Qed.

Lemma tallied_take l l' queue queue' f a b :
  (forall r, size_of l' r = size_of l r) -> contains l b = true ->
  queue (other a) = b :: queue' (other a) -> queue' a = queue a ->
  tallied l queue f -> tallied l' queue' (add f a (fun i => (- Z.of_nat (buffers_in i [b]))%Z)).
Proof.
  intros E K Q O T r n Z. rewrite E in Z. specialize (T r n Z).
  pose proof (buffers_in_slot l r n [b] Z ltac:(simpl; now rewrite K)) as B.
  unfold add. cbv beta. rewrite B. destruct a; simpl in *; rewrite Q in T; rewrite O; simpl in *; lia.
Qed.

Lemma tallied_register capacity s t a r n l f :
  Sequences.sound capacity s t -> register (Sequences.base s) a r n = (l, SetModel.Done) ->
  tallied (Sequences.base s) (Sequences.queue s) f -> tallied l (Sequences.queue s) (clear f (slot r)).
Proof.
  intros S H T q i Z. pose proof S as [[E _] _ _ K _].
  pose proof (size_of_register _ _ _ _ _ q H) as Zq. rewrite Zq in Z. unfold clear.
  assert (N : table (Sequences.base s) (slot r) = None)
    by (unfold register in H; destruct (table (Sequences.base s) (slot r)); [discriminate | reflexivity]).
  destruct (region_dec q r) as [-> | D].
  - destruct (Nat.eq_dec (slot r) (slot r)); [| congruence].
    assert (Q : forall c, number_of r (Sequences.queue s c) = 0).
    { intros c. specialize (K c). induction (Sequences.queue s c) as [| b bs IH]; [reflexivity |]. simpl.
      rewrite IH by auto using in_cons. destruct (region_dec (home b) r) as [W |]; [| reflexivity].
      specialize (K b (or_introl eq_refl)). unfold in_bounds, size_of in K. rewrite W, N in K. discriminate. }
    rewrite !Q. reflexivity.
  - destruct (Nat.eq_dec (slot r) (slot q)) as [W |]; [| eauto].
    exfalso. unfold size_of in Z. rewrite <- W, N in Z. discriminate.
Qed.
