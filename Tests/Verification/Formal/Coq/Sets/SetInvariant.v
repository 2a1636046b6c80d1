(* What holds in every reachable state of the set model: the four sets are a partition of K, the buffers that an agent has
   share no byte, lie in bounds and name only what it owns, and generations only grow. One lemma for each operation, then
   reachable_good for all of them. The theorems of Sets.v follow from it, and those of Sequences.v. *)

From Coq Require Import List Arith Bool Lia Permutation.
From CleanQ Require Export Partition Reshaping.
Import ListNotations.

Record good (s : state) : Prop := {
  conserved : covers (registered (base s)) (set_at s);
  exclusive : disjoint (set_at s);
  held_once : forall a, NoDup (all_bytes (held (base s) a));
  held_owned : forall a x, In x (all_bytes (held (base s) a)) -> own (base s) a x = true;
  held_in_bounds : forall a b, In b (held (base s) a) -> in_bounds (base s) b = true;
  counted : forall i e, table (base s) i = Some e -> entry_generation e <= latest (base s) i
}.

Lemma good_initial : good initial.
Proof.
  split; simpl; try discriminate; try tauto; intros.
  - intros x. split; [intros [] | intros [[a | a] H]; discriminate].
  - intros [a | a] q x H; discriminate.
  - apply NoDup_nil.
Qed.

Lemma in_bounds_bytes l b x : in_bounds l b = true -> In x (bytes b) -> registered l x.
Proof.
  unfold in_bounds, registered, bytes. intros B I. apply in_range in I. destruct I as [-> I].
  destruct (size_of l (home b)); [| discriminate].
  rewrite !andb_true_iff, !Nat.leb_le in B. lia.
Qed.

Lemma in_bounds_first l b : in_bounds l b = true -> In (home b, offset b) (bytes b).
Proof.
  unfold in_bounds, bytes. destruct (size_of l (home b)); [| discriminate].
  rewrite !andb_true_iff, Nat.ltb_lt. intros [[Z _] _]. apply in_range. simpl. split; [reflexivity | lia].
Qed.

Lemma in_bounds_ext l l' b : size_of l' (home b) = size_of l (home b) -> in_bounds l' b = in_bounds l b.
Proof. unfold in_bounds. now intros ->. Qed.

(* Old held buffers may give way to new ones that name no other bytes. *)
Lemma good_exchange s a old new l :
  good s ->
  incl (all_bytes new) (all_bytes old) -> (NoDup (all_bytes old) -> NoDup (all_bytes new)) ->
  (forall b, In b new -> (forall c, In c old -> in_bounds (base s) c = true) -> in_bounds (base s) b = true) ->
  exchange (base s) a old new = (l, Done) -> good {| base := l; transit := transit s |}.
Proof.
  intros G I N B. unfold exchange.
  destruct (take_all old (held (base s) a)) as [bs |] eqn:T; [| discriminate]. intros E. injection E as <-.
  apply take_all_permutes in T.
  pose proof (all_bytes_permutes _ _ T) as P. rewrite all_bytes_app in P.
  pose proof (Permutation_NoDup P (held_once _ G a)) as D. apply nodup_app in D. destruct D as (D1 & D2 & D3).
  destruct G as [C X H1 H2 H3 K]. split; simpl; auto.
  - intros b. unfold at_agent. destruct (agent_dec a b) as [<- |]; [| auto].
    rewrite all_bytes_app. apply nodup_app. repeat split; auto.
  - intros b x. unfold at_agent. destruct (agent_dec a b) as [<- |]; [| auto].
    rewrite all_bytes_app, in_app_iff. intros J. apply H2, (Permutation_in _ (Permutation_sym P)), in_app_iff.
    destruct J; auto.
  - intros b c. unfold at_agent. destruct (agent_dec a b) as [<- |]; [| apply H3].
    rewrite in_app_iff.
    assert (forall d, In d (old ++ bs) -> in_bounds (base s) d = true)
      by (intros d J; apply (H3 a), (Permutation_in _ (Permutation_sym T)), J).
    intros [J | J].
    + apply (B c J). intros d L. apply H, in_app_iff. auto.
    + apply H, in_app_iff. auto.
Qed.

Lemma size_of_register l a r count l' r' :
  register l a r count = (l', Done) -> size_of l' r' = if region_dec r' r then Some count else size_of l r'.
Proof.
  unfold register. destruct (table l (slot r)) eqn:T; [discriminate |].
  destruct (_ <=? _); [discriminate |]. intros E. injection E as <-.
  unfold size_of, at_slot; simpl. destruct (region_dec r' r) as [-> | N].
  - destruct (Nat.eq_dec (slot r) (slot r)); [simpl | congruence].
    destruct (Nat.eq_dec (generation r) (generation r)); congruence.
  - destruct (Nat.eq_dec (slot r) (slot r')) as [S |]; [simpl | reflexivity]. rewrite <- S, T.
    destruct (Nat.eq_dec (generation r) (generation r')); [| reflexivity].
    destruct N, r, r'; simpl in *; congruence.
Qed.

Lemma good_register s a r count l :
  good s -> register (base s) a r count = (l, Done) -> good {| base := l; transit := transit s |}.
Proof.
  intros G E.
  pose proof (fun r' => size_of_register _ _ _ _ _ r' E) as S.
  unfold register in E. destruct (table (base s) (slot r)) eqn:T; [discriminate |].
  destruct (Nat.leb_spec (generation r) (latest (base s) (slot r))) as [| F]; [discriminate |].
  injection E as E.
  assert (N : size_of (base s) r = None) by (unfold size_of; now rewrite T).
  destruct G as [C X H1 H2 H3 K].
  edestruct (partition_grow _ (registered l) _ (set_at {| base := l; transit := transit s |}) (Owned a) (range r 0 count) C X)
    as [C' X'].
  - intros x I. apply in_range in I. destruct I as [<- _]. unfold registered. now rewrite N.
  - intros x. unfold registered. rewrite S, in_range. destruct (region_dec (fst x) r) as [-> | D].
    + rewrite N. simpl. intuition lia.
    + intuition congruence.
  - intros x. subst l. simpl. now rewrite at_agent_same.
  - intros [b | b] x D; subst l; simpl; [rewrite at_agent_other by congruence |]; reflexivity.
  - split; simpl; auto.
    + subst l. exact H1.
    + intros b x J. subst l. simpl in *. unfold at_agent. destruct (agent_dec a b) as [<- |]; [| auto].
      apply plus_in. auto.
    + intros b c J. assert (B : in_bounds (base s) c = true) by (subst l; eauto).
      rewrite <- B. apply in_bounds_ext. rewrite S. destruct (region_dec (home c) r) as [D |]; [| reflexivity].
      unfold in_bounds in B. rewrite D, N in B. discriminate.
    + intros i e. subst l. simpl. unfold at_slot. destruct (Nat.eq_dec (slot r) i); [| apply K].
      intros J. injection J as <-. reflexivity.
Qed.

Lemma size_of_deregister l a r l' r' :
  deregister l a r = (l', Done) -> size_of l' r' = if region_dec r' r then None else size_of l r'.
Proof.
  unfold deregister. destruct (size_of l r) as [count |] eqn:Z; [| discriminate].
  destruct (negb _); [discriminate |]. destruct (_ <? _); [discriminate |]. intros E. injection E as <-.
  unfold size_of, at_slot in *; simpl. destruct (Nat.eq_dec (slot r) (slot r')) as [S | S].
  - destruct (region_dec r' r) as [| N]; [reflexivity |]. rewrite <- S.
    destruct (table l (slot r)) as [e |]; [| reflexivity].
    destruct (Nat.eq_dec (entry_generation e) (generation r)); [| discriminate].
    destruct (Nat.eq_dec (entry_generation e) (generation r')); [| reflexivity].
    destruct N, r, r'; simpl in *; congruence.
  - destruct (region_dec r' r); [congruence | reflexivity].
Qed.

Lemma elsewhere_zero l a r count :
  elsewhere l a r count = 0 -> forall x, In x (range r 0 count) -> own l a x = true.
Proof.
  unfold elsewhere. intros Z x I. destruct (own l a x) eqn:O; [reflexivity |].
  apply length_zero_iff_nil in Z.
  assert (F : In x (filter (fun x => negb (own l a x)) (range r 0 count))) by (apply filter_In; now rewrite O).
  now rewrite Z in F.
Qed.

Lemma in_filtered_bytes (keep : buffer -> bool) x bs :
  In x (all_bytes (filter keep bs)) -> In x (all_bytes bs).
Proof. rewrite !in_all_bytes. intros (b & I & J). apply filter_In in I. exists b. tauto. Qed.

Lemma nodup_filtered (keep : buffer -> bool) bs : NoDup (all_bytes bs) -> NoDup (all_bytes (filter keep bs)).
Proof.
  induction bs as [| b bs IH]; simpl; [auto |]. rewrite nodup_app. intros (B & R & D).
  destruct (keep b); [| auto]. simpl. apply nodup_app. repeat split; auto.
  intros x I J. exact (D x I (in_filtered_bytes _ _ _ J)).
Qed.

Lemma good_deregister s a r l :
  good s -> deregister (base s) a r = (l, Done) -> good {| base := l; transit := transit s |}.
Proof.
  intros G E.
  pose proof (fun r' => size_of_deregister _ _ _ _ r' E) as S.
  unfold deregister in E. destruct (size_of (base s) r) as [count |] eqn:Z; [| discriminate].
  destruct (negb _); [discriminate |]. destruct (Nat.ltb_spec 0 (elsewhere (base s) a r count)) as [| F]; [discriminate |].
  injection E as E. pose proof (elsewhere_zero _ _ _ _ (proj1 (Nat.le_0_r _) F)) as O.
  destruct G as [C X H1 H2 H3 K].
  edestruct (partition_shrink _ (registered l) _ (set_at {| base := l; transit := transit s |}) (Owned a) (range r 0 count) C X)
    as [C' X'].
  - exact O.
  - intros x. unfold registered. rewrite S, in_range. destruct (region_dec (fst x) r) as [-> | D].
    + rewrite Z. split; [tauto |]. intros [L N]. apply N. split; [reflexivity | lia].
    + intuition.
  - intros x. subst l. simpl. now rewrite at_agent_same.
  - intros [b | b] x D; subst l; simpl; [rewrite at_agent_other by congruence |]; reflexivity.
  - split; simpl; auto.
    + intros b. subst l. simpl. now apply nodup_filtered.
    + intros b x J. subst l. simpl in *. pose proof (H2 _ _ (in_filtered_bytes _ _ _ J)) as W.
      unfold at_agent. destruct (agent_dec a b) as [<- |]; [| exact W]. apply minus_in. split; [exact W |].
      apply in_all_bytes in J. destruct J as (c & J & I). apply filter_In in J. destruct J as [_ J].
      destruct (region_dec (home c) r); [discriminate |]. unfold bytes in I. rewrite in_range in *. intuition congruence.
    + intros b c J. subst l. simpl in J. apply filter_In in J. destruct J as [J D].
      rewrite (in_bounds_ext (base s)); [exact (H3 _ _ J) |]. rewrite S. now destruct (region_dec (home c) r).
    + intros i e. subst l. simpl. unfold at_slot. destruct (Nat.eq_dec (slot r) i); [discriminate | apply K].
Qed.

Lemma good_carve s a b l :
  good s -> carve (base s) a b = (l, Done) -> good {| base := l; transit := transit s |}.
Proof.
  unfold carve. intros G E. destruct (_ && _ && _) eqn:T; [| discriminate]. injection E as <-.
  rewrite !andb_true_iff, !forallb_forall in T. destruct T as [[B O] F].
  destruct G as [C X H1 H2 H3 K]. split; simpl; auto.
  - intros c. unfold at_agent. destruct (agent_dec a c) as [<- |]; [| auto]. simpl. apply nodup_app.
    repeat split; [apply nodup_range | auto |]. intros x I J. specialize (F x I).
    rewrite negb_true_iff, <- not_true_iff_false, mem_in in F. auto.
  - intros c x. unfold at_agent. destruct (agent_dec a c) as [<- |]; [| auto]. simpl. rewrite in_app_iff.
    intros [I | I]; auto.
  - intros c d. unfold at_agent. destruct (agent_dec a c) as [<- |]; [| apply H3]. simpl.
    intros [<- | I]; [exact B | apply (H3 _ _ I)].
Qed.

Lemma good_release s a b l :
  good s -> release (base s) a b = (l, Done) -> good {| base := l; transit := transit s |}.
Proof.
  unfold release. intros G E. destruct (is_registrar (base s) a (home b)).
  { eapply good_exchange; try exact E; try exact G; [intros x [] | intros _; apply NoDup_nil | intros c []]. }
  destruct (take_one b (held (base s) a)) as [bs |] eqn:T; [| discriminate]. injection E as <-.
  apply take_one_permutes in T.
  pose proof (all_bytes_permutes _ _ T) as P. simpl in P.
  pose proof (Permutation_NoDup P (held_once _ G a)) as D. apply nodup_app in D. destruct D as (D1 & D2 & D3).
  destruct G as [C X H1 H2 H3 K].
  assert (O : forall x, In x (bytes b ++ all_bytes bs) -> own (base s) a x = true)
    by (intros x I; apply H2, (Permutation_in _ (Permutation_sym P)), I).
  edestruct (partition_move _ _
      (set_at {| base := {| table := table (base s); latest := latest (base s);
                            own := at_agent (at_agent (own (base s)) a (minus (own (base s) a) (bytes b))) (other a)
                                     (plus (own (base s) (other a)) (bytes b));
                            held := at_agent (held (base s)) a bs |}; transit := transit s |})
      (Owned a) (Owned (other a)) (bytes b) C X) as [C' X'].
  - intros E. injection E as E. symmetry in E. exact (other_differs _ E).
  - intros x I. apply O, in_app_iff. auto.
  - intros x. simpl. rewrite at_agent_other by (intros E; symmetry in E; exact (other_differs _ E)).
    now rewrite at_agent_same.
  - intros x. simpl. now rewrite at_agent_same.
  - intros [c | c] x N N'; simpl; [| reflexivity]. rewrite !at_agent_other by congruence. reflexivity.
  - split; simpl; auto.
    + intros c. unfold at_agent. destruct (agent_dec a c) as [<- |]; auto.
    + intros c x I. unfold at_agent in I.
      assert (U : forall d, own (base s) d x = true -> ~ In x (bytes b) ->
                at_agent (at_agent (own (base s)) a (minus (own (base s) a) (bytes b))) (other a)
                  (plus (own (base s) (other a)) (bytes b)) d x = true).
      { intros d W J. unfold at_agent. destruct (agent_dec (other a) d) as [<- |]; [apply plus_in; auto |].
        destruct (agent_dec a d) as [<- |]; [apply minus_in; auto | exact W]. }
      destruct (agent_dec a c) as [<- | N].
      * apply U; [apply O, in_app_iff; auto |]. intros J. exact (D3 x J I).
      * apply U; [auto |]. intros J. pose proof (O x (proj2 (in_app_iff _ _ _) (or_introl J))) as W.
        pose proof (X (Owned a) (Owned c) x W (H2 _ _ I)) as V. congruence.
    + intros c d. unfold at_agent. destruct (agent_dec a c) as [<- |]; [| apply H3]. intros I.
      apply (H3 a), (Permutation_in _ (Permutation_sym T)). now right.
Qed.

Lemma parts_in_bounds l b position c :
  splittable b position = true -> in_bounds l b = true ->
  In c [left_part b position; right_part b position] -> in_bounds l c = true.
Proof.
  unfold splittable, in_bounds. rewrite andb_true_iff, !Nat.ltb_lt. intros [Z L] B.
  destruct (size_of l (home b)) as [n |] eqn:S; [| discriminate].
  rewrite !andb_true_iff, Nat.ltb_lt, !Nat.leb_le in B.
  intros [<- | [<- | []]]; simpl; rewrite S, !andb_true_iff, Nat.ltb_lt, !Nat.leb_le; lia.
Qed.

Lemma merged_in_bounds l b c :
  mergeable b c = true -> in_bounds l b = true -> in_bounds l c = true -> in_bounds l (merged b c) = true.
Proof.
  unfold mergeable, in_bounds. simpl. rewrite !andb_true_iff, !orb_true_iff, !Nat.eqb_eq. intros [[H O] T].
  destruct (region_dec (home b) (home c)) as [<- |]; [| discriminate].
  destruct (size_of l (home b)) as [n |]; [| discriminate].
  rewrite !andb_true_iff, !Nat.ltb_lt, !Nat.leb_le.
  destruct (Nat.eqb_spec (valid_size b) 0), (Nat.ltb_spec 0 (valid_size c)); simpl; lia.
Qed.

Lemma good_local s a o l r :
  good s -> local (base s) a o = (l, r) -> good {| base := l; transit := transit s |}.
Proof.
  intros G E. destruct r as [| why]; [| rewrite (local_failure _ _ _ _ _ E); now destruct s].
  destruct o as [q count | q | b | b | b position | b c]; simpl in E.
  - eapply good_register; eauto.
  - eapply good_deregister; eauto.
  - eapply good_carve; eauto.
  - eapply good_release; eauto.
  - destruct (splittable b position) eqn:S; [| discriminate].
    pose proof (split_bytes _ _ S) as P.
    assert (Q : all_bytes [left_part b position; right_part b position] = all_bytes [b])
      by (unfold all_bytes; simpl; now rewrite !app_nil_r).
    eapply good_exchange; try exact E; try exact G.
    + rewrite Q. apply incl_refl.
    + now rewrite Q.
    + intros c I H. eapply parts_in_bounds; eauto. apply H. now left.
  - destruct (mergeable b c) eqn:M; [| discriminate].
    assert (Q : all_bytes [merged b c] = all_bytes [b; c])
      by (unfold all_bytes; simpl; now rewrite !app_nil_r, (merge_bytes _ _ M)).
    eapply good_exchange; try exact E; try exact G.
    + rewrite Q. apply incl_refl.
    + now rewrite Q.
    + intros d [<- | []] H. apply merged_in_bounds; auto; apply H; simpl; auto.
Qed.

(* What a successful handoff means. *)
Lemma hand_over_done l a run l' :
  hand_over l a run = (l', Done) ->
  is_run run = true /\ (forall b, In b run -> in_bounds l b = true) /\
  exists bs, Permutation (held l a) (run ++ bs) /\
    l' = {| table := table l; latest := latest l;
            own := at_agent (own l) a (minus (own l a) (all_bytes run));
            held := at_agent (held l) a bs |}.
Proof.
  unfold hand_over. destruct (is_run run); simpl; [| discriminate].
  destruct (forallb (in_bounds l) run) eqn:B; simpl; [| discriminate].
  destruct (take_all run (held l a)) as [bs |] eqn:T; [| discriminate].
  intros E. injection E as <-. repeat split.
  - now apply forallb_forall.
  - exists bs. split; [now apply take_all_permutes | reflexivity].
Qed.

Lemma good_enqueue s a run l :
  good s -> hand_over (base s) a run = (l, Done) ->
  good {| base := l; transit := at_agent (transit s) a (plus (transit s a) (all_bytes run)) |}.
Proof.
  intros G E. apply hand_over_done in E. destruct E as (_ & B & bs & P & ->).
  pose proof (all_bytes_permutes _ _ P) as Q. rewrite all_bytes_app in Q.
  destruct G as [C X H1 H2 H3 K].
  pose proof (Permutation_NoDup Q (H1 a)) as D. apply nodup_app in D. destruct D as (D1 & D2 & D3).
  assert (O : forall x, In x (all_bytes run ++ all_bytes bs) -> own (base s) a x = true)
    by (intros x I; apply H2, (Permutation_in _ (Permutation_sym Q)), I).
  edestruct (partition_move _ _
      (set_at {| base := {| table := table (base s); latest := latest (base s);
                            own := at_agent (own (base s)) a (minus (own (base s) a) (all_bytes run));
                            held := at_agent (held (base s)) a bs |};
                 transit := at_agent (transit s) a (plus (transit s a) (all_bytes run)) |})
      (Owned a) (InFlight a) (all_bytes run) C X) as [C' X'].
  - discriminate.
  - intros x I. apply O, in_app_iff. auto.
  - intros x. simpl. now rewrite at_agent_same.
  - intros x. simpl. now rewrite at_agent_same.
  - intros [b | b] x N N'; simpl; rewrite at_agent_other by congruence; reflexivity.
  - split; simpl; auto.
    + intros b. unfold at_agent. destruct (agent_dec a b) as [<- |]; auto.
    + intros b x. unfold at_agent. destruct (agent_dec a b) as [<- |]; [| auto]. intros I. apply minus_in. split.
      * apply O, in_app_iff. auto.
      * intros J. exact (D3 x J I).
    + intros b c. unfold at_agent. destruct (agent_dec a b) as [<- |]; [| apply H3]. intros I.
      apply (H3 a), (Permutation_in _ (Permutation_sym P)), in_app_iff. auto.
Qed.

Lemma good_dequeue s a b :
  good s -> in_bounds (base s) b = true -> (forall x, In x (bytes b) -> transit s (other a) x = true) ->
  good {| base := take_over (base s) a b;
          transit := at_agent (transit s) (other a) (minus (transit s (other a)) (bytes b)) |}.
Proof.
  intros [C X H1 H2 H3 K] B T.
  edestruct (partition_move _ _
      (set_at {| base := take_over (base s) a b;
                 transit := at_agent (transit s) (other a) (minus (transit s (other a)) (bytes b)) |})
      (InFlight (other a)) (Owned a) (bytes b) C X) as [C' X'].
  - discriminate.
  - exact T.
  - intros x. simpl. now rewrite at_agent_same.
  - intros x. simpl. now rewrite at_agent_same.
  - intros [c | c] x N N'; simpl; rewrite at_agent_other by congruence; reflexivity.
  - split; simpl; auto.
    + intros c. unfold at_agent. destruct (agent_dec a c) as [<- |]; [| auto]. simpl. apply nodup_app.
      repeat split; [apply nodup_range | auto |]. intros x I J.
      discriminate (X (InFlight (other a)) (Owned a) x (T x I) (H2 a x J)).
    + intros c x. unfold at_agent. destruct (agent_dec a c) as [<- |]; [| auto]. simpl. rewrite in_app_iff.
      intros [I | I]; apply plus_in; auto.
    + intros c d. unfold at_agent. destruct (agent_dec a c) as [<- |]; [| apply H3]. simpl.
      intros [<- | I]; [exact B | apply (H3 _ _ I)].
Qed.

Lemma good_apply s o : good s -> good (fst (apply s o)).
Proof.
  intros G. destruct o as [a o | a run | a b]; simpl.
  - destruct (local (base s) a o) as [l r] eqn:E. simpl. eapply good_local; eauto.
  - destruct (hand_over (base s) a run) as [l [|]] eqn:E; simpl; [now apply good_enqueue | exact G].
  - destruct (_ && _) eqn:E; simpl; [| exact G].
    rewrite andb_true_iff, forallb_forall in E. now apply good_dequeue.
Qed.

Theorem reachable_good s : reachable s -> good s.
Proof. induction 1; [apply good_initial | now apply good_apply]. Qed.
