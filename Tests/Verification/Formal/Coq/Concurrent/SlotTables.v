(** * Slots, fields, and the accesses that a burst has to make

    Tables of fields, of which the slots of a ring are one and a private copy of some of them is another; descriptors as the
    rows of a table; and the accesses that a burst still has to make, in any order. *)

From Coq Require Import Arith List Lia Bool.
Import ListNotations.

Section Tables.

Variable W : Type.
Variable w0 : W.
(** Fields of a slot: the words of [Descriptor], region, offset, extent and content. *)
Variable F : nat.

(** A table gives the field [f] of the row [i]; the slots of a ring, and a private copy of some of them, are tables. *)
Notation table := (nat -> nat -> W).

Definition update (t : table) (i f : nat) (w : W) : table :=
  fun i' f' => if (i' =? i) && (f' =? f) then w else t i' f'.

Lemma update_same t i f w : update t i f w i f = w.
Proof. unfold update. now rewrite !Nat.eqb_refl. Qed.

Lemma update_other t i f w i' f' : i' <> i \/ f' <> f -> update t i f w i' f' = t i' f'.
Proof.
  unfold update. intros H. destruct (Nat.eqb_spec i' i), (Nat.eqb_spec f' f); simpl; try reflexivity. lia.
Qed.

(** A descriptor is the list of its fields. *)
Notation descriptor := (list W).

Definition rows (count : nat) (t : table) : list descriptor :=
  map (fun i => map (t i) (seq 0 F)) (seq 0 count).

Definition field (burst : list descriptor) : table := fun i f => nth f (nth i burst []) w0.

Definition well_formed (burst : list descriptor) : Prop := Forall (fun d => length d = F) burst.

Lemma rows_length count t : length (rows count t) = count.
Proof. unfold rows. now rewrite map_length, seq_length. Qed.

Lemma rows_ext count t u : (forall i f, i < count -> f < F -> t i f = u i f) -> rows count t = rows count u.
Proof.
  intros H. apply map_ext_in. intros i Hi. apply in_seq in Hi.
  apply map_ext_in. intros f Hf. apply in_seq in Hf. apply H; lia.
Qed.

Lemma seq_from a count : seq a count = map (fun i => a + i) (seq 0 count).
Proof.
  induction a as [ | a IH ].
  - symmetry. apply map_id.
  - rewrite <- seq_shift, IH, map_map. apply map_ext. intros. reflexivity.
Qed.

Lemma rows_app a b t : rows (a + b) t = rows a t ++ rows b (fun i => t (a + i)).
Proof. unfold rows. rewrite seq_app, map_app. f_equal. rewrite (seq_from (0 + a)), map_map. reflexivity. Qed.

Lemma map_nth_seq {A} (d : A) (l : list A) : map (fun i => nth i l d) (seq 0 (length l)) = l.
Proof.
  induction l as [ | x l IH ]; simpl; [ reflexivity | ].
  f_equal. rewrite <- seq_shift, map_map. exact IH.
Qed.

Lemma rows_of_burst burst : well_formed burst -> rows (length burst) (field burst) = burst.
Proof.
  intros H. unfold rows. transitivity (map (fun i => nth i burst []) (seq 0 (length burst))); [ | apply map_nth_seq ]. apply map_ext_in.
  intros i Hi. apply in_seq in Hi. unfold well_formed in H. rewrite Forall_forall in H.
  unfold field. rewrite <- (H (nth i burst [])) by (apply nth_In; lia). apply map_nth_seq.
Qed.

Lemma rows_nth count t i f : i < count -> f < F -> nth f (nth i (rows count t) []) w0 = t i f.
Proof.
  intros Hi Hf. unfold rows.
  rewrite (nth_indep _ [] (map (t 0) (seq 0 F))) by (now rewrite map_length, seq_length).
  rewrite (map_nth (fun i => map (t i) (seq 0 F)) (seq 0 count) 0), seq_nth by lia. simpl.
  rewrite (nth_indep _ w0 (t i 0)) by (now rewrite map_length, seq_length).
  rewrite map_nth, seq_nth by lia. reflexivity.
Qed.

Lemma rows_well_formed count t : well_formed (rows count t).
Proof.
  unfold well_formed, rows. apply Forall_forall. intros d Hd. apply in_map_iff in Hd.
  destruct Hd as (i & <- & _). now rewrite map_length, seq_length.
Qed.

(** The accesses that a burst still has to make, as (place in the burst, field). The compiler may order them as it likes
    and repeat them; none may be missing at the start, none may be outside. *)
Definition accesses := list (nat * nat).

Definition inside (count : nat) (todo : accesses) : Prop :=
  forall i f, In (i, f) todo -> i < count /\ f < F.
Definition covering (count : nat) (todo : accesses) : Prop :=
  inside count todo /\ forall i f, i < count -> f < F -> In (i, f) todo.

(** Slot by slot and field by field is one such order. *)
Definition in_order (count : nat) : accesses := list_prod (seq 0 count) (seq 0 F).

Lemma in_order_covering count : covering count (in_order count).
Proof.
  split; intros i f; unfold in_order; rewrite in_prod_iff, !in_seq; lia.
Qed.

End Tables.

Arguments update {W}.
Arguments inside F count todo : rename.
