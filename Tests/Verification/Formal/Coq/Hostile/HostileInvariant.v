(** * One call of dequeue, and what every step keeps, whatever the peer writes

    What a call moves and which words it fetches [dequeue_runs]: each at most once [fetched_once], so many and no more
    [bounded], of slots of the ring alone [fetched_inside]. Then the invariant, I1 and I2 for what we can observe, and that
    every step keeps it [reachable_invariant]. The theorems of [Hostile] rest on it. *)

From Coq Require Import ZArith List Lia Bool Permutation.
From CleanQ Require Export HostileModel.
Import ListNotations.
Open Scope Z_scope.

Ltac parts := repeat match goal with |- _ /\ _ => split end.

Section Our_side.

Context {us : our_side}.
Let n_positive : 0 < n := n_positive.
Let n_divides : (n | 2 ^ 32) := n_divides.

(** *** The invariant: I1 and I2 for what we can observe *)

Record invariant (s : state) : Prop := Invariant {
  (** Each byte of K is owned or lent, once; no other byte is either. *)
  accounted : forall b, count (owned s) b + count (lent s) b = registered (table s) b;
  owned_nonempty : nonempty (owned s);
  lent_nonempty : nonempty (lent s);
  sizes_are_words : forall i, word 64 (entry_bytes (table s i));
  retired_dead : forall id, In id (retired s) -> lookup (table s) id = None;
  tail_is_word : word 32 (own_tail s)
}.

(** *** One call of dequeue *)

(** What a descriptor that is yielded has gone through, on the private copy. *)
Definition checked (t : Z -> entry) (d : descriptor) : Prop :=
  words d /\ exists bytes, lookup t (raw d) = Some bytes /\ fault_of d bytes = None.

(** From [s] to [s'], exactly [got] moved from lent to owned. *)
Record moved (s s' : state) (got : list descriptor) : Prop := Moved {
  same_table : table s' = table s;
  same_retired : retired s' = retired s;
  owned_gains : forall b, count (owned s') b = count (owned s) b + count (map extent_of got) b;
  lent_loses : forall b, count (lent s) b = count (lent s') b + count (map extent_of got) b;
  all_checked : Forall (checked (table s)) got;
  nothing_for_nothing : got = [] -> owned s' = owned s /\ lent s' = lent s;
  keeps_owned_nonempty : nonempty (owned s) -> nonempty (owned s');
  keeps_lent_nonempty : nonempty (lent s) -> nonempty (lent s');
  keeps_tail_word : word 32 (own_tail s) -> word 32 (own_tail s')
}.

Lemma moved_nothing s s' : table s' = table s -> retired s' = retired s -> owned s' = owned s -> lent s' = lent s ->
  (word 32 (own_tail s) -> word 32 (own_tail s')) -> moved s s' [].
Proof.
  intros Ht Hr Ho Hl Hw. split; simpl; intros; rewrite ?Ht, ?Hr, ?Ho, ?Hl; auto; lia.
Qed.

Lemma moved_twice s s1 s2 got1 got2 : moved s s1 got1 -> moved s1 s2 got2 -> moved s s2 (got1 ++ got2).
Proof.
  intros [T1 R1 O1 L1 C1 N1 P1 Q1 W1] [T2 R2 O2 L2 C2 N2 P2 Q2 W2].
  split; try congruence; intros; rewrite ?map_app, ?count_app; auto.
  - rewrite O2, O1. lia.
  - rewrite L1, L2. lia.
  - rewrite T1 in C2. apply Forall_app. auto.
  - apply app_eq_nil in H as [-> ->]. destruct (N1 eq_refl), (N2 eq_refl). split; congruence.
Qed.

Lemma fault_none_size d bytes : words d -> fault_of d bytes = None -> 0 < byte_count d.
Proof.
  unfold fault_of, words, word. destruct (Z.eqb_spec (byte_count d) 0); [ discriminate | ]. lia.
Qed.

Lemma accept_moved s d : words d -> moved s (fst (accept s d)) (snd (accept s d)).
Proof.
  intros Hd. unfold accept. destruct (verdict s d) as [f | others] eqn:V; simpl.
  - apply moved_nothing; auto. intros _. apply (cut_word 32). lia.
  - unfold verdict in V. destruct (lookup (table s) (raw d)) as [bytes | ] eqn:L; [ | discriminate ].
    destruct (fault_of d bytes) eqn:E; [ discriminate | ].
    destruct (take (extent_of d) (lent s)) as [others' | ] eqn:T; [ | discriminate ].
    destruct (further d (lent s)); [ | discriminate ]. injection V as ->.
    pose proof (fault_none_size _ _ Hd E) as Hsize.
    split; simpl; auto.
    + intros b. lia.
    + intros b. rewrite (take_exact (extent_of d) (lent s) others) by (simpl; lia || assumption). lia.
    + repeat constructor; try apply Hd. eauto.
    + discriminate.
    + intros H. constructor; [ simpl; lia | assumption ].
    + intros H. eapply take_nonempty; eassumption.
    + intros _. apply (cut_word 32). lia.
Qed.

Lemma accept_tail s d : own_tail (fst (accept s d)) = cut 32 (own_tail s + 1).
Proof. unfold accept. destruct (verdict s d); reflexivity. Qed.

Lemma accept_at_most_one s d : (length (snd (accept s d)) <= 1)%nat.
Proof. unfold accept. destruct (verdict s d); simpl; lia. Qed.

(** The words of [k] slots from cursor [t] on. *)
Fixpoint slot_words (t : Z) (k : nat) : list address :=
  match k with
  | O => []
  | S r => map (Slot (t mod n)) all_fields ++ slot_words (cut 32 (t + 1)) r
  end.

Lemma take_slots_runs env k : forall now s got, exists s' new,
  execute env now (take_slots k s got) = ((s', got ++ new), slot_words (own_tail s) k)
  /\ moved s s' new /\ (length new <= k)%nat.
Proof.
  induction k as [ | k IH ]; intros now s got.
  - exists s, []. simpl. rewrite app_nil_r. parts; auto. apply moved_nothing; auto.
  - simpl take_slots.
    destruct (execute_fetch_descriptor env now (own_tail s mod n)
                (fun d => let (s', new) := accept s d in take_slots k s' (got ++ new))) as (d & Hd & E).
    pose proof (accept_moved s d Hd) as Hm. pose proof (accept_tail s d) as Ht.
    pose proof (accept_at_most_one s d) as Hone. destruct (accept s d) as [s1 new1] eqn:A. simpl in Hm, Ht, Hone.
    destruct (IH (6 + now)%nat s1 (got ++ new1)) as (s2 & new2 & E2 & Hm2 & Hlen).
    exists s2, (new1 ++ new2). rewrite E, E2. cbn [fst snd slot_words]. rewrite Ht, <- app_assoc. parts.
    + reflexivity.
    + eapply moved_twice; eassumption.
    + rewrite app_length. lia.
Qed.

Lemma dequeue_runs env now s room : exists s' got k,
  execute env now (dequeue s room) = ((s', got), Head_cursor :: slot_words (own_tail s) k)
  /\ moved s s' got /\ (length got <= k)%nat /\ (k <= Z.to_nat n)%nat /\ (k <= Z.to_nat room)%nat.
Proof.
  unfold dequeue. cbn [execute width]. set (h := cut 32 (env now Head_cursor)). simpl.
  destruct (Z.ltb_spec n (sub 32 h (own_tail s))).
  - exists (count_rejection s), [], O. simpl. parts; try lia; try reflexivity. apply moved_nothing; auto.
  - destruct (take_slots_runs env (Z.to_nat (Z.min (sub 32 h (own_tail s)) room)) (S now) s [])
      as (s' & got & E & Hm & Hl).
    exists s', got, (Z.to_nat (Z.min (sub 32 h (own_tail s)) room)). rewrite E. simpl.
    split; [ reflexivity | ]. split; [ assumption | ]. split; [ assumption | ]. lia.
Qed.

(** *** Fetched once, bounded *)

Lemma mod_of_cut x : (x mod 2 ^ 32) mod n = x mod n.
Proof.
  destruct n_divides as [q Hq]. rewrite Hq at 1. rewrite (Z.mul_comm q n).
  assert (0 < q) by nia. rewrite Z.rem_mul_r by lia.
  rewrite (Z.mul_comm n), Z.mod_add by lia. apply Z.mod_mod. lia.
Qed.

Lemma slot_words_in k : forall t a, In a (slot_words t k) ->
  exists j f, 0 <= j < Z.of_nat k /\ a = Slot ((t + j) mod n) f.
Proof.
  induction k as [ | k IH ]; intros t a; [ simpl; tauto | ]. cbn [slot_words]. rewrite in_app_iff.
  intros [ Hin | Hin ].
  - apply in_map_iff in Hin as (f & <- & _). exists 0, f. rewrite Z.add_0_r. split; [ lia | reflexivity ].
  - apply IH in Hin as (j & f & Hj & ->). exists (j + 1), f. split; [ lia | ]. f_equal. unfold cut.
    rewrite <- (mod_of_cut (_ + j)), Zplus_mod_idemp_l, mod_of_cut. f_equal. lia.
Qed.

Lemma mod_injective a b : a <= b < a + n -> a mod n = b mod n -> a = b.
Proof.
  intros Hab E. assert (n <> 0) as H by lia. pose proof (Z.div_mod a n H). pose proof (Z.div_mod b n H).
  assert (b / n = a / n) by nia. nia.
Qed.

Lemma NoDup_app {A} (l m : list A) : NoDup l -> NoDup m -> (forall x, In x l -> ~ In x m) -> NoDup (l ++ m).
Proof.
  induction 1 as [ | x l Hx Hl IH ]; simpl; intros Hm Hd; [ assumption | ]. constructor.
  - rewrite in_app_iff. intros [ ? | ? ]; [ tauto | ]. exact (Hd x (or_introl eq_refl) H).
  - apply IH; auto.
Qed.

Lemma slot_words_once k : forall t, Z.of_nat k <= n -> NoDup (slot_words t k).
Proof.
  induction k as [ | k IH ]; intros t Hk; [ constructor | ]. cbn [slot_words]. apply NoDup_app.
  - repeat constructor; simpl; intuition discriminate.
  - apply IH. lia.
  - intros a Ha Hin. apply in_map_iff in Ha as (f & <- & _). apply slot_words_in in Hin as (j & g & Hj & E).
    injection E as E _. unfold cut in E.
    rewrite <- (mod_of_cut (_ + j)), Zplus_mod_idemp_l, mod_of_cut in E.
    apply mod_injective in E; lia.
Qed.

Lemma slot_words_length k : forall t, length (slot_words t k) = (6 * k)%nat.
Proof. induction k as [ | k IH ]; intros t; [ reflexivity | ]. cbn [slot_words]. rewrite app_length, IH. simpl. lia. Qed.

(** No shared word is looked at twice in a call: what was checked is what is used. *)
Theorem fetched_once env now s room : NoDup (snd (execute env now (dequeue s room))).
Proof.
  destruct (dequeue_runs env now s room) as (s' & got & k & E & _ & _ & Hk & _). rewrite E. simpl. constructor.
  - intros Hin. apply slot_words_in in Hin as (j & f & _ & E'). discriminate.
  - apply slot_words_once. lia.
Qed.

(** However much the peer claims to have sent: the work of a call and what it yields are bounded by the ring and by what
    the caller asked for. *)
Theorem bounded env now s room :
  (length (snd (execute env now (dequeue s room))) <= 1 + 6 * Nat.min (Z.to_nat n) (Z.to_nat room))%nat
  /\ (length (snd (fst (execute env now (dequeue s room)))) <= Nat.min (Z.to_nat n) (Z.to_nat room))%nat.
Proof.
  destruct (dequeue_runs env now s room) as (s' & got & k & E & _ & Hlen & Hk & Hroom). rewrite E. simpl.
  rewrite slot_words_length. lia.
Qed.

(** Slots that are fetched are slots of the ring. *)
Theorem fetched_inside env now s room i f :
  In (Slot i f) (snd (execute env now (dequeue s room))) -> 0 <= i < n.
Proof.
  destruct (dequeue_runs env now s room) as (s' & got & k & E & _). rewrite E. simpl. intros [ H | H ]; [ discriminate | ].
  apply slot_words_in in H as (j & g & _ & E'). injection E' as -> _. apply Z.mod_pos_bound. lia.
Qed.

(** *** Every step keeps the invariant *)

Lemma registered_range t b : 0 <= registered t b <= 1.
Proof. unfold registered. destruct (lookup t (fst b)); [ apply b2z_range | lia ]. Qed.

Lemma moved_invariant s s' got : invariant s -> moved s s' got -> invariant s'.
Proof.
  intros [A O L S R T] [T1 R1 O1 L1 C1 N1 P1 Q1 W1]. split; auto.
  - intros b. rewrite T1, O1, <- A, L1. lia.
  - intros i. rewrite T1. apply S.
  - intros id. rewrite T1, R1. apply R.
Qed.

Lemma lookup_set_other t s e id : slot_of id <> s -> lookup (set_entry t s e) id = lookup t id.
Proof. intros H. unfold lookup, set_entry. destruct (Z.eqb_spec (slot_of id) s); [ contradiction | reflexivity ]. Qed.

Lemma lookup_set_same t id e : lookup (set_entry t (slot_of id) e) id =
  if (entry_id e =? id) && negb (base e =? 0) then Some (entry_bytes e) else None.
Proof. unfold lookup, set_entry. now rewrite Z.eqb_refl. Qed.

Lemma lookup_none t id : t (slot_of id) = no_entry -> lookup t id = None.
Proof. intros H. unfold lookup. rewrite H. simpl. now rewrite andb_false_r. Qed.

(** What another id finds in an entry that is one id's, or nobody's. *)
Lemma lookup_set_entry_other t id e other : other <> id -> (entry_id e = id \/ base e = 0) ->
  (forall x, lookup t x <> None -> slot_of x = slot_of id -> x = id) ->
  lookup (set_entry t (slot_of id) e) other = lookup t other.
Proof.
  intros Hne He Hsame. destruct (Z.eq_dec (slot_of other) (slot_of id)) as [ Eq | Hs ].
  - transitivity (@None Z).
    + unfold lookup, set_entry. rewrite Eq, Z.eqb_refl. destruct He as [ He | He ]; rewrite He.
      * destruct (Z.eqb_spec id other); [ congruence | reflexivity ].
      * now rewrite andb_false_r.
    + symmetry. destruct (lookup t other) eqn:L; [ | reflexivity ]. exfalso. apply Hne, Hsame; congruence.
  - now apply lookup_set_other.
Qed.

Lemma lookup_unique t id bytes x : lookup t id = Some bytes -> lookup t x <> None -> slot_of x = slot_of id -> x = id.
Proof.
  unfold lookup. intros H1 H2 E. rewrite E in H2.
  destruct (Z.eqb_spec (entry_id (t (slot_of id))) id); [ | discriminate ].
  destruct (Z.eqb_spec (entry_id (t (slot_of id))) x); [ congruence | ]. now destruct H2.
Qed.

Lemma count_filter id es b :
  count (filter (fun e => negb (region e =? id)) es) b = if fst b =? id then 0 else count es b.
Proof.
  induction es as [ | e es IH ]; simpl; [ now destruct (fst b =? id) | ].
  destruct (Z.eqb_spec (region e) id) as [ He | He ]; simpl; rewrite IH; unfold has;
    destruct (Z.eqb_spec (fst b) id); destruct (Z.eqb_spec (fst b) (region e)); simpl; lia.
Qed.

Lemma enqueue_runs env now s d : words d -> exists s' accepted,
  fst (execute env now (enqueue s d)) = (s', accepted)
  /\ table s' = table s /\ retired s' = retired s /\ own_tail s' = own_tail s
  /\ (accepted = false -> owned s' = owned s /\ lent s' = lent s)
  /\ (accepted = true -> lent s' = extent_of d :: lent s /\ take (extent_of d) (owned s) = Some (owned s')
        /\ checked (table s) d).
Proof.
  intros Hd. unfold enqueue. destruct (lookup (table s) (raw d)) as [bytes | ] eqn:L;
    [ | exists s, false; simpl; repeat split; auto; discriminate ].
  destruct (fault_of d bytes) eqn:E; [ exists s, false; simpl; repeat split; auto; discriminate | ].
  destruct (take (extent_of d) (owned s)) as [others | ] eqn:T;
    [ | exists s, false; simpl; repeat split; auto; discriminate ].
  cbn [execute width]. destruct (n <? sub 32 (own_head s) (cut 32 (env now Tail_cursor))).
  { exists (count_rejection s), false. simpl. repeat split; auto; discriminate. }
  destruct (sub 32 (own_head s) (cut 32 (env now Tail_cursor)) =? n).
  { exists s, false. simpl. repeat split; auto; discriminate. }
  eexists _, true. simpl. repeat split; try apply Hd; try discriminate. eauto.
Qed.

Lemma step_invariant s s' : invariant s -> step s s' -> invariant s'.
Proof.
  intros Hinv Hstep. destruct Hstep.
  - destruct (dequeue_runs env now s room) as (s' & got & k & E & Hm & _). rewrite E. simpl.
    eapply moved_invariant; eassumption.
  - destruct (enqueue_runs env now s d H) as (s' & accepted & E & T & R & W & Hno & Hyes). rewrite E. simpl.
    destruct Hinv as [A O L S Rd Tw]. destruct accepted.
    + destruct (Hyes eq_refl) as (El & Et & (_ & bytes & _ & Hf)).
      pose proof (fault_none_size _ _ H Hf) as Hsize.
      split; try rewrite T; try rewrite R; try rewrite W; auto.
      * intros b. rewrite El. simpl. rewrite <- A.
        rewrite (take_exact (extent_of d) (owned s) (owned s')) by (simpl; lia || assumption). lia.
      * eapply take_nonempty; eassumption.
      * rewrite El. constructor; [ simpl; lia | assumption ].
    + destruct (Hno eq_refl) as [Eo El].
      split; try rewrite T; try rewrite R; try rewrite W; try rewrite Eo; try rewrite El; auto.
  - destruct Hinv as [A O L S Rd Tw]. split; simpl; auto.
    + intros b. rewrite count_app, <- A. lia.
    + apply Forall_app. auto.
    + constructor.
  - rename H into Hid, H0 into Hmem, H1 into Hbytes, H2 into Hword, H3 into Hfree, H4 into Hnew.
    destruct Hinv as [A O L S Rd Tw].
    assert (Hsame : forall x, lookup (table s) x <> None -> slot_of x = slot_of id -> x = id).
    { intros x Hx E. exfalso. apply Hx, lookup_none. congruence. }
    split; simpl; auto.
    + intros b. unfold registered. destruct (Z.eq_dec (fst b) id) as [ E | Hne ].
      * specialize (A b). unfold registered in A. rewrite E in *. rewrite lookup_none in A by assumption.
        rewrite lookup_set_same. simpl. rewrite Z.eqb_refl. destruct (Z.eqb_spec memory 0); [ contradiction | ]. simpl.
        unfold has. simpl. rewrite E, Z.eqb_refl, Z.add_0_l. simpl. lia.
      * rewrite lookup_set_entry_other by auto. specialize (A b). unfold registered in A. rewrite <- A.
        unfold has. simpl. destruct (Z.eqb_spec (fst b) id); [ contradiction | ]. simpl. lia.
    + constructor; [ simpl; lia | assumption ].
    + intros i. unfold set_entry. destruct (i =? slot_of id); auto.
    + intros x Hx. rewrite lookup_set_entry_other; auto. congruence.
  - rename H into Hlive, H0 into Hhome. destruct Hinv as [A O L S Rd Tw].
    assert (Hsame : forall x, lookup (table s) x <> None -> slot_of x = slot_of id -> x = id).
    { intros x. eapply lookup_unique. eassumption. }
    assert (Hgone : lookup (set_entry (table s) (slot_of id) no_entry) id = None).
    { rewrite lookup_set_same. simpl. now rewrite andb_false_r. }
    split; simpl; auto.
    + intros b. rewrite count_filter. unfold registered. destruct (Z.eqb_spec (fst b) id) as [ E | Hne ].
      * rewrite E, Hgone, Hhome by assumption. lia.
      * rewrite lookup_set_entry_other by auto. apply A.
    + unfold nonempty in *. rewrite Forall_forall in *. intros e He. apply filter_In in He. now apply O.
    + intros i. unfold set_entry. destruct (i =? slot_of id); [ unfold word; simpl; lia | apply S ].
    + intros x [ <- | Hx ]; [ assumption | ]. destruct (Z.eq_dec x id) as [ -> | ]; [ assumption | ].
      rewrite lookup_set_entry_other; auto.
  - destruct Hinv as [A O L S Rd Tw]. split; simpl; auto. intros b. rewrite H0. apply A.
Qed.

Lemma initial_invariant : invariant initial.
Proof.
  split; simpl; try constructor; try tauto.
  - intros b. unfold registered. now rewrite lookup_none.
  - lia.
  - reflexivity.
  - lia.
  - reflexivity.
Qed.

Lemma steps_invariant s s' : steps s s' -> invariant s -> invariant s'.
Proof. induction 1; eauto using step_invariant. Qed.

Theorem reachable_invariant s : reachable s -> invariant s.
Proof. intros H. eapply steps_invariant; [ exact H | apply initial_invariant ]. Qed.

End Our_side.
