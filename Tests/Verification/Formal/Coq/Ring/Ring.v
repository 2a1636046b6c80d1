(* The ring: 2^m slots and two cursors that run freely modulo 2^k, as RingMemory, RingProducer and RingConsumer have them
   (there k = 32 and m <= 30). It refines the sequence of Fifo.v, from any starting value of the cursors, so that the
   wrap-around of the cursors is covered, and with any garbage in the slots.

   Here an operation is one step and both sides know both cursors; ConcurrentModel.v takes the steps apart. *)

From Coq Require Import List Arith Bool Lia.
From CleanQ Require Import Fifo.
Import ListNotations.

Lemma same_elements {A} (l l' : list A) : (forall i, nth_error l i = nth_error l' i) -> l = l'.
Proof.
  revert l'. induction l as [| x l IH]; intros [| y l'] E; try reflexivity; pose proof (E 0) as Z; try discriminate Z.
  injection Z as ->. f_equal. apply IH. intros i. exact (E (S i)).
Qed.

Section Ring.
  Context {A : Type}.
  Variables k m : nat.

  Definition modulus : nat := 2 ^ k.
  Definition slot_count : nat := 2 ^ m.

  (* &+ and &- on cursors, and the mask. *)
  Definition add (c i : nat) : nat := (c + i) mod modulus.
  Definition sub (c d : nat) : nat := (c + modulus - d) mod modulus.
  Definition index (c : nat) : nat := Nat.land c (slot_count - 1).

  (* RingMemory: the slots are a total function; what lies outside [tail, head) is garbage. *)
  Record ring := { head : nat; tail : nat; slots : nat -> A }.

  (* RingProducer.freeCount and RingConsumer.availableCount, with the other side's cursor as it is. *)
  Definition available (r : ring) : nat := sub (head r) (tail r).
  Definition free (r : ring) : nat := sub slot_count (available r).

  (* RingProducer.write(_:at:), RingConsumer.read(at:). *)
  Definition write (r : ring) (i : nat) (x : A) : ring :=
    {| head := head r; tail := tail r;
       slots := fun j => if j =? index (add (head r) i) then x else slots r j |}.
  Definition read (r : ring) (i : nat) : A := slots r (index (add (tail r) i)).

  (* RingProducer.publish(_:), RingConsumer.publish(_:). *)
  Definition publish (r : ring) (count : nat) : ring :=
    {| head := add (head r) count; tail := tail r; slots := slots r |}.
  Definition give_back (r : ring) (count : nat) : ring :=
    {| head := head r; tail := add (tail r) count; slots := slots r |}.

  (* RingLink.enqueue(_ buffer:) without the checks of the contract, RingConsumer.next(). *)
  Definition ring_step (r : ring) (c : call A) : ring * answer A :=
    match c with
    | Enqueue x => if 0 <? free r then (publish (write r 0 x) 1, Accepted x) else (r, Full x)
    | Dequeue => if 0 <? available r then (give_back r 1, Took (read r 0)) else (r, Empty)
    end.

  Fixpoint ring_run (r : ring) (calls : list (call A)) : ring * list (answer A) :=
    match calls with
    | [] => (r, [])
    | c :: rest =>
        let (r', a) := ring_step r c in
        let (r'', answers) := ring_run r' rest in
        (r'', a :: answers)
    end.

  (* An empty ring whose cursors stand at c. A new ring has c = 0. *)
  Definition empty_at (c : nat) (garbage : nat -> A) : ring := {| head := c; tail := c; slots := garbage |}.

  (* ---- Arithmetic ---- *)

  Lemma modulus_positive : 0 < modulus.
  Proof. apply Nat.neq_0_lt_0, Nat.pow_nonzero. lia. Qed.

  Lemma slot_count_positive : 0 < slot_count.
  Proof. apply Nat.neq_0_lt_0, Nat.pow_nonzero. lia. Qed.

  Lemma add_bounded c i : add c i < modulus.
  Proof. apply Nat.mod_upper_bound. pose proof modulus_positive. lia. Qed.

  (* The mask is the remainder. *)
  Lemma index_mod c : index c = c mod slot_count.
  Proof.
    unfold index, slot_count. rewrite <- Nat.land_ones. f_equal. rewrite Nat.ones_equiv. lia.
  Qed.

  Lemma add_add c i j : add (add c i) j = add c (i + j).
  Proof. unfold add. pose proof modulus_positive. rewrite Nat.add_mod_idemp_l by lia. f_equal. lia. Qed.

  Lemma add_zero c : c < modulus -> add c 0 = c.
  Proof. intros B. unfold add. rewrite Nat.add_0_r. now apply Nat.mod_small. Qed.

  Lemma wrap_cases c d : c < modulus -> d < modulus ->
    add c d = c + d /\ c + d < modulus \/ add c d = c + d - modulus /\ modulus <= c + d.
  Proof.
    intros C D. unfold add. destruct (le_lt_dec modulus (c + d)) as [L | L]; [right | left]; split; try exact L.
    - replace (c + d) with (c + d - modulus + 1 * modulus) at 1 by lia.
      rewrite Nat.mod_add by lia. apply Nat.mod_small. lia.
    - now apply Nat.mod_small.
  Qed.

  (* Differences of cursors are exact although the cursors wrap. *)
  Lemma sub_add c d : c < modulus -> d < modulus -> sub (add c d) c = d.
  Proof.
    intros C D. unfold sub. destruct (wrap_cases c d C D) as [[-> L] | [-> L]].
    - replace (c + d + modulus - c) with (d + 1 * modulus) by lia. rewrite Nat.mod_add by lia. now apply Nat.mod_small.
    - replace (c + d - modulus + modulus - c) with d by lia. now apply Nat.mod_small.
  Qed.

  (* Why m < k: with as many slots as cursor values a full ring could not be told from an empty one. *)
  Lemma spare_bit_needed c : c < modulus -> sub (add c modulus) c = 0.
  Proof.
    intros C. unfold sub, add. replace (c + modulus) with (c + 1 * modulus) by lia.
    rewrite Nat.mod_add by lia. rewrite (Nat.mod_small c) by exact C.
    replace (c + modulus - c) with (1 * modulus) by lia. apply Nat.mod_mul. lia.
  Qed.

  (* At least one bit more in a cursor than in a slot index; `spare_bit_needed` says why. *)
  Hypothesis spare : m < k.

  Lemma slots_fit : slot_count < modulus.
  Proof. apply Nat.pow_lt_mono_r; lia. Qed.

  (* The wrap-around of a cursor does not disturb the index: slots divide the modulus. *)
  Lemma index_add c i : index (add c i) = (c + i) mod slot_count.
  Proof.
    rewrite index_mod. unfold add.
    pose proof slot_count_positive as P. pose proof modulus_positive as Q.
    assert (D : modulus = slot_count * 2 ^ (k - m))
      by (unfold modulus, slot_count; rewrite <- Nat.pow_add_r; f_equal; lia).
    pose proof (Nat.div_mod (c + i) modulus ltac:(lia)) as E.
    set (laps := (c + i) / modulus) in E. set (rest := (c + i) mod modulus) in *.
    replace (c + i) with (rest + 2 ^ (k - m) * laps * slot_count) by (rewrite E, D; lia).
    rewrite Nat.mod_add by lia. reflexivity.
  Qed.

  Lemma sub_count d : d <= slot_count -> sub slot_count d = slot_count - d.
  Proof.
    intros B. unfold sub. pose proof slots_fit.
    replace (slot_count + modulus - d) with (slot_count - d + 1 * modulus) by lia.
    rewrite Nat.mod_add by lia. apply Nat.mod_small. lia.
  Qed.

  (* Two places of one ring-load are different slots. *)
  Lemma index_distinct c i j : i < j -> j < i + slot_count -> index (add c i) <> index (add c j).
  Proof.
    rewrite !index_add. intros L U E. pose proof slot_count_positive as P.
    pose proof (Nat.div_mod (c + i) slot_count ltac:(lia)) as I.
    pose proof (Nat.div_mod (c + j) slot_count ltac:(lia)) as J.
    rewrite E in I. set (a := (c + i) / slot_count) in I. set (b := (c + j) / slot_count) in J.
    destruct (le_lt_dec b a) as [G | G].
    - pose proof (Nat.mul_le_mono_l b a slot_count G). lia.
    - pose proof (Nat.mul_le_mono_l (S a) b slot_count G). lia.
  Qed.

  (* ---- The ring refines the sequence ---- *)

  (* The ring holds the sequence q: slots [tail, head) contain it, in order. Of other slots nothing is said. *)
  Definition holds (r : ring) (q : list A) : Prop :=
    tail r < modulus /\ head r = add (tail r) (length q) /\ length q <= slot_count /\
    forall i, i < length q -> nth_error q i = Some (read r i).

  Lemma holds_available r q : holds r q -> available r = length q.
  Proof.
    intros (T & H & L & _). unfold available. rewrite H. apply sub_add; [exact T |].
    pose proof slots_fit. lia.
  Qed.

  Lemma holds_free r q : holds r q -> free r = slot_count - length q.
  Proof. intros H. unfold free. rewrite (holds_available _ _ H). apply sub_count, H. Qed.

  (* The sequence is determined by the ring. *)
  Lemma holds_contents r q : holds r q -> q = map (read r) (seq 0 (available r)).
  Proof.
    intros H. rewrite (holds_available _ _ H). destruct H as (_ & _ & _ & S).
    apply same_elements. intros i. destruct (le_lt_dec (length q) i) as [G | G].
    - rewrite !(proj2 (nth_error_None _ _)); rewrite ?map_length, ?seq_length; auto.
    - rewrite (S i G). symmetry. erewrite map_nth_error; [reflexivity |].
      rewrite nth_error_nth' with (d := 0) by now rewrite seq_length. now rewrite seq_nth.
  Qed.

  Lemma holds_empty c garbage : c < modulus -> holds (empty_at c garbage) [].
  Proof.
    intros C. repeat split; simpl; [exact C | now rewrite add_zero | lia | lia].
  Qed.

  (* Several writes behind the head, and then one publication. *)
  Fixpoint write_all (r : ring) (i : nat) (xs : list A) : ring :=
    match xs with
    | [] => r
    | x :: rest => write_all (write r i x) (S i) rest
    end.

  Lemma write_all_cursors xs : forall r i, head (write_all r i xs) = head r /\ tail (write_all r i xs) = tail r.
  Proof.
    induction xs as [| x xs IH]; simpl; intros r i; [auto |]. destruct (IH (write r i x) (S i)) as [-> ->]. auto.
  Qed.

  (* Writes leave alone every slot but those from head + i to head + i + length xs. *)
  Lemma write_all_elsewhere xs : forall r i s,
    (forall j, j < length xs -> s <> index (add (head r) (i + j))) -> slots (write_all r i xs) s = slots r s.
  Proof.
    induction xs as [| x xs IH]; simpl; intros r i s N; [reflexivity |].
    rewrite IH.
    - simpl. destruct (Nat.eqb_spec s (index (add (head r) i))) as [E |]; [| reflexivity].
      exfalso. apply (N 0); [lia |]. now rewrite Nat.add_0_r.
    - simpl. intros j J. rewrite <- Nat.add_succ_r. apply N. lia.
  Qed.

  Lemma write_all_written xs : forall r i j x,
    length xs <= slot_count -> nth_error xs j = Some x ->
    slots (write_all r i xs) (index (add (head r) (i + j))) = x.
  Proof.
    induction xs as [| y xs IH]; intros r i j x L N; [now destruct j |]. simpl in *. destruct j as [| j]; simpl in N.
    - injection N as ->. rewrite write_all_elsewhere.
      + simpl. now rewrite Nat.add_0_r, Nat.eqb_refl.
      + simpl. intros j J. apply index_distinct; lia.
    - replace (i + S j) with (S i + j) by lia. apply (IH (write r i y) (S i)); [lia | exact N].
  Qed.

  Lemma holds_publish r q xs :
    holds r q -> length q + length xs <= slot_count ->
    holds (publish (write_all r 0 xs) (length xs)) (q ++ xs).
  Proof.
    intros (T & H & L & S) F. destruct (write_all_cursors xs r 0) as [EH ET].
    unfold holds, read. simpl. rewrite EH, ET, app_length. repeat split; auto.
    - rewrite H. apply add_add.
    - intros i I. destruct (le_lt_dec (length q) i) as [G | G].
      + rewrite nth_error_app2 by exact G.
        destruct (nth_error xs (i - length q)) as [x |] eqn:N; [| apply nth_error_None in N; lia].
        f_equal. symmetry.
        replace (add (tail r) i) with (add (head r) (0 + (i - length q)))
          by (rewrite H, add_add; f_equal; lia).
        apply write_all_written; [lia | exact N].
      + rewrite nth_error_app1 by exact G. rewrite (S i G). f_equal. unfold read. symmetry.
        apply write_all_elsewhere. intros j J. rewrite H, add_add. apply index_distinct; lia.
  Qed.

  Lemma holds_give_back r q count :
    holds r q -> count <= length q -> holds (give_back r count) (skipn count q).
  Proof.
    intros (T & H & L & S) C. unfold holds, read. simpl. rewrite skipn_length. repeat split.
    - apply add_bounded.
    - rewrite add_add, H. f_equal. lia.
    - lia.
    - intros i I. rewrite add_add.
      replace (nth_error (skipn count q) i) with (nth_error q (count + i)); [apply S; lia |].
      rewrite <- (firstn_skipn count q) at 1. rewrite nth_error_app2 by (rewrite firstn_length; lia).
      f_equal. rewrite firstn_length. lia.
  Qed.

  (* I4: every step of the ring is the step of the bounded sequence, with the same answer. *)
  Lemma step_refines r q c :
    holds r q ->
    snd (ring_step r c) = snd (step slot_count q c) /\ holds (fst (ring_step r c)) (fst (step slot_count q c)).
  Proof.
    intros H. destruct c as [x |]; simpl.
    - rewrite (holds_free _ _ H). unfold enqueue.
      destruct (Nat.ltb_spec 0 (slot_count - length q)), (Nat.ltb_spec (length q) slot_count); try lia; simpl;
        [| auto].
      split; [reflexivity |]. apply (holds_publish r q [x] H). simpl. lia.
    - rewrite (holds_available _ _ H). destruct q as [| x q]; simpl; [auto |].
      destruct H as (T & E & L & S). pose proof (S 0 ltac:(simpl; lia)) as N. simpl in N. injection N as N.
      split; [now rewrite N |]. apply (holds_give_back r (x :: q) 1); [now repeat split | simpl; lia].
  Qed.

  Lemma run_refines calls : forall r q,
    holds r q ->
    snd (ring_run r calls) = snd (run slot_count q calls) /\
    holds (fst (ring_run r calls)) (fst (run slot_count q calls)).
  Proof.
    induction calls as [| c calls IH]; simpl; intros r q H; [auto |].
    pose proof (step_refines r q c H) as [E H'].
    destruct (ring_step r c) as [r1 a], (step slot_count q c) as [q1 b]. simpl in E, H'. subst b.
    pose proof (IH r1 q1 H') as [E' H''].
    destruct (ring_run r1 calls) as [r2 answers], (run slot_count q1 calls) as [q2 answers']. simpl in *.
    split; [now rewrite E' | exact H''].
  Qed.

  (* I4, the ring refines sequences: wherever the cursors start and whatever the slots contain, every history of calls gets
     from the ring the answers that it gets from the empty sequence of capacity 2^m. The cursors may wrap any number of
     times; nothing depends on what the slots outside [tail, head) contain. *)
  Theorem ring_refines_sequence c garbage calls :
    c < modulus -> snd (ring_run (empty_at c garbage) calls) = snd (run slot_count [] calls).
  Proof. intros C. apply run_refines, holds_empty, C. Qed.

  (* I3 for the ring: what it accepted is, in order, what it gave out and then what lies in its slots. *)
  Theorem ring_order c garbage calls r answers :
    c < modulus -> ring_run (empty_at c garbage) calls = (r, answers) ->
    accepted answers = taken answers ++ map (read r) (seq 0 (available r)).
  Proof.
    intros C E. destruct (run_refines calls _ _ (holds_empty c garbage C)) as [F H]. rewrite E in F, H. simpl in F, H.
    rewrite <- (holds_contents _ _ H). apply (fifo_order slot_count calls). rewrite F. now destruct (run _ _ _).
  Qed.

  (* I4, bound: never more than 2^m buffers in the ring. *)
  Theorem ring_bounded c garbage calls :
    c < modulus -> available (fst (ring_run (empty_at c garbage) calls)) <= slot_count.
  Proof.
    intros C. destruct (run_refines calls _ _ (holds_empty c garbage C)) as [_ H].
    rewrite (holds_available _ _ H). apply H.
  Qed.

  Lemma run_fills xs : forall q : list A,
    length q + length xs <= slot_count -> run slot_count q (map Enqueue xs) = (q ++ xs, map Accepted xs).
  Proof.
    induction xs as [| x xs IH]; simpl; intros q L; [now rewrite app_nil_r |].
    unfold enqueue. destruct (Nat.ltb_spec (length q) slot_count); [| lia].
    rewrite IH by (rewrite app_length; simpl; lia). now rewrite <- app_assoc.
  Qed.

  (* Full capacity: all 2^m slots are of use. From empty, 2^m buffers are accepted, wherever the cursors stand. (The
     published ring held one.) *)
  Theorem full_capacity c garbage xs :
    c < modulus -> length xs = slot_count ->
    snd (ring_run (empty_at c garbage) (map Enqueue xs)) = map Accepted xs.
  Proof.
    intros C L. rewrite ring_refines_sequence by exact C. rewrite run_fills; [reflexivity |]. simpl. lia.
  Qed.

  (* ---- Slots outside [tail, head) are never read ---- *)

  (* Same cursors, same slots in [tail, head); the others may differ. *)
  Definition same_inside (r s : ring) : Prop :=
    head r = head s /\ tail r = tail s /\ forall i, i < available r -> read r i = read s i.

  (* A dequeue cannot tell two rings apart that differ in slots outside [tail, head) only. *)
  Theorem dequeue_reads_inside r s :
    same_inside r s ->
    snd (ring_step r Dequeue) = snd (ring_step s Dequeue) /\
    head (fst (ring_step r Dequeue)) = head (fst (ring_step s Dequeue)) /\
    tail (fst (ring_step r Dequeue)) = tail (fst (ring_step s Dequeue)).
  Proof.
    intros (H & T & S). simpl. assert (E : available s = available r) by (unfold available; now rewrite H, T).
    rewrite E. destruct (Nat.ltb_spec 0 (available r)) as [L |]; simpl; [| auto]. now rewrite (S 0 L), H, T.
  Qed.

  (* The slots [tail, head) are defined: what a dequeue takes is what an enqueue of this history put in. *)
  Theorem taken_was_accepted c garbage calls x :
    c < modulus -> In x (taken (snd (ring_run (empty_at c garbage) calls))) ->
    In x (accepted (snd (ring_run (empty_at c garbage) calls))).
  Proof.
    intros C I. destruct (ring_run (empty_at c garbage) calls) as [r answers] eqn:E. simpl in *.
    rewrite (ring_order _ _ _ _ _ C E). apply in_app_iff. auto.
  Qed.
End Ring.

Arguments ring A : clear implicits.

(* The shipped ring: cursors of 32 bits, 2 to 2^30 slots (RingQueue.pair checks this). *)
Theorem shipped_ring_refines_sequence {A} m c (garbage : nat -> A) calls :
  m <= 30 -> c < modulus 32 ->
  snd (ring_run 32 m (empty_at c garbage) calls) = snd (run (slot_count m) [] calls).
Proof. intros B C. apply ring_refines_sequence; [lia | exact C]. Qed.
