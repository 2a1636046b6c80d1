(* The accounts: of every registered region, how many bytes each side owns and how many are in flight add up to its size, at
   every step, none counted twice. The counts are made as the code makes them, from the sizes of buffers (RingBalance); that
   these are the numbers of bytes in the sets of the contract is what is proved. *)

From Coq Require Import List Arith Bool Lia Permutation.
From CleanQ Require Import Sets.
From CleanQ Require Sequences.
Import ListNotations.

(* How many bytes of l have the property. *)
Definition count (f : byte -> bool) (l : list byte) : nat := length (filter f l).

(* The sizes of the buffers of one region, added up. *)
Fixpoint bytes_of (r : region) (bs : list buffer) : nat :=
  match bs with
  | [] => 0
  | b :: rest => (if region_dec (home b) r then size b else 0) + bytes_of r rest
  end.

Definition one (b : bool) : nat := if b then 1 else 0.

Lemma count_cons f x l : count f (x :: l) = one (f x) + count f l.
Proof. unfold count. simpl. now destruct (f x). Qed.

Lemma bytes_of_app r bs cs : bytes_of r (bs ++ cs) = bytes_of r bs + bytes_of r cs.
Proof. induction bs as [| b bs IH]; simpl; [reflexivity | rewrite IH; lia]. Qed.

(* Four properties of which each byte of l has exactly one. *)
Lemma count_partition f g h i l :
  (forall x, In x l -> one (f x) + one (g x) + one (h x) + one (i x) = 1) ->
  count f l + count g l + count h l + count i l = length l.
Proof.
  induction l as [| x l IH]; intros P; [reflexivity |]. rewrite !count_cons. simpl.
  pose proof (P x (or_introl eq_refl)). specialize (IH (fun y I => P y (or_intror I))). lia.
Qed.

(* Bytes that leave a set that had them, bytes that come to one that did not. *)
Lemma count_minus f l m : (forall x, In x m -> f x = true) -> count (minus f m) l + count (mem m) l = count f l.
Proof.
  intros F. induction l as [| x l IH]; [reflexivity |]. rewrite !count_cons. rewrite <- IH.
  enough (one (minus f m x) + one (mem m x) = one (f x)) by lia. unfold minus.
  destruct (mem m x) eqn:M.
  - apply mem_in in M. now rewrite (F x M).
  - simpl. rewrite andb_true_r. lia.
Qed.

Lemma count_plus f l m : (forall x, In x m -> f x = false) -> count (plus f m) l = count f l + count (mem m) l.
Proof.
  intros F. induction l as [| x l IH]; [reflexivity |]. rewrite !count_cons, IH.
  enough (one (plus f m x) = one (f x) + one (mem m x)) by lia. unfold plus.
  destruct (mem m x) eqn:M.
  - apply mem_in in M. now rewrite (F x M).
  - rewrite orb_false_r. simpl. lia.
Qed.

Lemma count_ext f g l : (forall x, In x l -> f x = g x) -> count f l = count g l.
Proof.
  induction l as [| x l IH]; intros E; [reflexivity |]. rewrite !count_cons, (E x (or_introl eq_refl)).
  now rewrite IH by (intros y I; apply E; now right).
Qed.

Lemma filter_all {A} (f : A -> bool) l : (forall x, In x l -> f x = true) -> filter f l = l.
Proof.
  induction l as [| x l IH]; simpl; intros F; [reflexivity |]. rewrite (F x) by auto. f_equal. auto.
Qed.

Lemma filter_none {A} (f : A -> bool) l : (forall x, In x l -> f x = false) -> filter f l = [].
Proof.
  induction l as [| x l IH]; simpl; intros F; [reflexivity |]. rewrite (F x) by auto. auto.
Qed.

(* Counting a region's bytes in some buffers is adding up the sizes of those that are of the region. *)
Lemma count_buffers r n bs :
  NoDup (all_bytes bs) -> (forall b, In b bs -> home b = r -> offset b + size b <= n) ->
  count (mem (all_bytes bs)) (range r 0 n) = bytes_of r bs.
Proof.
  intros N B.
  set (inside := fun x : byte => if region_dec (fst x) r then true else false).
  assert (P : Permutation (filter (mem (all_bytes bs)) (range r 0 n)) (filter inside (all_bytes bs))).
  { apply NoDup_Permutation.
    - apply NoDup_filter, nodup_range.
    - now apply NoDup_filter.
    - intros x. rewrite !filter_In, mem_in, in_range. unfold inside. split.
      + intros [[-> _] I]. split; [exact I |]. now destruct (region_dec r r).
      + intros [I E]. destruct (region_dec (fst x) r) as [<- |]; [| discriminate]. repeat split; auto; [lia |].
        apply in_all_bytes in I. destruct I as (b & I & J). unfold bytes in J. apply in_range in J.
        destruct J as [H J]. specialize (B b I (eq_sym H)). lia. }
  unfold count. rewrite (Permutation_length P). clear P N B.
  induction bs as [| b bs IH]; [reflexivity |]. simpl. rewrite filter_app, app_length, IH. f_equal.
  destruct (region_dec (home b) r) as [<- | D].
  - rewrite filter_all; [unfold bytes, range; now rewrite map_length, seq_length |].
    intros x I. unfold bytes in I. apply in_range in I. unfold inside. destruct (region_dec (fst x) (home b)); tauto.
  - rewrite filter_none; [reflexivity |].
    intros x I. unfold bytes in I. apply in_range in I. unfold inside. destruct (region_dec (fst x) r); [| reflexivity].
    destruct D. intuition congruence.
Qed.

Lemma in_bounds_size l b n : size_of l (home b) = Some n -> in_bounds l b = true -> offset b + size b <= n.
Proof. unfold in_bounds. intros ->. rewrite !andb_true_iff, !Nat.leb_le. tauto. Qed.

Section BufferAccounts.
  Variable capacity : nat.

  (* Handed over in either direction and not yet taken. *)
  Definition flight (s : Sequences.state) (r : region) : nat :=
    bytes_of r (Sequences.queue s X) + bytes_of r (Sequences.queue s Y).

  Definition owned (s : Sequences.state) (a : agent) (r : region) (n : nat) : nat :=
    count (own (Sequences.base s) a) (range r 0 n).

  Lemma accounts_sound s t r n :
    Sequences.sound capacity s t -> size_of (Sequences.base s) r = Some n ->
    n = owned s X r n + owned s Y r n + flight s r.
  Proof.
    intros [[E F] G N B _] Z.
    assert (C : forall a, bytes_of r (Sequences.queue s a) = count (transit t a) (range r 0 n)).
    { intros a. rewrite <- (count_buffers r n).
      - apply count_ext. intros x _. apply F.
      - apply N.
      - intros b I H. apply (in_bounds_size (Sequences.base s)); [now rewrite H | eauto]. }
    unfold owned, flight. rewrite !C, E. rewrite E in Z.
    assert (L : length (range r 0 n) = n) by (unfold range; now rewrite map_length, seq_length).
    rewrite <- L at 1. symmetry. rewrite Nat.add_assoc. apply count_partition. intros x I. apply in_range in I.
    assert (K : registered (SetModel.base t) x) by (unfold registered; destruct I as [-> I]; rewrite Z; lia).
    apply (conserved _ G) in K. destruct K as [p K].
    pose proof (fun q => exclusive _ G p q x K) as U.
    pose proof (U (Owned X)) as U1. pose proof (U (Owned Y)) as U2.
    pose proof (U (InFlight X)) as U3. pose proof (U (InFlight Y)) as U4. simpl in *.
    clear U. destruct p as [[|] | [|]]; simpl in *; rewrite K in *; clear K;
      repeat match goal with |- context [one (?f)] => destruct f eqn:?; simpl in * end;
      try reflexivity; try discriminate;
      repeat match goal with H : true = true -> _ = _ |- _ => specialize (H eq_refl); try discriminate H end.
  Qed.

  (* registered = owned by X + owned by Y + in flight, of every region, in every reachable state. *)
  Theorem accounts s r n :
    Sequences.reachable capacity s -> size_of (Sequences.base s) r = Some n ->
    n = owned s X r n + owned s Y r n + flight s r.
  Proof. intros R. destruct (Sequences.sequences_refine_sets _ _ R) as (t & _ & S). eapply accounts_sound; eauto. Qed.

  (* What a deregister that fails names is all but what the caller owns. *)
  Lemma elsewhere_is_rest s t a r n :
    Sequences.sound capacity s t -> size_of (Sequences.base s) r = Some n ->
    elsewhere (Sequences.base s) a r n = owned s (other a) r n + flight s r.
  Proof.
    intros S Z. pose proof (accounts_sound _ _ _ _ S Z) as C.
    assert (E : elsewhere (Sequences.base s) a r n + owned s a r n = n).
    { unfold elsewhere, owned, count. rewrite <- (seq_length n 0) at 3. fold (range r 0 n).
      rewrite <- (map_length (pair r) (seq 0 n)). fold (range r 0 n). clear.
      induction (range r 0 n) as [| x l IH]; [reflexivity |]. simpl.
      destruct (own (Sequences.base s) a x); simpl; lia. }
    destruct a; simpl in *; lia.
  Qed.
End BufferAccounts.
