(* The set model: the contract of SPEC.md byte by byte, as functions that can be run.

   A byte is a region's id, generation included, and an offset. Each byte of the union K of the registered regions is in
   exactly one of four sets: owned by X, owned by Y, handed over by X, handed over by Y. The theorems say that every
   sequence of operations, by both agents, successful or not, keeps it so. *)

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

(* ---- State ---- *)

(* RegionTable.Entry: the region that has the slot; and who registered it, RingChannel.owners. *)
Record entry := { entry_generation : nat; entry_size : nat; entry_registrar : agent }.

(* All but what is in flight:
   - table: the registered regions by slot, as in RegionTable; these make up K;
   - latest: the highest generation of each slot that was ever registered;
   - own: S_X and S_Y;
   - held: the buffers that each agent has, that is, its values of type Buffer. *)
Record ledger := {
  table : nat -> option entry;
  latest : nat -> nat;
  own : agent -> byte -> bool;
  held : agent -> list buffer
}.

(* The four sets: the ledger's two, and T_XY = transit X, T_YX = transit Y. *)
Record state := { base : ledger; transit : agent -> byte -> bool }.

Definition initial_ledger : ledger :=
  {| table := fun _ => None; latest := fun _ => 0; own := fun _ _ => false; held := fun _ => [] |}.

Definition initial : state := {| base := initial_ledger; transit := fun _ _ => false |}.

Definition at_agent {T} (f : agent -> T) (a : agent) (v : T) (b : agent) : T := if agent_dec a b then v else f b.
Definition at_slot {T} (f : nat -> T) (i : nat) (v : T) (j : nat) : T := if Nat.eq_dec i j then v else f j.

(* The size of a registered region; None for any other id, a retired one of the same slot included.
   RegionTable.contains compares all bits of the id. *)
Definition size_of (l : ledger) (r : region) : option nat :=
  match table l (slot r) with
  | Some e => if Nat.eq_dec (entry_generation e) (generation r) then Some (entry_size e) else None
  | None => None
  end.

(* K. *)
Definition registered (l : ledger) (x : byte) : Prop :=
  match size_of l (fst x) with Some n => snd x < n | None => False end.

(* The bounds rules of SPEC.md, "Buffers". *)
Definition in_bounds (l : ledger) (b : buffer) : bool :=
  match size_of l (home b) with
  | Some n => (0 <? size b) && (offset b + size b <=? n) && (valid_offset b + valid_size b <=? size b)
  | None => false
  end.

(* ---- Operations ---- *)

Inductive failure :=
| AlreadyRegistered
| Retired
| UnknownRegion
| NotOwner
| Elsewhere (count : nat)
| BadBuffer
| NotHeld
| NotSplittable
| NotMergeable
| IncompleteRun
| Full
| Empty.

Inductive outcome := Done | Failed (why : failure).

(* What an agent does with what it owns; nothing is handed over. *)
Inductive local_operation :=
| Register (r : region) (count : nat)
| Deregister (r : region)
| Carve (b : buffer)
| Release (b : buffer)
| Split (b : buffer) (position : nat)
| Merge (b c : buffer).

Definition set_held (l : ledger) (a : agent) (bs : list buffer) : ledger :=
  {| table := table l; latest := latest l; own := own l; held := at_agent (held l) a bs |}.

(* Queue.register, RegionTable.insert. An id is fresh when its generation exceeds all that its slot ever had here:
   RegionDirectory.make counts generations up, and an id that was deregistered is refused. The bytes become the caller's. *)
Definition register (l : ledger) (a : agent) (r : region) (count : nat) : ledger * outcome :=
  match table l (slot r) with
  | Some _ => (l, Failed AlreadyRegistered)
  | None =>
      if generation r <=? latest l (slot r) then (l, Failed Retired)
      else
        ({| table := at_slot (table l) (slot r) (Some {| entry_generation := generation r; entry_size := count; entry_registrar := a |});
            latest := at_slot (latest l) (slot r) (generation r);
            own := at_agent (own l) a (plus (own l a) (range r 0 count));
            held := held l |}, Done)
  end.

(* How many bytes of a region the agent does not own. *)
Definition elsewhere (l : ledger) (a : agent) (r : region) (count : nat) : nat :=
  length (filter (fun x => negb (own l a x)) (range r 0 count)).

(* Whether the agent registered the region that has the slot. *)
Definition is_registrar (l : ledger) (a : agent) (r : region) : bool :=
  match table l (slot r) with Some e => if agent_dec (entry_registrar e) a then true else false | None => false end.

(* Queue.deregister, RegionTable.remove: only by who registered it. Buffers of the region are no longer the queue's
   concern. *)
Definition deregister (l : ledger) (a : agent) (r : region) : ledger * outcome :=
  match size_of l r with
  | None => (l, Failed UnknownRegion)
  | Some count =>
      if negb (is_registrar l a r) then (l, Failed NotOwner)
      else if 0 <? elsewhere l a r count then (l, Failed (Elsewhere (elsewhere l a r count)))
      else
        ({| table := at_slot (table l) (slot r) None;
            latest := latest l;
            own := at_agent (own l) a (minus (own l a) (range r 0 count));
            held := fun b => filter (fun c => if region_dec (home c) r then false else true) (held l b) |}, Done)
  end.

(* Region.buffer(byteCount:alignment:): a new buffer out of own bytes that no buffer names. *)
Definition carve (l : ledger) (a : agent) (b : buffer) : ledger * outcome :=
  if in_bounds l b && forallb (own l a) (bytes b) && forallb (fun x => negb (mem (all_bytes (held l a)) x)) (bytes b)
  then (set_held l a (b :: held l a), Done)
  else (l, Failed BadBuffer).

Fixpoint take_one (b : buffer) (bs : list buffer) : option (list buffer) :=
  match bs with
  | [] => None
  | c :: rest =>
      if buffer_dec b c then Some rest
      else match take_one b rest with Some rest' => Some (c :: rest') | None => None end
  end.

Fixpoint take_all (run bs : list buffer) : option (list buffer) :=
  match run with
  | [] => Some bs
  | b :: rest => match take_one b bs with Some bs' => take_all rest bs' | None => None end
  end.

(* Replaces some of the held buffers by others. *)
Definition exchange (l : ledger) (a : agent) (old new : list buffer) : ledger * outcome :=
  match take_all old (held l a) with
  | Some bs => (set_held l a (new ++ bs), Done)
  | None => (l, Failed NotHeld)
  end.

(* Buffer.release(), or its going out of scope: the bytes are home in the region again, and so their owner's, that is, the
   registrar's, whichever side did it. *)
Definition release (l : ledger) (a : agent) (b : buffer) : ledger * outcome :=
  if is_registrar l a (home b) then exchange l a [b] []
  else
    match take_one b (held l a) with
    | None => (l, Failed NotHeld)
    | Some bs =>
        ({| table := table l; latest := latest l;
            own := at_agent (at_agent (own l) a (minus (own l a) (bytes b))) (other a) (plus (own l (other a)) (bytes b));
            held := at_agent (held l) a bs |}, Done)
    end.

(* The two parts of Buffer.split(at:). *)
Definition left_part (b : buffer) (position : nat) : buffer :=
  let valid_end := valid_offset b + valid_size b in
  {| home := home b; offset := offset b; size := position;
     valid_offset := min (valid_offset b) position;
     valid_size := min valid_end position - min (valid_offset b) position;
     is_last := is_last b |}.

Definition right_part (b : buffer) (position : nat) : buffer :=
  let valid_end := valid_offset b + valid_size b in
  let valid_start := min (max (valid_offset b) position) (size b) in
  {| home := home b; offset := offset b + position; size := size b - position;
     valid_offset := valid_start - position;
     valid_size := max valid_end valid_start - valid_start;
     is_last := is_last b |}.

Definition splittable (b : buffer) (position : nat) : bool := (0 <? position) && (position <? size b).

(* What Buffer.merge(_:) asks for, and its result. *)
Definition mergeable (b c : buffer) : bool :=
  (if region_dec (home b) (home c) then true else false)
  && (offset b + size b =? offset c)
  && ((valid_size b =? 0) || (valid_size c =? 0) || (valid_offset b + valid_size b =? size b + valid_offset c)).

Definition merged (b c : buffer) : buffer :=
  {| home := home b; offset := offset b; size := size b + size c;
     valid_offset := if (valid_size b =? 0) && (0 <? valid_size c) then size b + valid_offset c else valid_offset b;
     valid_size := valid_size b + valid_size c;
     is_last := is_last b |}.

Definition local (l : ledger) (a : agent) (o : local_operation) : ledger * outcome :=
  match o with
  | Register r count => register l a r count
  | Deregister r => deregister l a r
  | Carve b => carve l a b
  | Release b => release l a b
  | Split b position =>
      if splittable b position then exchange l a [b] [left_part b position; right_part b position]
      else (l, Failed NotSplittable)
  | Merge b c => if mergeable b c then exchange l a [b; c] [merged b c] else (l, Failed NotMergeable)
  end.

(* One packet: buffers of which the last one, and no other, carries LAST. *)
Fixpoint is_run (bs : list buffer) : bool :=
  match bs with
  | [] => false
  | [b] => is_last b
  | b :: rest => negb (is_last b) && is_run rest
  end.

(* The owner's side of an enqueue: the buffers of a run, all held, leave. *)
Definition hand_over (l : ledger) (a : agent) (run : list buffer) : ledger * outcome :=
  if negb (is_run run) then (l, Failed IncompleteRun)
  else if negb (forallb (in_bounds l) run) then (l, Failed BadBuffer)
  else
    match take_all run (held l a) with
    | None => (l, Failed NotHeld)
    | Some bs =>
        ({| table := table l; latest := latest l;
            own := at_agent (own l) a (minus (own l a) (all_bytes run));
            held := at_agent (held l) a bs |}, Done)
    end.

(* The taker's side of a dequeue: a buffer arrives. *)
Definition take_over (l : ledger) (a : agent) (b : buffer) : ledger :=
  {| table := table l; latest := latest l;
     own := at_agent (own l) a (plus (own l a) (bytes b));
     held := at_agent (held l) a (b :: held l a) |}.

Inductive operation :=
| Local (a : agent) (o : local_operation)
| Enqueue (a : agent) (run : list buffer)
| Dequeue (a : agent) (b : buffer).

(* In the set model an enqueue never finds the queue full, and a dequeue takes any buffer whose bytes were handed over:
   capacity and order are added by Sequences.v. A run moves whole or not at all. *)
Definition apply (s : state) (o : operation) : state * outcome :=
  match o with
  | Local a o =>
      let (l, result) := local (base s) a o in ({| base := l; transit := transit s |}, result)
  | Enqueue a run =>
      match hand_over (base s) a run with
      | (l, Done) =>
          ({| base := l; transit := at_agent (transit s) a (plus (transit s a) (all_bytes run)) |}, Done)
      | (_, failed) => (s, failed)
      end
  | Dequeue a b =>
      if in_bounds (base s) b && forallb (transit s (other a)) (bytes b) then
        ({| base := take_over (base s) a b;
            transit := at_agent (transit s) (other a) (minus (transit s (other a)) (bytes b)) |}, Done)
      else (s, Failed Empty)
  end.

(* A state is reachable when some history of operations leads to it from the empty state. *)
Inductive reachable : state -> Prop :=
| reachable_initial : reachable initial
| reachable_apply s o : reachable s -> reachable (fst (apply s o)).

(* ---- The four sets as one family, and what keeps it a partition of K ---- *)

Inductive place := Owned (a : agent) | InFlight (a : agent).

Definition place_dec (p q : place) : {p = q} + {p <> q}.
Proof. decide equality; apply agent_dec. Defined.

Definition set_at (s : state) (p : place) : byte -> bool :=
  match p with Owned a => own (base s) a | InFlight a => transit s a end.

Definition covers (K : byte -> Prop) (f : place -> byte -> bool) : Prop :=
  forall x, K x <-> exists p, f p x = true.
Definition disjoint (f : place -> byte -> bool) : Prop :=
  forall p q x, f p x = true -> f q x = true -> p = q.

(* Bytes that move from one set to another leave both properties as they are. *)
Lemma partition_move K f g p q l :
  covers K f -> disjoint f -> p <> q ->
  (forall x, In x l -> f p x = true) ->
  (forall x, g p x = minus (f p) l x) -> (forall x, g q x = plus (f q) l x) ->
  (forall r x, r <> p -> r <> q -> g r x = f r x) ->
  covers K g /\ disjoint g.
Proof.
  intros C D N L P Q R.
  assert (G : forall r x, g r x = true <->
                (f r x = true /\ (r = p -> ~ In x l)) \/ (r = q /\ In x l)).
  { intros r x. destruct (place_dec r p) as [-> | Np]; [| destruct (place_dec r q) as [-> | Nq]].
    - rewrite P, minus_in. intuition congruence.
    - rewrite Q, plus_in. intuition.
    - rewrite R by assumption. intuition. }
  split.
  - intros x. rewrite (C x). split; intros [r H].
    + destruct (in_dec byte_dec x l).
      * exists q. apply G. auto.
      * exists r. apply G. auto.
    + apply G in H. destruct H as [[H _] | [-> H]]; eauto.
  - intros r r' x H H'. apply G in H, H'.
    destruct H as [[H HN] | [-> H]], H' as [[H' HN'] | [-> H']]; eauto.
    + pose proof (D _ _ _ H (L _ H')). tauto.
    + pose proof (D _ _ _ H' (L _ H)). tauto.
Qed.

(* New bytes come to one set. *)
Lemma partition_grow K K' f g p l :
  covers K f -> disjoint f ->
  (forall x, In x l -> ~ K x) -> (forall x, K' x <-> K x \/ In x l) ->
  (forall x, g p x = plus (f p) l x) -> (forall r x, r <> p -> g r x = f r x) ->
  covers K' g /\ disjoint g.
Proof.
  intros C D F E P R.
  assert (G : forall r x, g r x = true <-> f r x = true \/ (r = p /\ In x l)).
  { intros r x. destruct (place_dec r p) as [-> | N].
    - rewrite P, plus_in. intuition.
    - rewrite R by assumption. intuition. }
  split.
  - intros x. rewrite E, (C x). split.
    + intros [[r H] | I]; [exists r | exists p]; apply G; auto.
    + intros [r H]. apply G in H. destruct H as [H | [_ I]]; eauto.
  - intros r r' x H H'. apply G in H, H'.
    destruct H as [H | [-> H]], H' as [H' | [-> H']]; eauto; exfalso.
    + apply (F x H'), C. eauto.
    + apply (F x H), C. eauto.
Qed.

(* Bytes of one set go. *)
Lemma partition_shrink K K' f g p l :
  covers K f -> disjoint f ->
  (forall x, In x l -> f p x = true) -> (forall x, K' x <-> K x /\ ~ In x l) ->
  (forall x, g p x = minus (f p) l x) -> (forall r x, r <> p -> g r x = f r x) ->
  covers K' g /\ disjoint g.
Proof.
  intros C D L E P R.
  assert (G : forall r x, g r x = true <-> f r x = true /\ ~ In x l).
  { intros r x. destruct (place_dec r p) as [-> | N].
    - now rewrite P, minus_in.
    - rewrite R by assumption. split; [| tauto]. intros H. split; [assumption |].
      intros I. apply N. exact (D _ _ _ H (L _ I)). }
  split.
  - intros x. rewrite E, (C x). split.
    + intros [[r H] I]. exists r. apply G. auto.
    + intros [r H]. apply G in H. destruct H. eauto.
  - intros r r' x H H'. apply G in H, H'. apply (D r r' x); tauto.
Qed.

Lemma at_agent_same {T} (f : agent -> T) a v : at_agent f a v a = v.
Proof. unfold at_agent. now destruct (agent_dec a a). Qed.

Lemma at_agent_other {T} (f : agent -> T) a v b : b <> a -> at_agent f a v b = f b.
Proof. unfold at_agent. destruct (agent_dec a b); congruence. Qed.

Lemma other_differs a : other a <> a.
Proof. destruct a; discriminate. Qed.

(* ---- Buffers: lists of them, split, merge ---- *)

Lemma take_one_permutes b bs bs' : take_one b bs = Some bs' -> Permutation bs (b :: bs').
Proof.
  revert bs'. induction bs as [| c bs IH]; simpl; [discriminate |].
  intros bs'. destruct (buffer_dec b c) as [<- |].
  - intros E. now injection E as <-.
  - destruct (take_one b bs) as [rest |]; [| discriminate]. intros E. injection E as <-.
    rewrite (IH _ eq_refl). apply perm_swap.
Qed.

Lemma take_all_permutes run : forall bs bs', take_all run bs = Some bs' -> Permutation bs (run ++ bs').
Proof.
  induction run as [| b run IH]; simpl; intros bs bs' E.
  - now injection E as <-.
  - destruct (take_one b bs) as [rest |] eqn:T; [| discriminate].
    rewrite (take_one_permutes _ _ _ T). now rewrite (IH _ _ E).
Qed.

Lemma all_bytes_app bs cs : all_bytes (bs ++ cs) = all_bytes bs ++ all_bytes cs.
Proof. apply flat_map_app. Qed.

Lemma all_bytes_permutes bs cs : Permutation bs cs -> Permutation (all_bytes bs) (all_bytes cs).
Proof. intros P. now apply Permutation_flat_map. Qed.

Lemma in_all_bytes x bs : In x (all_bytes bs) <-> exists b, In b bs /\ In x (bytes b).
Proof. apply in_flat_map. Qed.

(* Buffer.split(at:): the two parts name the buffer's bytes, in order, each once. *)
Lemma split_bytes b position :
  splittable b position = true ->
  bytes (left_part b position) ++ bytes (right_part b position) = bytes b.
Proof.
  unfold splittable. rewrite andb_true_iff, !Nat.ltb_lt. intros [_ L].
  unfold bytes; simpl. rewrite <- range_app. now replace (position + (size b - position)) with (size b) by lia.
Qed.

(* Buffer.split(at:): so it is with the valid bytes. *)
Lemma split_valid_bytes b position :
  splittable b position = true -> valid_offset b + valid_size b <= size b ->
  valid_bytes (left_part b position) ++ valid_bytes (right_part b position) = valid_bytes b.
Proof.
  unfold splittable. rewrite andb_true_iff, !Nat.ltb_lt. intros [Z L] V.
  unfold valid_bytes; simpl.
  destruct (le_lt_dec (valid_offset b + valid_size b) position) as [C | C].
  - replace (max _ _ - _) with 0 by lia. replace (min (valid_offset b + valid_size b) _ - _) with (valid_size b) by lia.
    replace (min (valid_offset b) position) with (valid_offset b) by lia. apply app_nil_r.
  - destruct (le_lt_dec position (valid_offset b)) as [D | D].
    + replace (min (valid_offset b + valid_size b) _ - _) with 0 by lia. simpl. f_equal; lia.
    + replace (min (valid_offset b) position) with (valid_offset b) by lia.
      replace (offset b + position + _) with (offset b + valid_offset b + (position - valid_offset b)) by lia.
      replace (min (valid_offset b + valid_size b) _ - _) with (position - valid_offset b) by lia.
      rewrite <- range_app. f_equal. lia.
Qed.

(* Buffer.merge(_:): the result names the bytes of both. *)
Lemma merge_bytes b c : mergeable b c = true -> bytes (merged b c) = bytes b ++ bytes c.
Proof.
  unfold mergeable. rewrite !andb_true_iff, Nat.eqb_eq. intros [[H O] _].
  destruct (region_dec (home b) (home c)) as [E |]; [| discriminate].
  unfold bytes; simpl. now rewrite range_app, O, <- E.
Qed.

(* Buffer.merge(_:): the result's valid bytes are those of both. *)
Lemma merge_valid_bytes b c :
  mergeable b c = true -> valid_bytes (merged b c) = valid_bytes b ++ valid_bytes c.
Proof.
  unfold mergeable. rewrite !andb_true_iff, !orb_true_iff, !Nat.eqb_eq. intros [[H O] T].
  destruct (region_dec (home b) (home c)) as [E |]; [| discriminate].
  unfold valid_bytes; simpl. rewrite <- E.
  destruct (Nat.eqb_spec (valid_size b) 0) as [B | B], (Nat.ltb_spec 0 (valid_size c)) as [C | C]; simpl.
  - rewrite B. simpl. f_equal. lia.
  - replace (valid_size c) with 0 by lia. now rewrite B.
  - rewrite range_app. f_equal. f_equal. lia.
  - replace (valid_size c) with 0 by lia. now rewrite Nat.add_0_r, app_nil_r.
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

(* A local operation that fails changes nothing. *)
Lemma local_failure l a o l' why : local l a o = (l', Failed why) -> l' = l.
Proof.
  assert (N : forall old new, exchange l a old new = (l', Failed why) -> l' = l)
    by (unfold exchange; intros old new; destruct (take_all _ _); intros E; now injection E).
  destruct o as [r count | r | b | b | b position | b c]; simpl; try apply N.
  - unfold register. destruct (table l (slot r)); [| destruct (_ <=? _)]; intros E; now injection E.
  - unfold deregister. destruct (size_of l r); [destruct (negb _); [| destruct (_ <? _)] |]; intros E; now injection E.
  - unfold carve. destruct (_ && _ && _); intros E; now injection E.
  - unfold release. destruct (is_registrar l a (home b)); [apply N |]. destruct (take_one _ _); intros E; now injection E.
  - destruct (splittable b position); [apply N | intros E; now injection E].
  - destruct (mergeable b c); [apply N | intros E; now injection E].
Qed.

(* ---- What holds in every reachable state ---- *)

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

(* What a successful hand-over means. *)
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
