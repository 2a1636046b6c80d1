(* What is owned: bytes, buffers that name them, and sets of bytes.

   A byte is a region's id, generation included, and an offset. Definitions, and the lemmas on lists and sets of bytes that
   all other files of this folder rest on. *)

From Coq Require Import List Arith Bool Lia Permutation.
Import ListNotations.

(* ---- Names ---- *)

Inductive agent := X | Y.

Definition other (a : agent) : agent := match a with X => Y | Y => X end.

Definition agent_dec (a b : agent) : {a = b} + {a <> b}.
Proof. decide equality. Defined.

(* RegionID: a slot of the directory, and how many regions have used that slot. *)
Record region := { slot : nat; generation : nat }.

Definition region_dec (r q : region) : {r = q} + {r <> q}.
Proof. decide equality; apply Nat.eq_dec. Defined.

Definition byte : Type := region * nat.

Definition byte_dec (x y : byte) : {x = y} + {x <> y}.
Proof. decide equality; [apply Nat.eq_dec | apply region_dec]. Defined.

(* Descriptor: what names a buffer. Of the flags only LAST means something to a queue. *)
Record buffer := {
  home : region;
  offset : nat;
  size : nat;
  valid_offset : nat;
  valid_size : nat;
  is_last : bool
}.

Definition buffer_dec (b c : buffer) : {b = c} + {b <> c}.
Proof. decide equality; try apply Nat.eq_dec; [apply bool_dec | apply region_dec]. Defined.

Definition range (r : region) (start count : nat) : list byte := map (pair r) (seq start count).

(* The bytes that a buffer names, in order; those of several buffers; the valid ones. *)
Definition bytes (b : buffer) : list byte := range (home b) (offset b) (size b).
Definition all_bytes (bs : list buffer) : list byte := flat_map bytes bs.
Definition valid_bytes (b : buffer) : list byte := range (home b) (offset b + valid_offset b) (valid_size b).

Lemma in_range r start count x :
  In x (range r start count) <-> fst x = r /\ start <= snd x < start + count.
Proof.
  unfold range. rewrite in_map_iff. split.
  - intros (i & <- & I). apply in_seq in I. simpl. auto.
  - intros [<- I]. exists (snd x). split; [now destruct x | now apply in_seq].
Qed.

Lemma range_app r start m n : range r start (m + n) = range r start m ++ range r (start + m) n.
Proof. unfold range. now rewrite seq_app, map_app. Qed.

Lemma nodup_range r start count : NoDup (range r start count).
Proof.
  apply FinFun.Injective_map_NoDup; [| apply seq_NoDup].
  intros i j E. now injection E.
Qed.

Lemma nodup_app {A} (l m : list A) :
  NoDup (l ++ m) <-> NoDup l /\ NoDup m /\ (forall x, In x l -> ~ In x m).
Proof.
  induction l as [| x l IH]; simpl.
  - split; [intros N; repeat split; auto using NoDup_nil | tauto].
  - rewrite !NoDup_cons_iff, IH, in_app_iff. split.
    + intros (N & L & M & D). repeat split; auto. intros y [<- | I]; auto.
    + intros ((N & L) & M & D). repeat split; auto.
      intros [I | I]; [auto | exact (D x (or_introl eq_refl) I)].
Qed.

(* ---- Sets of bytes ---- *)

Definition mem (l : list byte) (x : byte) : bool := if in_dec byte_dec x l then true else false.
Definition plus (f : byte -> bool) (l : list byte) (x : byte) : bool := f x || mem l x.
Definition minus (f : byte -> bool) (l : list byte) (x : byte) : bool := f x && negb (mem l x).

Lemma mem_in l x : mem l x = true <-> In x l.
Proof. unfold mem. destruct (in_dec byte_dec x l); intuition discriminate. Qed.

Lemma plus_in f l x : plus f l x = true <-> f x = true \/ In x l.
Proof. unfold plus. now rewrite orb_true_iff, mem_in. Qed.

Lemma minus_in f l x : minus f l x = true <-> f x = true /\ ~ In x l.
Proof. unfold minus. now rewrite andb_true_iff, negb_true_iff, <- mem_in, not_true_iff_false. Qed.
