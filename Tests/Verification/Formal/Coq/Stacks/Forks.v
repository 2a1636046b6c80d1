(* What is proved of the model of a fork (ForkModel.v): it conforms at each of its interfaces, whatever may be lent to whom
   (fork_conforms); its accounts are exact (lent_is_held); a branch never holds more than its share, but for buffers that its
   user splits (share_kept), and one whose user has stopped gets no more (whoever_stops_holds_its_share). Mutants: without the
   check, and without the part that is kept for the branch's devices, it holds more (unchecked_exceeds, unreserved_exceeds).
   ForkOrder.v has the order of each way through a fork. *)

From Coq Require Import List Bool ZArith Lia.
From CleanQ Require Export ForkModel.
Import ListNotations.

(* ---- Conforming ---- *)

(* What is in the queues is what the ledger has inside; none is at two places; all are runs. *)
Record holds (q : queues) (w : ledger site) : Prop := {
  members : forall x, w x = Inside <-> exists p, In x (queued q p);
  once_each : forall p, NoDup (queued q p);
  one_queue : forall p p' x, In x (queued q p) -> In x (queued q p') -> p = p';
  all_runs : forall p r, In r (q p) -> is_run r = true
}.

Lemma bytes_alone bs : flat_map all_bytes (map alone bs) = all_bytes bs.
Proof.
  unfold all_bytes. induction bs as [| b bs IH]; [reflexivity |]. simpl. rewrite IH.
  now replace (bytes {| home := home b; offset := offset b; size := size b; valid_offset := valid_offset b;
                        valid_size := valid_size b; is_last := true |}) with (bytes b); [rewrite app_nil_r |].
Qed.

Lemma runs_alone bs r : In r (map alone bs) -> is_run r = true.
Proof. intros I. apply in_map_iff in I. now destruct I as (b & <- & _). Qed.

Lemma queued_changed q p rs p' :
  queued (change_queue p rs q) p' = if path_dec p' p then flat_map all_bytes rs else queued q p'.
Proof. unfold queued, change_queue. now destruct (path_dec p' p). Qed.

Lemma queued_append q p rs p' :
  queued (append p rs q) p' = if path_dec p' p then queued q p ++ flat_map all_bytes rs else queued q p'.
Proof. unfold append. rewrite queued_changed, flat_map_app. reflexivity. Qed.

Lemma put_in {S} l (v : place S) w x : In x l -> put l v w x = v.
Proof. unfold put. intros J. apply mem_in in J. now rewrite J. Qed.

Lemma put_out {S} l (v : place S) w x : ~ In x l -> put l v w x = w x.
Proof. unfold put. intros J. destruct (mem l x) eqn:E; [apply mem_in in E; tauto | reflexivity]. Qed.

Lemma holds_taken q w s p bs rs :
  holds q w -> NoDup bs -> all w bs (At s) -> flat_map all_bytes rs = bs -> (forall r, In r rs -> is_run r = true) ->
  holds (append p rs q) (put bs Inside w).
Proof.
  intros [M N O R] NB A <- RR. set (bs := flat_map all_bytes rs) in *.
  assert (F : forall x p', In x bs -> In x (queued q p') -> False).
  { intros x p' J K. assert (E : w x = Inside) by (apply M; eauto). rewrite (A _ J) in E. discriminate. }
  split.
  - intros x. destruct (in_dec byte_dec x bs) as [J | J].
    + rewrite put_in by assumption. split; [intros _ | auto]. exists p. rewrite queued_append.
      destruct (path_dec p p); [| easy]. apply in_app_iff. auto.
    + rewrite put_out, M by assumption. split; intros (p' & I); exists p'; rewrite queued_append in *;
        destruct (path_dec p' p) as [-> |]; rewrite ?in_app_iff in *; tauto.
  - intros p'. rewrite queued_append. destruct (path_dec p' p) as [-> |]; [| apply N]. apply nodup_app.
    repeat split; auto. intros x K J. eauto.
  - intros p1 p2 x. rewrite !queued_append. destruct (path_dec p1 p) as [-> |], (path_dec p2 p) as [-> |]; auto;
      rewrite ?in_app_iff; intros I1 I2; repeat match goal with H : _ \/ _ |- _ => destruct H end; eauto; exfalso; eauto.
  - intros p' r. unfold append, change_queue. destruct (path_dec p' p) as [-> |]; [| apply R]. rewrite in_app_iff.
    intros [I | I]; eauto.
Qed.

Lemma holds_given q w s p r rest :
  holds q w -> q p = r :: rest ->
  (is_run r = true /\ NoDup (all_bytes r) /\ all w (all_bytes r) Inside) /\
  holds (change_queue p rest q) (put (all_bytes r) (At s) w).
Proof.
  intros [M N O R] E.
  assert (Q : queued q p = all_bytes r ++ flat_map all_bytes rest) by (unfold queued; now rewrite E).
  pose proof (N p) as NP. rewrite Q in NP. apply nodup_app in NP. destruct NP as (N1 & N2 & D). split.
  - split; [apply (R p); rewrite E; now left |]. split; [exact N1 |]. intros x J. apply M. exists p. rewrite Q.
    apply in_app_iff. auto.
  - split.
    + intros x. destruct (in_dec byte_dec x (all_bytes r)) as [J | J].
      * rewrite put_in by assumption. split; [discriminate |]. intros (p' & I). exfalso. rewrite queued_changed in I.
        destruct (path_dec p' p) as [-> | X]; [exact (D _ J I) |]. apply X, (O p' p x I). rewrite Q. apply in_app_iff. auto.
      * rewrite put_out, M by assumption. split; intros (p' & I); exists p'; rewrite queued_changed in *;
          destruct (path_dec p' p) as [-> |]; try rewrite Q in *; rewrite ?in_app_iff in *; tauto.
    + intros p'. rewrite queued_changed. destruct (path_dec p' p); auto.
    + assert (S : forall p' x, In x (queued (change_queue p rest q) p') -> In x (queued q p')).
      { intros p' x. rewrite queued_changed. destruct (path_dec p' p) as [-> |]; [rewrite Q, in_app_iff |]; auto. }
      eauto.
    + intros p' r'. unfold change_queue. destruct (path_dec p' p) as [-> |]; [| apply R]. intros I. apply (R p). rewrite E.
      now right.
Qed.

(* Registration touches no byte that is inside. *)
Lemma holds_outside q w l v : holds q w -> (forall x, In x l -> w x <> Inside) -> v <> Inside -> holds q (put l v w).
Proof.
  intros [M N O R] A V. split; auto. intros x. destruct (in_dec byte_dec x l) as [J | J].
  - rewrite put_in, <- M by assumption. split; [easy |]. intros E. now apply A in J.
  - now rewrite put_out.
Qed.

(* A fork conforms at the interface below and at those of all its users, whatever it lends to whom. *)
Theorem fork_conforms capacity wanted may_lend : conforms (fork_port capacity wanted may_lend).
Proof.
  exists (fun s w => holds (ways s) w). split.
  { split; simpl.
    - intros x. split; [discriminate | intros (p & [])].
    - intros p. constructor.
    - intros p p' x [].
    - intros p r []. }
  intros s w e s' H (way & F). inversion F; subst; simpl in *; auto.
  (* Taken. *)
  all: try (intros (PR & PN & PA); split; [exact I |]).
  - eapply holds_taken; eauto; [apply app_nil_r | now intros r [<- | []]].
  - change (alone b :: map alone p) with (map alone (b :: p)). eapply holds_taken; eauto; [apply bytes_alone | apply runs_alone].
  - eapply holds_taken; eauto; [apply (bytes_alone [b]) | apply (runs_alone [b])].
  - eapply holds_taken; eauto; [apply (bytes_alone [b]) | apply (runs_alone [b])].
  - eapply holds_taken; eauto; [apply (bytes_alone [b]) | apply (runs_alone [b])].
  - eapply holds_taken; eauto; [apply (bytes_alone [b]) | apply (runs_alone [b])].
  - eapply holds_taken; eauto; [apply (bytes_alone [b]) | apply (runs_alone [b])].
  (* Given. *)
  - intros _. eapply holds_given; eauto.
  - intros _. eapply holds_given; eauto.
  - intros _. eapply holds_given; eauto.
  - intros _. eapply holds_given; eauto.
  - eapply holds_taken; eauto; [apply app_nil_r | now intros r [<- | []]].
  - intros P. split; [exact I |]. apply holds_outside; auto; [| discriminate]. intros x J. rewrite (P x J). discriminate.
  - intros P. split; [exact I |]. apply holds_outside; auto; [| discriminate]. intros x J. rewrite (P x J). discriminate.
Qed.

(* So does everything that is made of forks and of other modules that conform: here a module on one branch of a fork, which
   stands on another. *)
Corollary fork_in_tree capacity wanted may_lend {S T} (M : module S) (N : module T) m n i :
  conforms M -> conforms N ->
  conforms (join M (join (fork_port capacity wanted may_lend) N Below n) m (inl (User i))).
Proof. intros CM CN. apply joined_conforms; [exact CM |]. apply joined_conforms; [apply fork_conforms | exact CN]. Qed.

(* ---- Accounts and shares ---- *)

Lemma held_unnote l b i : note l b = Some i ->
  forall j, length (filter (fun e => snd e =? j) l) =
            length (filter (fun e => snd e =? j) (unnote l b)) + if i =? j then 1 else 0.
Proof.
  induction l as [| [c k] l IH]; [discriminate |]. simpl. destruct (extent_dec c b) as [-> | D].
  - intros [= ->] j. destruct (i =? j); simpl; lia.
  - intros E j. specialize (IH E j). simpl. destruct (k =? j); simpl; lia.
Qed.

Section Shares.
  Variables (capacity : nat) (limit wanted : nat -> nat).
  Hypothesis fits : forall i, wanted i <= limit i.

  (* For each branch: the account is exact; what it holds, with what is kept for its devices, is within the limit, but for what
     its user has split. *)
  Definition exact (k : books) : Prop := forall i, Z.of_nat (held k i) = (lent k i + actual k i)%Z.
  Definition within (k : books) : Prop := forall i,
    (lent k i + actual k i + Z.of_nat (to_prime k i) <= Z.of_nat (limit i) + Z.of_nat (splits k i))%Z /\
    (actual k i <= change k i + Z.of_nat (splits k i))%Z.

  Lemma set_same {A} (f : nat -> A) i a : set f i a i = a.
  Proof. unfold set. now rewrite Nat.eqb_refl. Qed.

  Lemma set_other {A} (f : nat -> A) i a j : j <> i -> set f i a j = f j.
  Proof. intros D. unfold set. now apply Nat.eqb_neq in D as ->. Qed.

  Lemma taken_back k b : exact k -> exact (take_back k b) /\
    (forall i, (lent (take_back k b) i <= lent k i)%Z) /\
    actual (take_back k b) = actual k /\ change (take_back k b) = change k /\ to_prime (take_back k b) = to_prime k /\
    splits (take_back k b) = splits k.
  Proof.
    intros E. unfold take_back. destruct (note (leases k) (bytes b)) as [i |] eqn:B; [| repeat split; auto; intros; lia].
    simpl. repeat split.
    - intros j. specialize (E j). unfold held in *. simpl in *. rewrite (held_unnote _ _ _ B j) in E.
      destruct (Nat.eq_dec j i) as [-> | D]; [rewrite set_same, Nat.eqb_refl in * | rewrite set_other by assumption;
        apply not_eq_sym, Nat.eqb_neq in D; rewrite D in *]; lia.
    - intros j. destruct (Nat.eq_dec j i) as [-> | D]; [rewrite set_same | rewrite set_other by assumption]; lia.
  Qed.

  Lemma within_less k k' : within k -> (forall i, (lent k' i <= lent k i)%Z) -> actual k' = actual k -> change k' = change k ->
    to_prime k' = to_prime k -> splits k' = splits k -> within k'.
  Proof. intros W L A C P S i. destruct (W i). specialize (L i). rewrite A, C, P, S. lia. Qed.

  Lemma all_taken_back bs : forall k, exact k -> within k ->
    exact (fold_left take_back bs k) /\ within (fold_left take_back bs k).
  Proof.
    induction bs as [| b bs IH]; intros k E W; [auto |]. simpl.
    destruct (taken_back k b E) as (E' & L & A & C & P & S). apply IH; [exact E' | exact (within_less _ _ W L A C P S)].
  Qed.

  Lemma all_settled i bs : forall k, exact k -> within k ->
    exact (fold_left (settle i) bs k) /\ within (fold_left (settle i) bs k).
  Proof.
    induction bs as [| b bs IH]; intros k E W; [auto |]. simpl. unfold settle at 2 4.
    destruct (note (leases k) (bytes b)) as [j |]; [| auto]. destruct (j =? i); [| auto].
    destruct (taken_back k b E) as (E' & L & A & C & P & S). apply IH; [exact E' | exact (within_less _ _ W L A C P S)].
  Qed.

  Lemma lends i bs : forall k, exact k ->
    exact (fold_left (lend i) bs k) /\
    (forall j, lent (fold_left (lend i) bs k) j = (lent k j + if Nat.eqb j i then Z.of_nat (length bs) else 0)%Z) /\
    actual (fold_left (lend i) bs k) = actual k /\ change (fold_left (lend i) bs k) = change k /\
    to_prime (fold_left (lend i) bs k) = to_prime k /\ splits (fold_left (lend i) bs k) = splits k.
  Proof.
    induction bs as [| b bs IH]; intros k E.
    - simpl. repeat split; auto. intros j. destruct (j =? i); lia.
    - simpl. destruct (IH (lend i k b)) as (E' & L & R).
      + intros j. specialize (E j). unfold held in *. simpl. destruct (Nat.eq_dec i j) as [-> | D].
        * rewrite Nat.eqb_refl, set_same. simpl. lia.
        * rewrite set_other by auto. apply Nat.eqb_neq in D. rewrite D. lia.
      + split; [exact E' |]. split; [| exact R]. intros j. rewrite L. simpl. unfold set. destruct (j =? i) eqn:D; [| lia].
        apply Nat.eqb_eq in D. subst. lia.
  Qed.

  Lemma kept_books s e way s' : forks capacity (lendable limit) s e way s' -> exact (account s) -> within (account s) ->
    exact (account s') /\ within (account s').
  Proof.
    intros F E W. inversion F; subst; simpl in *; auto.
    - destruct (all_taken_back (b :: p) k E W) as [E' W']. simpl in E', W'.
      set (k' := fold_left take_back p (take_back k b)) in *. destruct (lends i (b :: p) k' E') as (E2 & L & A & C & P & S).
      simpl in *. split; [exact E2 |]. intros j. destruct (W' j) as [W1 W2]. rewrite L, A, C, P, S.
      match goal with H : lendable _ _ _ _ |- _ => unfold lendable in H; simpl in H; rename H into Y end.
      destruct (Nat.eq_dec j i) as [-> | D]; [rewrite Nat.eqb_refl | apply Nat.eqb_neq in D; rewrite D]; lia.
    - exact (all_taken_back (b :: p) k E W).
    - exact (all_taken_back [b] k E W).
    - exact (all_taken_back [b] k E W).
    - destruct (lends i [b] (with_prime k i n)) as (E2 & L & A & C & P & S); [exact E |].
      simpl in *. split; [exact E2 |]. intros j. destruct (W j) as [W1 W2].
      simpl; unfold set; destruct (j =? i) eqn:D; [apply Nat.eqb_eq in D; subst j |]; lia.
    - destruct (lends i [b] (with_prime k i n)) as (E2 & L & A & C & P & S); [exact E |].
      apply (all_taken_back [b] (lend i (with_prime k i n) b)); [exact E2 |].
      intros j. destruct (W j) as [W1 W2]. simpl in *.
      unfold set. destruct (j =? i) eqn:D; [apply Nat.eqb_eq in D; subst j |]; lia.
    - exact (all_taken_back (filter replies p) k E W).
    - exact (all_settled i p k E W).
    - match goal with H : past_the_fork _ _ _ |- _ => inversion H; subst; clear H end;
        (split; intros j; specialize (E j); destruct (W j) as [W1 W2]; unfold held in *; simpl in *;
         match goal with H : leases k = _ |- _ => rewrite H in E end;
         rewrite !filter_app, !app_length in *; simpl in *; unfold set;
         (destruct (Nat.eq_dec i j) as [-> | D];
          [rewrite !Nat.eqb_refl in *
          | rewrite (proj2 (Nat.eqb_neq i j) D), (proj2 (Nat.eqb_neq j i) (not_eq_sym D)) in *]); simpl in *; lia).
    - split; [exact E |]. intros j. destruct (W j) as [W1 W2]. simpl. unfold set.
      destruct (j =? i) eqn:D; [apply Nat.eqb_eq in D; subst j |]; lia.
  Qed.

  (* Whatever happens, honest or not. *)
  Inductive reached : fork -> Prop :=
  | reached_start : reached (opened wanted)
  | reached_step s e way s' : reached s -> forks capacity (lendable limit) s e way s' -> reached s'.

  Lemma reached_books s : reached s -> exact (account s) /\ within (account s).
  Proof.
    induction 1 as [| s e way s' _ [E W] F]; [| exact (kept_books _ _ _ _ F E W)].
    split; intros i; unfold held; simpl; [reflexivity |]. specialize (fits i). lia.
  Qed.

  (* What was lent to a branch and not taken back, with what its account says went otherwise, is what it holds. *)
  Theorem lent_is_held s i : reached s -> Z.of_nat (held (account s) i) = (lent (account s) i + actual (account s) i)%Z.
  Proof. intros R. exact (proj1 (reached_books _ R) i). Qed.

  (* A branch holds at most its share, whether its user takes what comes or has stopped, and with it what its devices are still
     to get; each split of one of its buffers by its user may add one. *)
  Theorem share_kept s i : reached s -> held (account s) i + to_prime (account s) i <= limit i + splits (account s) i.
  Proof. intros R. destruct (reached_books _ R) as [E W]. specialize (E i). destruct (W i). lia. Qed.

  Corollary share_kept_unsplit s i : reached s -> splits (account s) i = 0 -> held (account s) i <= limit i.
  Proof. intros R S. pose proof (share_kept s i R). lia. Qed.

  (* The user of the branch i has stopped: nothing happens past the fork to the buffers that are lent to it. *)
  Definition undisturbed (i : nat) (s s' : fork) : Prop :=
    splits (account s') i = splits (account s) i /\ actual (account s') i = actual (account s) i.
  Inductive stopped (i : nat) (s : fork) : fork -> Prop :=
  | stopped_now : stopped i s s
  | stopped_step t e way t' :
      stopped i s t -> forks capacity (lendable limit) t e way t' -> undisturbed i t t' -> stopped i s t'.

  Lemma kept_stopped i s e way s' b : forks capacity (lendable limit) s e way s' -> exact (account s) ->
    undisturbed i s s' -> change (account s) i = actual (account s) i ->
    (lent (account s) i + actual (account s) i + Z.of_nat (to_prime (account s) i) <= b)%Z -> (Z.of_nat (limit i) <= b)%Z ->
    change (account s') i = actual (account s') i /\
    (lent (account s') i + actual (account s') i + Z.of_nat (to_prime (account s') i) <= b)%Z.
  Proof.
    intros F E [U V] C B L. 
    assert (K : forall bs k, exact k -> change k i = actual k i -> (lent k i + actual k i + Z.of_nat (to_prime k i) <= b)%Z ->
      let k' := fold_left take_back bs k in
      exact k' /\ change k' i = actual k' i /\ (lent k' i + actual k' i + Z.of_nat (to_prime k' i) <= b)%Z).
    { induction bs as [| x bs IH]; intros k E1 C1 B1; [auto |]. simpl.
      destruct (taken_back k x E1) as (E' & L' & A' & C' & P' & S'). apply IH; [exact E' | congruence |].
      specialize (L' i). rewrite A', P'. lia. }
    assert (T : forall bs h k, exact k -> change k i = actual k i -> (lent k i + actual k i + Z.of_nat (to_prime k i) <= b)%Z ->
      let k' := fold_left (settle h) bs k in
      exact k' /\ change k' i = actual k' i /\ (lent k' i + actual k' i + Z.of_nat (to_prime k' i) <= b)%Z).
    { induction bs as [| x bs IH]; intros h k E1 C1 B1; [auto |]. simpl. unfold settle at 2 4 6 8 10 12.
      destruct (note (leases k) (bytes x)) as [j |]; [| now apply IH]. destruct (j =? h); [| now apply IH].
      destruct (taken_back k x E1) as (E' & L' & A' & C' & P' & S'). apply IH; [exact E' | congruence |].
      specialize (L' i). rewrite A', P'. lia. }
    inversion F; subst; simpl in *; auto.
    - destruct (K (b0 :: p) k E C B) as (E' & C' & B'). simpl in E', C', B'.
      set (k' := fold_left take_back p (take_back k b0)) in *.
      destruct (lends i0 (b0 :: p) k' E') as (E2 & L2 & A2 & C2 & P2 & S2).
      simpl in *. rewrite L2, A2, C2, P2. split; [congruence |].
      match goal with H : lendable _ _ _ _ |- _ => unfold lendable in H; simpl in H; rename H into Y end.
      destruct (Nat.eq_dec i i0) as [-> | D]; [rewrite Nat.eqb_refl | apply Nat.eqb_neq in D; rewrite D]; lia.
    - apply (K (b0 :: p) k E C B).
    - apply (K [b0] k E C B).
    - apply (K [b0] k E C B).
    - split; [exact C |]. simpl. unfold set. destruct (i =? i0) eqn:D; [apply Nat.eqb_eq in D; subst i0 |]; lia.
    - destruct (lends i0 [b0] (with_prime k i0 n)) as (E2 & L2 & A2 & C2 & P2 & S2); [exact E |].
      apply (K [b0] (lend i0 (with_prime k i0 n) b0)); [exact E2 | exact C |]. simpl. unfold set.
      destruct (i =? i0) eqn:D; [apply Nat.eqb_eq in D; subst i0 |]; lia.
    - apply (K (filter replies p) k E C B).
    - apply (T p i0 k E C B).
    - match goal with H : past_the_fork _ _ _ |- _ => inversion H; subst; clear H end; simpl in *; unfold set in *;
        (destruct (i =? i0) eqn:D; [apply Nat.eqb_eq in D; subst i0; exfalso; lia | auto]).
    - unfold set. destruct (i =? i0) eqn:D; [apply Nat.eqb_eq in D; subst i0 |]; auto.
  Qed.

  (* A user that stops holds at most its share from then on, or what it has if that is more since it split buffers; given that
     the fork has looked at its account since. *)
  Theorem whoever_stops_holds_its_share i s s' :
    reached s -> stopped i s s' -> change (account s) i = actual (account s) i ->
    held (account s') i <= Nat.max (limit i) (held (account s) i + to_prime (account s) i).
  Proof.
    intros R T C. set (b := Z.of_nat (Nat.max (limit i) (held (account s) i + to_prime (account s) i))).
    enough (reached s' /\ change (account s') i = actual (account s') i /\
      (lent (account s') i + actual (account s') i + Z.of_nat (to_prime (account s') i) <= b)%Z) as (R' & _ & B).
    { pose proof (lent_is_held s' i R'). lia. }
    induction T as [| t e way t' T (R' & C' & B') F U].
    - pose proof (lent_is_held s i R). repeat split; auto. lia.
    - pose proof (kept_stopped i t e way t' b F (proj1 (reached_books _ R')) U C' B' ltac:(lia)) as (C2 & B2).
      split; [exact (reached_step _ _ _ _ R' F) | auto].
  Qed.
End Shares.

(* ---- Mutants ---- *)

(* A fork that lends to whom a packet is for, without a look at the account. *)
Definition unchecked (k : books) (i n : nat) : Prop := True.

(* One that does not keep what the branch's devices are still to get. *)
Definition unreserved (limit : nat -> nat) (k : books) (i n : nat) : Prop :=
  (Z.of_nat n <= Z.of_nat (limit i) - lent k i - change k i)%Z.

Inductive reached_by (capacity : nat) (wanted : nat -> nat) (may_lend : books -> nat -> nat -> Prop) : fork -> Prop :=
| by_start : reached_by capacity wanted may_lend (opened wanted)
| by_step s e way s' : reached_by capacity wanted may_lend s -> forks capacity may_lend s e way s' ->
    reached_by capacity wanted may_lend s'.

Definition small (n : nat) : buffer :=
  {| home := {| slot := 0; generation := 1 |}; offset := n; size := 1; valid_offset := 0; valid_size := 0; is_last := true |}.

Theorem unchecked_exceeds :
  exists s, reached_by 64 (fun _ => 0) unchecked s /\ splits (account s) 0 = 0 /\ held (account s) 0 > 1.
Proof.
  eexists. split; [| split].
  - eapply by_step; [eapply by_step; [eapply by_step; [apply by_start |] |] |].
    + eapply (claims 64 unchecked _ (fun _ => Some 0)).
    + eapply (delivers 64 unchecked (fun _ => Some 0) _ _ _ (small 0) [] 0); [reflexivity | reflexivity | exact I |].
      unfold room, buffer_count. simpl. lia.
    + eapply (delivers 64 unchecked (fun _ => Some 0) _ _ _ (small 1) [] 0); [reflexivity | reflexivity | exact I |].
      unfold room, buffer_count. simpl. lia.
  - reflexivity.
  - vm_compute. lia.
Qed.

Theorem unreserved_exceeds :
  exists s, reached_by 64 (fun _ => 1) (unreserved (fun _ => 1)) s /\ splits (account s) 0 = 0 /\ held (account s) 0 > 1.
Proof.
  eexists. split; [| split].
  - eapply by_step; [eapply by_step; [eapply by_step; [apply by_start |] |] |].
    + eapply (claims 64 _ _ (fun _ => Some 0)).
    + eapply (delivers 64 _ (fun _ => Some 0) _ _ _ (small 0) [] 0); [reflexivity | reflexivity | unfold unreserved; simpl; lia |].
      unfold room, buffer_count. simpl. lia.
    + eapply (primes 64 _ (fun _ => Some 0) _ _ (small 1) 0 0); [reflexivity | reflexivity |].
      unfold room, buffer_count. simpl. lia.
  - reflexivity.
  - vm_compute. lia.
Qed.
