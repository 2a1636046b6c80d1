(** * Cursors as machine words

    Counters that run freely modulo [M] (in the code [UInt32], M = 2^32), and the slots that they lead to. Lemmas alone: that
    the differences which the code computes are the numbers of buffers that they stand for, wrapped or not, and that a free
    slot is none of those in flight. All proofs about the concurrent ring rest on them. *)

From Coq Require Import Arith List Lia Bool.

(** ** 1. Arithmetic modulo M *)

Section Words.

Variable M : nat.
Hypothesis M_positive : 0 < M.

(** [&+] and [&-] of [UInt32]. *)
Definition wadd (a b : nat) : nat := (a + b) mod M.
Definition wsub (a b : nat) : nat := (a + (M - b)) mod M.

Lemma wadd_below a b : wadd a b < M.
Proof. apply Nat.mod_upper_bound. lia. Qed.

Lemma wsub_below a b : wsub a b < M.
Proof. apply Nat.mod_upper_bound. lia. Qed.

Lemma mod_once x : M <= x -> x < 2 * M -> x mod M = x - M.
Proof.
  intros. replace x with ((x - M) + 1 * M) at 1 by lia.
  rewrite Nat.mod_add by lia. apply Nat.mod_small. lia.
Qed.

Lemma wadd_cases a d : a < M -> d <= M ->
  (a + d < M /\ wadd a d = a + d) \/ (M <= a + d /\ wadd a d = a + d - M).
Proof.
  intros. unfold wadd. destruct (lt_dec (a + d) M).
  - left. split; [ assumption | apply Nat.mod_small; assumption ].
  - right. split; [ lia | apply mod_once; lia ].
Qed.

Lemma wsub_cases a b : a < M -> b < M ->
  (b <= a /\ wsub a b = a - b) \/ (a < b /\ wsub a b = a + M - b).
Proof.
  intros. unfold wsub. destruct (le_dec b a).
  - left. split; [ assumption | rewrite mod_once by lia; lia ].
  - right. split; [ lia | rewrite Nat.mod_small by lia; lia ].
Qed.

Lemma wsub_self a : a < M -> wsub a a = 0.
Proof. intros. destruct (wsub_cases a a); lia. Qed.

(** Moving the front cursor on by [d] adds [d] to the distance... *)
Lemma wsub_wadd_front h t d : h < M -> t < M -> wsub h t + d < M -> wsub (wadd h d) t = wsub h t + d.
Proof.
  intros. destruct (wsub_cases h t), (wadd_cases h d), (wsub_cases (wadd h d) t); try apply wadd_below; lia.
Qed.

(** ... and moving the rear cursor takes [d] from it: whether or not either wraps. *)
Lemma wsub_wadd_rear h t d : h < M -> t < M -> d <= wsub h t -> wsub h (wadd t d) = wsub h t - d.
Proof.
  intros. pose proof (wsub_below h t).
  destruct (wsub_cases h t), (wadd_cases t d), (wsub_cases h (wadd t d)); try apply wadd_below; lia.
Qed.

Lemma wadd_wsub h t : h < M -> t < M -> wadd t (wsub h t) = h.
Proof.
  intros. pose proof (wsub_below h t).
  destruct (wsub_cases h t), (wadd_cases t (wsub h t)); lia.
Qed.

Lemma wadd_assoc w a b : wadd (wadd w a) b = wadd w (a + b).
Proof. unfold wadd. rewrite Nat.add_mod_idemp_l by lia. f_equal. lia. Qed.

End Words.

Section Slots.

Variables M n : nat.
Hypothesis n_positive : 0 < n.
Hypothesis n_below_M : n < M.
Hypothesis n_divides_M : Nat.divide n M.

Notation wadd := (wadd M).
Notation wsub := (wsub M).

(** The word that the code computes for the free slots is the number of free slots. *)
Lemma wsub_room x : x <= n -> wsub n x = n - x.
Proof. intros. destruct (wsub_cases M ltac:(lia) n x); lia. Qed.

(** The slot [i] places after cursor [w]: [Int((head &+ index) & (slotCount &- 1))] in [RingProducer.write(_:at:)] and
    [RingConsumer.read(at:)]; see [mask_is_modulo] for the mask. *)
Definition slot (w i : nat) : nat := wadd w i mod n.

Lemma slot_plain w i : slot w i = (w + i) mod n.
Proof.
  unfold slot, wadd. destruct n_divides_M as [c Hc]. rewrite Hc at 1.
  rewrite (Nat.mul_comm c n). assert (c <> 0) by (intro; subst c; lia).
  rewrite Nat.mod_mul_r by lia.
  rewrite Nat.mul_comm, Nat.mod_add by lia. apply Nat.mod_mod. lia.
Qed.

Lemma slot_below w i : slot w i < n.
Proof. apply Nat.mod_upper_bound. lia. Qed.

Lemma slot_shift w d i : slot (wadd w d) i = slot w (d + i).
Proof. unfold slot. now rewrite wadd_assoc by lia. Qed.

Lemma mod_injective a b : a <= b -> b - a < n -> a mod n = b mod n -> a = b.
Proof.
  intros Hle Hlt Heq.
  pose proof (Nat.div_mod a n ltac:(lia)). pose proof (Nat.div_mod b n ltac:(lia)).
  assert (a / n <= b / n) by (apply Nat.div_le_mono; lia).
  assert (b / n = a / n) by nia. nia.
Qed.

(** Less than [n] places apart, two slots of the ring differ. *)
Lemma slot_injective w i j : i < n -> j < n -> slot w i = slot w j -> i = j.
Proof.
  rewrite !slot_plain. intros Hi Hj E. destruct (le_lt_dec i j).
  - assert (w + i = w + j) by (apply mod_injective; lia). lia.
  - assert (w + j = w + i) by (apply mod_injective; [ lia | lia | congruence ]). lia.
Qed.

(** A slot that is free, seen from the head, is none of those in flight, seen from the tail. *)
Lemma free_slot_differs h t i j : h < M -> t < M ->
  wsub h t + i < n -> j < wsub h t -> slot h i <> slot t j.
Proof.
  intros Hh Ht Hi Hj E. rewrite <- (wadd_wsub M ltac:(lia) h t) in E by assumption. rewrite slot_shift in E.
  apply slot_injective in E; lia.
Qed.

End Slots.

(** The mask of the code is the modulus, for a power of two. *)
Lemma mask_is_modulo x j : Nat.land x (2 ^ j - 1) = x mod 2 ^ j.
Proof. rewrite <- Nat.land_ones, Nat.ones_equiv. f_equal. lia. Qed.

(** Why [n < M] and not [n <= M]: a ring of M slots, full, has its cursors where an empty one has them. *)
Lemma full_looks_empty M h : 0 < M -> h < M -> wadd M h M = h /\ wsub M (wadd M h M) h = 0.
Proof.
  intros. assert (E : wadd M h M = h).
  { unfold wadd. replace (h + M) with (h + 1 * M) by lia. rewrite Nat.mod_add by lia. now apply Nat.mod_small. }
  split; [ exact E | ]. rewrite E. unfold wsub. replace (h + (M - h)) with M by lia. apply Nat.mod_same. lia.
Qed.
