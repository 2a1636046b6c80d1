(* What the contract promises, for every reachable state of the set model: I1 and I2, what each operation moves, and that an
   id which was deregistered is refused for ever. All of it follows from SetInvariant.v; Sequences.v takes it on. *)

From Coq Require Import List Arith Bool Lia Permutation.
From CleanQ Require Export SetInvariant.
Import ListNotations.

(* ---- The theorems ---- *)

(* I1, conservation: in every reachable state the union of the four sets is K, the bytes of the registered regions. *)
Theorem conservation s x :
  reachable s ->
  (registered (base s) x <->
   own (base s) X x = true \/ own (base s) Y x = true \/ transit s X x = true \/ transit s Y x = true).
Proof.
  intros R. rewrite (conserved _ (reachable_good _ R) x). split.
  - intros [[[|] | [|]] H]; auto.
  - intros [H | [H | [H | H]]]; [exists (Owned X) | exists (Owned Y) | exists (InFlight X) | exists (InFlight Y)]; exact H.
Qed.

(* I2, exclusion: in every reachable state no byte is in two of the four sets. *)
Theorem exclusion s p q x : reachable s -> set_at s p x = true -> set_at s q x = true -> p = q.
Proof. intros R. apply (exclusive _ (reachable_good _ R)). Qed.

(* The buffers that an agent has share no byte with each other, lie in bounds, and name only bytes that it owns; with
   `exclusion`, no byte of them is with the other agent or in flight. This is what makes Buffer's access sound. *)
Theorem buffers_exclusive s a :
  reachable s ->
  NoDup (all_bytes (held (base s) a)) /\
  (forall b, In b (held (base s) a) ->
     in_bounds (base s) b = true /\ forall x, In x (bytes b) -> own (base s) a x = true).
Proof.
  intros R. apply reachable_good in R. split; [apply (held_once _ R) |]. intros b I. split.
  - apply (held_in_bounds _ R a b I).
  - intros x J. apply (held_owned _ R), in_all_bytes. eauto.
Qed.

(* An operation that fails changes nothing. *)
Theorem failure_changes_nothing s o s' why : apply s o = (s', Failed why) -> s' = s.
Proof.
  destruct o as [a o | a run | a b]; simpl.
  - destruct (local (base s) a o) as [l r] eqn:E. intros H. injection H as <- ->.
    rewrite (local_failure _ _ _ _ _ E). now destruct s.
  - destruct (hand_over (base s) a run) as [l [|]]; intros H; now injection H.
  - destruct (_ && _); intros H; now injection H.
Qed.

(* Enqueue: the run that was handed over was one whole packet of buffers in bounds, all its bytes were in S_a, and all of
   them are now in T_a and no longer in S_a; the bytes of no other buffer have moved. *)
Theorem enqueue_moves s a run s' :
  reachable s -> apply s (Enqueue a run) = (s', Done) ->
  is_run run = true /\
  (forall x, In x (all_bytes run) ->
     own (base s) a x = true /\ own (base s') a x = false /\ transit s' a x = true) /\
  (forall p x, ~ In x (all_bytes run) -> set_at s' p x = set_at s p x).
Proof.
  intros R. simpl. destruct (hand_over (base s) a run) as [l [|]] eqn:E; [| discriminate].
  intros H. injection H as <-. apply hand_over_done in E. destruct E as (W & _ & bs & P & ->).
  repeat split; simpl.
  - exact W.
  - apply (held_owned _ (reachable_good _ R)), in_all_bytes. apply in_all_bytes in H. destruct H as (b & I & J).
    exists b. split; [apply (Permutation_in _ (Permutation_sym P)), in_app_iff |]; auto.
  - rewrite at_agent_same. apply not_true_iff_false. rewrite minus_in. tauto.
  - rewrite at_agent_same. apply plus_in. auto.
  - intros [c | c] x N; simpl; unfold at_agent; destruct (agent_dec a c) as [<- |]; try reflexivity;
      apply eq_true_iff_eq; rewrite ?minus_in, ?plus_in; tauto.
Qed.

(* Dequeue: the bytes of the buffer were handed over by the other agent, and are now in S_a. *)
Theorem dequeue_moves s a b s' x :
  apply s (Dequeue a b) = (s', Done) -> In x (bytes b) ->
  transit s (other a) x = true /\ transit s' (other a) x = false /\ own (base s') a x = true.
Proof.
  simpl. destruct (_ && _) eqn:E; [| discriminate]. rewrite andb_true_iff, forallb_forall in E.
  intros H I. injection H as <-. simpl. rewrite !at_agent_same. repeat split.
  - now apply E.
  - apply not_true_iff_false. rewrite minus_in. tauto.
  - apply plus_in. auto.
Qed.

(* Split, merge and carve move no byte: the four sets are what they were. *)
Theorem reshaping_moves_nothing s a o s' r p x :
  match o with Register _ _ | Deregister _ | Release _ => False | _ => True end ->
  apply s (Local a o) = (s', r) -> set_at s' p x = set_at s p x.
Proof.
  assert (X : forall l old new l' r, exchange l a old new = (l', r) -> own l' = own l)
    by (unfold exchange; intros l old new l' r'; destruct (take_all _ _); intros E; now injection E as <- <-).
  simpl. destruct (local (base s) a o) as [l r'] eqn:E. intros S H. injection H as <- <-.
  enough (O : own l = own (base s)) by (destruct p; simpl; now rewrite ?O).
  destruct o as [q count | q | b | b | b position | b c]; simpl in *; try tauto.
  - unfold carve in E. destruct (_ && _ && _); now injection E as <- <-.
  - destruct (splittable b position); [eauto | now injection E as <- <-].
  - destruct (mergeable b c); [eauto | now injection E as <- <-].
Qed.

(* Release: a buffer that comes home is its region's registrar's, whichever side brings it; no other byte moves. *)
Theorem release_comes_home s a b s' :
  reachable s -> apply s (Local a (Release b)) = (s', Done) ->
  (exists o, is_registrar (base s) o (home b) = true /\ forall x, In x (bytes b) -> own (base s') o x = true) /\
  (forall p x, ~ In x (bytes b) -> set_at s' p x = set_at s p x) /\
  exists bs, Permutation (held (base s) a) (b :: bs) /\ held (base s') = at_agent (held (base s)) a bs.
Proof.
  intros R. apply reachable_good in R. simpl. destruct (release (base s) a b) as [l o] eqn:E. intros H. injection H as <- ->.
  unfold release, exchange in E. simpl.
  destruct (take_one b (held (base s) a)) as [bs |] eqn:T.
  2: destruct (is_registrar (base s) a (home b)); simpl in E; rewrite ?T in E; discriminate E.
  pose proof (take_one_permutes _ _ _ T) as P.
  assert (I : In b (held (base s) a)) by (apply (Permutation_in _ (Permutation_sym P)); now left).
  assert (O : forall x, In x (bytes b) -> own (base s) a x = true)
    by (intros x J; apply (held_owned _ R), in_all_bytes; eauto).
  destruct (is_registrar (base s) a (home b)) eqn:Q.
  - simpl in E. rewrite T in E. injection E as <-. simpl. split; [eauto |]. split; [intros [c | c] x N; reflexivity |]. eauto.
  - injection E as <-. simpl. split; [exists (other a); split | split].
    + pose proof (held_in_bounds _ R a b I) as B. unfold in_bounds, size_of in B. unfold is_registrar in *.
      destruct (table (base s) (slot (home b))) as [e |]; [| discriminate].
      destruct (agent_dec (entry_registrar e) a); [discriminate |].
      destruct (agent_dec (entry_registrar e) (other a)); [reflexivity |].
      destruct a, (entry_registrar e); simpl in *; congruence.
    + intros x J. rewrite at_agent_same. apply plus_in. auto.
    + intros [c | c] x N; simpl; [| reflexivity]. unfold at_agent.
      destruct (agent_dec (other a) c) as [<- |]; [| destruct (agent_dec a c) as [<- |]; [| reflexivity]];
        apply eq_true_iff_eq; rewrite ?plus_in, ?minus_in; tauto.
    + eauto.
Qed.

(* Deregister succeeds only for who registered the region, and where every byte of it is in S_a; else, if the region is registered, its error names
   how many are not, and each of these is in one of the other three sets. *)
Theorem deregister_done s a r s' count :
  apply s (Local a (Deregister r)) = (s', Done) -> size_of (base s) r = Some count ->
  is_registrar (base s) a r = true /\ forall x, In x (range r 0 count) -> own (base s) a x = true.
Proof.
  simpl. unfold deregister. intros H Z. rewrite Z in H. destruct (is_registrar _ _ _); [| discriminate]. simpl in H.
  split; [reflexivity |].
  destruct (Nat.ltb_spec 0 (elsewhere (base s) a r count)); [discriminate |]. apply elsewhere_zero. lia.
Qed.

Theorem deregister_reports s a r s' n :
  reachable s -> apply s (Local a (Deregister r)) = (s', Failed (Elsewhere n)) ->
  exists l, n = length l /\ NoDup l /\
    forall x, In x l <-> (fst x = r /\ exists p, p <> Owned a /\ set_at s p x = true).
Proof.
  intros R. apply reachable_good in R. simpl. unfold deregister.
  destruct (size_of (base s) r) as [count |] eqn:Z; [| discriminate]. destruct (negb _); [discriminate |].
  destruct (0 <? _); [| discriminate]. intros H. injection H as _ <-.
  exists (filter (fun x => negb (own (base s) a x)) (range r 0 count)). repeat split.
  - apply NoDup_filter, nodup_range.
  - apply filter_In in H. destruct H as [H _]. now apply in_range in H.
  - apply filter_In in H. destruct H as [H N]. apply in_range in H.
    assert (K : registered (base s) x) by (unfold registered; destruct H as [-> H]; rewrite Z; lia).
    apply (conserved _ R) in K. destruct K as [p K]. exists p. split; [| exact K].
    intros ->. simpl in K. now rewrite K in N.
  - intros [<- (p & N & S)]. apply filter_In. split.
    + apply in_range. split; [reflexivity |].
      assert (K : registered (base s) x) by (apply (conserved _ R); eauto).
      unfold registered in K. rewrite Z in K. lia.
    + apply negb_true_iff, not_true_iff_false. intros O. apply N. exact (exclusive _ R p (Owned a) x S O).
Qed.

(* Descriptor.fault(regionByteCount:) compares by subtraction, which cannot overflow where the sum can; it asks the same
   question as `in_bounds`. *)
Theorem fault_agrees l b n :
  size_of l (home b) = Some n ->
  in_bounds l b =
    negb ((size b =? 0) || (n <? offset b) || (n - offset b <? size b)
          || (size b <? valid_offset b) || (size b - valid_offset b <? valid_size b)).
Proof.
  unfold in_bounds. intros ->. apply eq_true_iff_eq.
  rewrite negb_true_iff, !orb_false_iff, !andb_true_iff, Nat.eqb_neq, !Nat.ltb_ge, Nat.ltb_lt, !Nat.leb_le. lia.
Qed.

(* ---- Ids ---- *)

(* An id is retired when its slot has had that generation or a later one, and it is not registered now. *)
Definition retired (l : ledger) (r : region) : Prop :=
  generation r <= latest l (slot r) /\ size_of l r = None.

Inductive later (s : state) : state -> Prop :=
| later_same : later s s
| later_apply t o : later s t -> later s (fst (apply t o)).

Lemma deregister_retires s a r s' :
  reachable s -> apply s (Local a (Deregister r)) = (s', Done) -> retired (base s') r.
Proof.
  intros R. apply reachable_good in R. simpl. destruct (deregister (base s) a r) as [l o] eqn:E.
  intros H. injection H as <- ->. simpl. split.
  - unfold deregister, size_of in E. destruct (table (base s) (slot r)) as [e |] eqn:T; [| discriminate].
    destruct (Nat.eq_dec (entry_generation e) (generation r)) as [<- |]; [| discriminate].
    destruct (negb _); [discriminate |]. destruct (_ <? _); [discriminate |]. injection E as <-. simpl. apply (counted _ R _ _ T).
  - rewrite (size_of_deregister _ _ _ _ r E). now destruct (region_dec r r).
Qed.

Lemma retired_local l a o l' r : retired l r -> local l a o = (l', Done) -> retired l' r.
Proof.
  intros [G N] E.
  assert (K : forall l1, table l1 = table l -> latest l1 = latest l -> retired l1 r)
    by (intros l1 T L; unfold retired, size_of; now rewrite T, L).
  assert (X : forall old new, exchange l a old new = (l', Done) -> retired l' r).
  { unfold exchange. intros old new F. destruct (take_all _ _); [| discriminate]. injection F as <-. now apply K. }
  destruct o as [q count | q | b | b | b position | b c]; simpl in E; eauto.
  - pose proof (size_of_register _ _ _ _ _ r E) as S. unfold register in E.
    destruct (table l (slot q)); [discriminate |].
    destruct (Nat.leb_spec (generation q) (latest l (slot q))); [discriminate |].
    unfold retired. rewrite S. destruct (region_dec r q) as [-> |]; [lia |]. split; [| exact N].
    injection E as <-. simpl. unfold at_slot. destruct (Nat.eq_dec (slot q) (slot r)) as [T |]; [| exact G].
    rewrite <- T in G. lia.
  - unfold retired. rewrite (size_of_deregister _ _ _ _ r E). split; [| now destruct (region_dec r q)].
    unfold deregister in E. destruct (size_of l q); [| discriminate]. destruct (negb _); [discriminate |].
    destruct (_ <? _); [discriminate |]. injection E as <-. exact G.
  - unfold carve in E. destruct (_ && _ && _); [| discriminate]. injection E as <-. now apply K.
  - unfold release in E. destruct (is_registrar l a (home b)); [eauto |].
    destruct (take_one _ _); [| discriminate]. injection E as <-. now apply K.
  - destruct (splittable b position); [eauto | discriminate].
  - destruct (mergeable b c); [eauto | discriminate].
Qed.

Lemma retired_apply s o r : retired (base s) r -> retired (base (fst (apply s o))) r.
Proof.
  intros D. destruct o as [a o | a run | a b]; simpl.
  - destruct (local (base s) a o) as [l [| why]] eqn:E; simpl.
    + eapply retired_local; eauto.
    + now rewrite (local_failure _ _ _ _ _ E).
  - destruct (hand_over (base s) a run) as [l [|]] eqn:E; simpl; [| exact D].
    apply hand_over_done in E. destruct E as (_ & _ & bs & _ & ->). exact D.
  - destruct (_ && _); exact D.
Qed.

(* A retired id never comes back: after a successful deregister, whatever happens, the id is not registered, so that no
   byte and no buffer of it is accepted. RegionID.generation, RegionTable.contains. *)
Theorem retired_for_ever s a r s' t :
  reachable s -> apply s (Local a (Deregister r)) = (s', Done) -> later s' t ->
  size_of (base t) r = None /\ (forall b, home b = r -> in_bounds (base t) b = false).
Proof.
  intros R E L. assert (D : retired (base t) r)
    by (induction L; [eapply deregister_retires; eauto | now apply retired_apply]).
  split; [apply D |]. intros b <-. unfold in_bounds. destruct D as [_ ->]. reflexivity.
Qed.

(* RegionTable.insert: two registered regions never share a slot of the table. *)
Theorem slots_unshared l r q m n :
  size_of l r = Some m -> size_of l q = Some n -> slot r = slot q -> r = q.
Proof.
  unfold size_of. intros R Q S. rewrite <- S in Q. destruct (table l (slot r)) as [e |]; [| discriminate].
  destruct (Nat.eq_dec (entry_generation e) (generation r)), (Nat.eq_dec (entry_generation e) (generation q));
    try discriminate.
  destruct r, q; simpl in *; congruence.
Qed.
