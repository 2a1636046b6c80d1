(* The packed ring's positions and wrap marks, of chains of any length, for a device that keeps to the standard.

   Driver and device each keep a position below the size and a wrap mark that turns round with each lap (nextAvailable and
   turnBits, nextUsed and usedWrap). Proved: they are what counters without end would say (advance_place), and the driver takes
   the descriptor at its position for used exactly when the device has used something that was not passed yet
   (used_exactly_when_used): neither what the driver wrote itself, nor what is left of the lap before, nor memory that was never
   written is taken for it. Transcribed: PackedRing.write, nextUsed, pass. What a device that lies can do is Ids.v's and
   Chains.v's matter: they take any answer. *)

From Coq Require Import List Arith Bool Lia.
Import ListNotations.

Section PackedRing.
  Variable size : nat.
  Hypothesis positive : 0 < size.

  Definition cursor : Type := nat * bool.

  (* PackedRing.pass; `write` is the same for one descriptor. *)
  Definition advance (c : cursor) (n : nat) : cursor :=
    let p := fst c + n in if size <=? p then (p - size, negb (snd c)) else (p, snd c).

  (* Where a counter without end is. *)
  Definition lap (t : nat) : bool := Nat.even (t / size).
  Definition place (t : nat) : cursor := (t mod size, lap t).

  (* VIRTQ_DESC_F_AVAIL and VIRTQ_DESC_F_USED of one descriptor. *)
  Record marks := { available : bool; used : bool }.
  Definition by_driver (w : bool) : marks := {| available := w; used := negb w |}.
  Definition by_device (w : bool) : marks := {| available := w; used := w |}.
  Definition blank : marks := {| available := false; used := false |}.

  (* PackedRing.nextUsed: the marks at the driver's position, in the driver's lap. *)
  Definition looks_used (w : bool) (m : marks) : bool := eqb (used m) w && eqb (available m) w.

  (* The ring, and how many descriptors the driver has written, the device has used, and the driver has passed; with the lengths of
     the chains that are used and not passed. The device marks the first descriptor of a chain's worth of them. *)
  Record state := { ring : nat -> marks; written : nat; done : nat; passed : nat; pending : list nat }.

  Definition put (f : nat -> marks) (t : nat) (m : marks) (p : nat) : marks := if Nat.eq_dec (t mod size) p then m else f p.

  Inductive reachable : state -> Prop :=
  | reachable_initial : reachable {| ring := fun _ => blank; written := 0; done := 0; passed := 0; pending := [] |}
  | reachable_write s :
      reachable s -> written s < passed s + size ->
      reachable {| ring := put (ring s) (written s) (by_driver (lap (written s))); written := S (written s); done := done s;
                   passed := passed s; pending := pending s |}
  | reachable_use s n :
      reachable s -> 0 < n -> done s + n <= written s ->
      reachable {| ring := put (ring s) (done s) (by_device (lap (done s))); written := written s; done := done s + n;
                   passed := passed s; pending := pending s ++ [n] |}
  | reachable_pass s n rest :
      reachable s -> pending s = n :: rest ->
      reachable {| ring := ring s; written := written s; done := done s; passed := passed s + n; pending := rest |}.

  Theorem advance_place t n : n <= size -> advance (place t) n = place (t + n).
  Proof.
    intros L. unfold advance, place, lap. simpl.
    pose proof (Nat.div_mod t size ltac:(lia)) as E. pose proof (Nat.mod_upper_bound t size ltac:(lia)) as B.
    destruct (Nat.leb_spec size (t mod size + n)) as [C | C].
    - rewrite <- (Nat.div_unique (t + n) size (S (t / size)) (t mod size + n - size)) by lia.
      rewrite <- (Nat.mod_unique (t + n) size (S (t / size)) (t mod size + n - size)) by lia.
      now rewrite Nat.even_succ, <- Nat.negb_even.
    - rewrite <- (Nat.div_unique (t + n) size (t / size) (t mod size + n)) by lia.
      now rewrite <- (Nat.mod_unique (t + n) size (t / size) (t mod size + n)) by lia.
  Qed.

  (* Less than a lap apart, two places differ; a lap apart, the mark turns. *)
  Lemma places_differ t v : t < v < t + size -> t mod size <> v mod size.
  Proof.
    intros L E. pose proof (Nat.div_mod t size ltac:(lia)). pose proof (Nat.div_mod v size ltac:(lia)).
    rewrite E in *. assert (t / size < v / size) by nia. nia.
  Qed.

  Lemma lap_turns t : lap (t + size) = negb (lap t).
  Proof.
    unfold lap. replace (t + size) with (t + 1 * size) by lia. rewrite Nat.div_add by lia.
    now rewrite Nat.add_1_r, Nat.even_succ, <- Nat.negb_even.
  Qed.

  Lemma put_same f t m : put f t m (t mod size) = m.
  Proof. unfold put. now destruct (Nat.eq_dec (t mod size) (t mod size)). Qed.

  Lemma put_other f t m p : t mod size <> p -> put f t m p = f p.
  Proof. unfold put. destruct (Nat.eq_dec (t mod size) p); congruence. Qed.

  (* The first descriptors of the chains that are used and not passed. *)
  Fixpoint heads (t : nat) (ns : list nat) : list nat :=
    match ns with [] => [] | n :: rest => t :: heads (t + n) rest end.

  Lemma heads_app ns : forall t n, heads t (ns ++ [n]) = heads t ns ++ [t + list_sum ns].
  Proof.
    induction ns as [| m ns IH]; intros t n; simpl; [now rewrite Nat.add_0_r |]. rewrite IH, Nat.add_assoc. reflexivity.
  Qed.

  Lemma heads_range ns : forall t h, Forall (fun n => 0 < n) ns -> In h (heads t ns) -> t <= h < t + list_sum ns.
  Proof.
    induction ns as [| n ns IH]; intros t h F I; [destruct I |]. inversion F; subst. simpl in *.
    destruct I as [<- | I]; [lia |]. specialize (IH _ _ ltac:(assumption) I). lia.
  Qed.

  Record sound (s : state) : Prop := {
    lengths : Forall (fun n => 0 < n) (pending s);
    counters : passed s + list_sum (pending s) = done s /\ done s <= written s <= passed s + size;
    (* The last lap: what the driver wrote, and what the device may have written over it. *)
    driver's : forall t, done s <= t < written s -> written s <= t + size -> ring s (t mod size) = by_driver (lap t);
    either's : forall t, t < written s <= t + size ->
      ring s (t mod size) = by_driver (lap t) \/ ring s (t mod size) = by_device (lap t);
    device's : forall h, In h (heads (passed s) (pending s)) -> ring s (h mod size) = by_device (lap h);
    untouched : forall p, written s <= p < size -> ring s p = blank
  }.

  Lemma sound_reachable s : reachable s -> sound s.
  Proof.
    induction 1 as [| s R S L | s n R S P L | s n rest R S E].
    - split; simpl; [constructor | lia | intros; lia | intros; lia | tauto | reflexivity].
    - destruct S as [F [C1 C2] D E V U]. split; simpl; auto; [lia | | | |].
      + intros t [T1 T2] T3. destruct (Nat.eq_dec t (written s)) as [-> | N]; [apply put_same |].
        rewrite put_other by (intros Q; symmetry in Q; revert Q; apply places_differ; lia). apply D; lia.
      + intros t [T1 T2]. destruct (Nat.eq_dec t (written s)) as [-> | N]; [left; apply put_same |].
        rewrite put_other by (intros Q; symmetry in Q; revert Q; apply places_differ; lia). apply E; lia.
      + intros h I. pose proof (heads_range _ _ _ F I).
        rewrite put_other by (intros Q; symmetry in Q; revert Q; apply places_differ; lia). now apply V.
      + intros p T. rewrite put_other by (rewrite Nat.mod_small by lia; lia). apply U. lia.
    - destruct S as [F [C1 C2] D E V U]. split; simpl.
      + apply Forall_app. auto.
      + rewrite list_sum_app. simpl. lia.
      + intros t [T1 T2] T3. rewrite put_other by (apply places_differ; lia). apply D; lia.
      + intros t T. destruct (Nat.eq_dec t (done s)) as [-> | N]; [right; apply put_same |].
        rewrite put_other; [now apply E |]. destruct (le_lt_dec t (done s)).
        * intros Q. symmetry in Q. revert Q. apply places_differ. lia.
        * apply places_differ. lia.
      + intros h I. rewrite heads_app, C1 in I. apply in_app_iff in I. destruct I as [I | [<- | []]]; [| apply put_same].
        pose proof (heads_range _ _ _ F I).
        rewrite put_other by (intros Q; symmetry in Q; revert Q; apply places_differ; lia). now apply V.
      + intros p T. rewrite put_other by (rewrite Nat.mod_small by lia; lia). apply U. lia.
    - destruct S as [F [C1 C2] D E' V U]. rewrite E in *. simpl in *. inversion F; subst.
      split; simpl; auto. lia.
  Qed.

  (* What the driver sees at its position is what has happened: used, where the device has used a chain that was not passed, and
     not used else. *)
  Theorem used_exactly_when_used s :
    reachable s ->
    (looks_used (snd (place (passed s))) (ring s (fst (place (passed s)))) = true <-> pending s <> []).
  Proof.
    intros R. destruct (sound_reachable s R) as [F [C1 C2] D E V U]. simpl.
    assert (Driver : forall w v, looks_used w (by_driver v) = false) by (intros [|] [|]; reflexivity).
    assert (Device : forall w, looks_used w (by_device w) = true) by (intros [|]; reflexivity).
    assert (Before : forall w, looks_used (negb w) (by_device w) = false) by (intros [|]; reflexivity).
    destruct (pending s) as [| n rest] eqn:P; simpl in *.
    - enough (looks_used (lap (passed s)) (ring s (passed s mod size)) = false) as -> by (split; congruence).
      destruct (Nat.eq_dec (passed s) (written s)) as [W | W]; [| rewrite D by lia; apply Driver].
      destruct (le_lt_dec size (written s)) as [B | B].
      + assert (Q : passed s = passed s - size + size) by lia.
        assert (M : passed s mod size = (passed s - size) mod size).
        { rewrite Q at 1. replace (passed s - size + size) with (passed s - size + 1 * size) by lia. apply Nat.mod_add. lia. }
        rewrite M. rewrite Q at 1. rewrite lap_turns.
        destruct (E (passed s - size) ltac:(lia)) as [-> | ->]; [apply Driver | apply Before].
      + rewrite Nat.mod_small by lia. rewrite U by lia. unfold lap. rewrite Nat.div_small by lia. reflexivity.
    - rewrite V by now left. rewrite Device. split; [discriminate | reflexivity].
  Qed.
End PackedRing.

(* With two descriptors: two chains of one, two of the next lap, a chain of two; at the end something is used, and in the next
   lap. *)
Theorem packed_laps :
  exists s, reachable 2 s /\ passed s = 4 /\ pending s = [2] /\ place 2 (passed s) = (0, true).
Proof.
  assert (Two : forall s, reachable 2 s -> pending s = [] -> passed s = done s -> done s = written s ->
            exists s', reachable 2 s' /\ pending s' = [] /\ passed s' = S (passed s) /\ done s' = S (done s) /\ written s' = S (written s)).
  { intros s R P D W.
    pose proof (reachable_write 2 s R ltac:(lia)) as Rw.
    pose proof (reachable_use 2 _ 1 Rw ltac:(lia) ltac:(simpl; lia)) as Ru.
    pose proof (reachable_pass 2 _ 1 [] Ru ltac:(simpl; now rewrite P)) as Rp.
    eexists. split; [exact Rp |]. simpl. repeat split; lia. }
  destruct (Two _ (reachable_initial 2) eq_refl eq_refl eq_refl) as (s1 & R1 & P1 & U1 & D1 & W1).
  destruct (Two _ R1 P1 ltac:(simpl in *; lia) ltac:(simpl in *; lia)) as (s2 & R2 & P2 & U2 & D2 & W2).
  destruct (Two _ R2 P2 ltac:(simpl in *; lia) ltac:(simpl in *; lia)) as (s3 & R3 & P3 & U3 & D3 & W3).
  destruct (Two _ R3 P3 ltac:(simpl in *; lia) ltac:(simpl in *; lia)) as (s4 & R4 & P4 & U4 & D4 & W4).
  simpl in *.
  pose proof (reachable_write 2 _ R4 ltac:(lia)) as Ra.
  pose proof (reachable_write 2 _ Ra ltac:(simpl; lia)) as Rb.
  pose proof (reachable_use 2 _ 2 Rb ltac:(lia) ltac:(simpl; lia)) as Rc.
  eexists. split; [exact Rc |]. simpl. rewrite P4. replace (passed s4) with 4 by lia. auto.
Qed.
