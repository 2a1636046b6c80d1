(* Lists of buffers, and what becomes of their bytes when a buffer is split or two are merged: nothing. Then, that a local
   operation which fails changes nothing. *)

From Coq Require Import List Arith Bool Lia Permutation.
From CleanQ Require Export SetModel.
Import ListNotations.

Lemma take_one_permutes b bs bs' : take_one b bs = Some bs' -> Permutation bs (b :: bs').
Proof.
  revert bs'. induction bs as [| c bs IH]; simpl; [discriminate |].
  intros bs'. destruct (buffer_dec b c) as [<- |].
  - intros E. now injection E as <-.
  - destruct (take_one b bs) as [rest |]; [| discriminate]. intros E. injection E as <-.
    rewrite (IH _ eq_refl). apply perm_swap.
Qed.

Lemma take_all_permutes run : forall bs bs', take_all run bs = Some bs' -> Permutation bs (run ++ bs').
Proof.
  induction run as [| b run IH]; simpl; intros bs bs' E.
  - now injection E as <-.
  - destruct (take_one b bs) as [rest |] eqn:T; [| discriminate].
    rewrite (take_one_permutes _ _ _ T). now rewrite (IH _ _ E).
Qed.

Lemma all_bytes_app bs cs : all_bytes (bs ++ cs) = all_bytes bs ++ all_bytes cs.
Proof. apply flat_map_app. Qed.

Lemma all_bytes_permutes bs cs : Permutation bs cs -> Permutation (all_bytes bs) (all_bytes cs).
Proof. intros P. now apply Permutation_flat_map. Qed.

Lemma in_all_bytes x bs : In x (all_bytes bs) <-> exists b, In b bs /\ In x (bytes b).
Proof. apply in_flat_map. Qed.

(* Buffer.split(at:): the two parts name the buffer's bytes, in order, each once. *)
Lemma split_bytes b position :
  splittable b position = true ->
  bytes (left_part b position) ++ bytes (right_part b position) = bytes b.
Proof.
  unfold splittable. rewrite andb_true_iff, !Nat.ltb_lt. intros [_ L].
  unfold bytes; simpl. rewrite <- range_app. now replace (position + (size b - position)) with (size b) by lia.
Qed.

(* Buffer.split(at:): so it is with the valid bytes. *)
Lemma split_valid_bytes b position :
  splittable b position = true -> valid_offset b + valid_size b <= size b ->
  valid_bytes (left_part b position) ++ valid_bytes (right_part b position) = valid_bytes b.
Proof.
  unfold splittable. rewrite andb_true_iff, !Nat.ltb_lt. intros [Z L] V.
  unfold valid_bytes; simpl.
  destruct (le_lt_dec (valid_offset b + valid_size b) position) as [C | C].
  - replace (max _ _ - _) with 0 by lia. replace (min (valid_offset b + valid_size b) _ - _) with (valid_size b) by lia.
    replace (min (valid_offset b) position) with (valid_offset b) by lia. apply app_nil_r.
  - destruct (le_lt_dec position (valid_offset b)) as [D | D].
    + replace (min (valid_offset b + valid_size b) _ - _) with 0 by lia. simpl. f_equal; lia.
    + replace (min (valid_offset b) position) with (valid_offset b) by lia.
      replace (offset b + position + _) with (offset b + valid_offset b + (position - valid_offset b)) by lia.
      replace (min (valid_offset b + valid_size b) _ - _) with (position - valid_offset b) by lia.
      rewrite <- range_app. f_equal. lia.
Qed.

(* Buffer.merge(_:): the result names the bytes of both. *)
Lemma merge_bytes b c : mergeable b c = true -> bytes (merged b c) = bytes b ++ bytes c.
Proof.
  unfold mergeable. rewrite !andb_true_iff, Nat.eqb_eq. intros [[H O] _].
  destruct (region_dec (home b) (home c)) as [E |]; [| discriminate].
  unfold bytes; simpl. now rewrite range_app, O, <- E.
Qed.

(* Buffer.merge(_:): the result's valid bytes are those of both. *)
Lemma merge_valid_bytes b c :
  mergeable b c = true -> valid_bytes (merged b c) = valid_bytes b ++ valid_bytes c.
Proof.
  unfold mergeable. rewrite !andb_true_iff, !orb_true_iff, !Nat.eqb_eq. intros [[H O] T].
  destruct (region_dec (home b) (home c)) as [E |]; [| discriminate].
  unfold valid_bytes; simpl. rewrite <- E.
  destruct (Nat.eqb_spec (valid_size b) 0) as [B | B], (Nat.ltb_spec 0 (valid_size c)) as [C | C]; simpl.
  - rewrite B. simpl. f_equal. lia.
  - replace (valid_size c) with 0 by lia. now rewrite B.
  - rewrite range_app. f_equal. f_equal. lia.
  - replace (valid_size c) with 0 by lia. now rewrite Nat.add_0_r, app_nil_r.
Qed.

(* A local operation that fails changes nothing. *)
Lemma local_failure l a o l' why : local l a o = (l', Failed why) -> l' = l.
Proof.
  assert (N : forall old new, exchange l a old new = (l', Failed why) -> l' = l)
    by (unfold exchange; intros old new; destruct (take_all _ _); intros E; now injection E).
  destruct o as [r count | r | b | b | b position | b c]; simpl; try apply N.
  - unfold register. destruct (table l (slot r)); [| destruct (_ <=? _)]; intros E; now injection E.
  - unfold deregister. destruct (size_of l r); [destruct (negb _); [| destruct (_ <? _)] |]; intros E; now injection E.
  - unfold carve. destruct (_ && _ && _); intros E; now injection E.
  - unfold release. destruct (is_registrar l a (home b)); [apply N |]. destruct (take_one _ _); intros E; now injection E.
  - destruct (splittable b position); [apply N | intros E; now injection E].
  - destruct (mergeable b c); [apply N | intros E; now injection E].
Qed.
