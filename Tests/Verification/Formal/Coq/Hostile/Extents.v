(** * Bytes and extents

    What we own and what is lent out, as lists of extents; how often such a list has a byte, which makes disjointness and
    coverage equations; and taking an extent out of a list of them, exactly. Lemmas that [HostileInvariant] rests on. *)

From Coq Require Import ZArith List Lia Bool Permutation.
From CleanQ Require Export DescriptorCheck.
Import ListNotations.
Open Scope Z_scope.

(** A byte of a region: the id, generation included, and the place. *)
Definition byte := (Z * Z)%type.

Record extent := Extent { region : Z; start : Z; size : Z }.

Definition extent_of (d : descriptor) : extent := Extent (raw d) (offset d) (byte_count d).

Definition has (e : extent) (b : byte) : bool :=
  (fst b =? region e) && (start e <=? snd b) && (snd b <? start e + size e).

(** How often a list of extents has a byte: disjointness and coverage are equations about it. *)
Fixpoint count (es : list extent) (b : byte) : Z :=
  match es with
  | [] => 0
  | e :: rest => Z.b2z (has e b) + count rest b
  end.

Lemma has_iff e b : has e b = true <-> fst b = region e /\ start e <= snd b < start e + size e.
Proof. unfold has. rewrite !andb_true_iff, Z.eqb_eq, Z.leb_le, Z.ltb_lt. tauto. Qed.

Lemma b2z_range x : 0 <= Z.b2z x <= 1.
Proof. destruct x; cbn; lia. Qed.

Lemma count_nonneg es b : 0 <= count es b.
Proof. induction es as [ | e es IH ]; simpl; [ lia | pose proof (b2z_range (has e b)); lia ]. Qed.

Lemma count_app es fs b : count (es ++ fs) b = count es b + count fs b.
Proof. induction es; simpl; lia. Qed.

Lemma count_in es e b : In e es -> has e b = true -> 1 <= count es b.
Proof.
  induction es as [ | x es IH ]; simpl; [ tauto | ]. intros [ -> | Hin ] Hh.
  - rewrite Hh. pose proof (count_nonneg es b). simpl. lia.
  - specialize (IH Hin Hh). pose proof (b2z_range (has x b)). lia.
Qed.

Lemma count_positive es b : 1 <= count es b -> exists e, In e es /\ has e b = true.
Proof.
  induction es as [ | e es IH ]; simpl; [ lia | ]. intros H. destruct (has e b) eqn:E.
  - exists e. auto.
  - simpl in H. destruct (IH H) as (x & ? & ?). eauto.
Qed.

Lemma count_permutation es fs b : Permutation es fs -> count es b = count fs b.
Proof. induction 1; simpl; lia. Qed.

(** Cutting an extent in two, and joining two neighbours, moves no byte: [Buffer.split(at:)], [Buffer.merge(_:)]. *)
Lemma has_split r s a c b : 0 <= a -> 0 <= c ->
  Z.b2z (has (Extent r s (a + c)) b) = Z.b2z (has (Extent r s a) b) + Z.b2z (has (Extent r (s + a) c) b).
Proof.
  intros. unfold has. simpl. destruct (fst b =? r); simpl; [ | reflexivity ].
  destruct (Z.leb_spec s (snd b)), (Z.ltb_spec (snd b) (s + (a + c))), (Z.ltb_spec (snd b) (s + a)),
    (Z.leb_spec (s + a) (snd b)), (Z.ltb_spec (snd b) (s + a + c)); simpl; lia.
Qed.

(** *** Taking a part out of what is lent *)

Definition within (e g : extent) : bool :=
  (region e =? region g) && (start g <=? start e) && (start e + size e <=? start g + size g).

Definition piece (r s a : Z) : list extent := if a =? 0 then [] else [Extent r s a].

(** What is left of [g] when [e] is taken out. *)
Definition remainders (e g : extent) : list extent :=
  piece (region g) (start g) (start e - start g)
  ++ piece (region g) (start e + size e) (start g + size g - (start e + size e)).

(** Looks for the lent extent that holds all of [e], takes [e] out and keeps the rest. *)
Fixpoint take (e : extent) (lent : list extent) : option (list extent) :=
  match lent with
  | [] => None
  | g :: rest =>
      if within e g then Some (remainders e g ++ rest)
      else match take e rest with Some others => Some (g :: others) | None => None end
  end.

Lemma count_piece r s a b : count (piece r s a) b = Z.b2z (has (Extent r s a) b).
Proof.
  unfold piece. destruct (Z.eqb_spec a 0) as [ -> | ]; simpl; [ | lia ].
  replace (has (Extent r s 0) b) with false; [ reflexivity | ]. symmetry. apply not_true_is_false.
  rewrite has_iff. simpl. lia.
Qed.

Lemma remainders_exact e g b : 0 <= size e -> within e g = true ->
  Z.b2z (has g b) = Z.b2z (has e b) + count (remainders e g) b.
Proof.
  unfold within, remainders. rewrite !andb_true_iff, Z.eqb_eq, !Z.leb_le. intros Hs ((Hr & Hl) & Hh).
  rewrite count_app, !count_piece. destruct e as [r s z], g as [r' s' z']. simpl in *. subst r'.
  replace z' with ((s - s') + (z + (s' + z' - (s + z)))) at 1 by lia.
  rewrite (has_split r s' (s - s') (z + (s' + z' - (s + z))) b) by lia. replace (s' + (s - s')) with s by lia.
  rewrite (has_split r s z) by lia. lia.
Qed.

(** Taking is exact: byte by byte, what was lent is what was taken and what is left. *)
Lemma take_exact e lent others : 0 <= size e -> take e lent = Some others ->
  forall b, count lent b = Z.b2z (has e b) + count others b.
Proof.
  intros Hs. revert others. induction lent as [ | g rest IH ]; simpl; intros others E b; [ discriminate | ].
  destruct (within e g) eqn:Hw.
  - injection E as <-. rewrite count_app, (remainders_exact e g b Hs Hw). lia.
  - destruct (take e rest) as [others' | ]; [ | discriminate ]. injection E as <-. simpl.
    rewrite (IH others' eq_refl b). lia.
Qed.

Lemma take_own e lent : In e lent -> exists others, take e lent = Some others.
Proof.
  induction lent as [ | g rest IH ]; simpl; [ tauto | ]. intros [ -> | Hin ].
  - replace (within e e) with true; [ eauto | ]. symmetry. unfold within.
    rewrite !andb_true_iff, Z.eqb_eq, !Z.leb_le. lia.
  - destruct (within e g); [ eauto | ]. destruct (IH Hin) as [others ->]. eauto.
Qed.

(** All extents have at least one byte, in [es] and so in what is left. *)
Definition nonempty (es : list extent) : Prop := Forall (fun e => 0 < size e) es.

Lemma remainders_nonempty e g : within e g = true -> nonempty (remainders e g).
Proof.
  unfold within, remainders, piece. rewrite !andb_true_iff, Z.eqb_eq, !Z.leb_le. intros ((_ & H1) & H2).
  apply Forall_app. split.
  - destruct (Z.eqb_spec (start e - start g) 0); constructor; simpl; try lia; constructor.
  - destruct (Z.eqb_spec (start g + size g - (start e + size e)) 0); constructor; simpl; try lia; constructor.
Qed.

Lemma take_nonempty e lent others : take e lent = Some others -> nonempty lent -> nonempty others.
Proof.
  revert others. induction lent as [ | g rest IH ]; simpl; intros others E H; [ discriminate | ]. inversion H; subst.
  destruct (within e g) eqn:Hw.
  - injection E as <-. apply Forall_app. split; [ now apply remainders_nonempty | assumption ].
  - destruct (take e rest) as [others' | ]; [ | discriminate ]. injection E as <-. constructor; auto. now apply IH.
Qed.
