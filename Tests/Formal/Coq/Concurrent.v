(** * The concurrent ring, step by step

    Two threads, a producer and a consumer, share one direction of a ring: two cursors and [n] slots of [F] fields. Every
    access to shared memory is a step of its own and the steps of the two threads interleave in any way:

    - the producer loads the consumer's cursor into its private copy       [RingProducer.freeCount(wanted:)]
    - it decides by that copy, however stale, how much it may write        [RingProducer.freeCount(wanted:)]
    - it writes one field of one slot                                      [RingProducer.write(_:at:)]
    - it publishes all slots of a burst with one store                     [RingProducer.publish(_:)]
    - the consumer loads the producer's cursor into its private copy       [RingConsumer.availableCount(wanted:)]
    - it decides by that copy, however stale, how much it may read         [RingConsumer.availableCount(wanted:)]
    - it reads one field of one slot                                       [RingConsumer.read(at:)]
    - it gives all slots of a burst back with one store                    [RingConsumer.publish(_:)]

    Cursors are machine words: counters that run freely modulo [M] (in the code [UInt32], M = 2^32). The specification is
    a first-in first-out list of at most [n] descriptors, T_XY of the contract. The main theorem, [ring_refines_fifo],
    says that what any interleaving does is what that list does; the enqueue takes effect at the producer's publish, the
    dequeue at the consumer's.

    Memory here is sequentially consistent: the steps of both threads are one sequence, and each sees all that came
    before. [ConcurrentTSO] adds store buffers. Weaker memory, where release and acquire matter, is not covered by either
    but by the Spin models beside this folder.

    One hypothesis differs from "n <= 2^k": it is [n < M]. With n = M a full ring and an empty one have the same cursors;
    the code cannot get there, since [slotCount] is itself a [UInt32]. [full_looks_empty] shows the failure. *)

From Coq Require Import Arith List Lia Bool.
From CleanQ Require Fifo.
Import ListNotations.

(** ** 1. Words: arithmetic modulo M *)

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

(** ** 2. The specification: one sequence, first in, first out, at most n long *)

Section Fifo.

Variable D : Type.
Variable n : nat.

(** What the users of the ring can see. A burst counts as one event. *)
Inductive event := Enqueued (burst : list D) | Dequeued (burst : list D).

Inductive fifo_step : list D -> event -> list D -> Prop :=
| fifo_enqueue q burst : length q + length burst <= n -> fifo_step q (Enqueued burst) (q ++ burst)
| fifo_dequeue q burst : fifo_step (burst ++ q) (Dequeued burst) q.

Inductive fifo_run : list D -> list event -> list D -> Prop :=
| fifo_done q : fifo_run q [] q
| fifo_more q e q' events q'' : fifo_step q e q' -> fifo_run q' events q'' -> fifo_run q (e :: events) q''.

Definition sent (events : list event) : list D :=
  flat_map (fun e => match e with Enqueued burst => burst | Dequeued _ => [] end) events.
Definition received (events : list event) : list D :=
  flat_map (fun e => match e with Enqueued _ => [] | Dequeued burst => burst end) events.

Lemma fifo_run_app q e1 q1 e2 q2 : fifo_run q e1 q1 -> fifo_run q1 e2 q2 -> fifo_run q (e1 ++ e2) q2.
Proof. induction 1; simpl; eauto using fifo_more. Qed.

(** I3: what was in the queue and what was enqueued since is, in that order, what was dequeued and what is left. *)
Theorem fifo_order q events q' : fifo_run q events q' -> q ++ sent events = received events ++ q'.
Proof.
  induction 1 as [ q | q e q1 events q2 Hstep Hrun IH ]; simpl.
  - now rewrite app_nil_r.
  - destruct Hstep; simpl in *.
    + now rewrite app_assoc.
    + now rewrite <- !app_assoc, IH.
Qed.

Theorem fifo_bounded q events q' : fifo_run q events q' -> length q <= n -> length q' <= n.
Proof.
  induction 1 as [ | q e q1 events q2 Hstep Hrun IH ]; intros Hq; [ assumption | ].
  apply IH. destruct Hstep; rewrite app_length in *; lia.
Qed.

(** A burst is its buffers one by one: splitting an event in two changes neither where it can happen nor what it does. *)
Lemma burst_enqueue_splits q b1 b2 q' :
  fifo_run q [Enqueued (b1 ++ b2)] q' <-> fifo_run q [Enqueued b1; Enqueued b2] q'.
Proof.
  split; intros H; inversion H as [ | ? ? q1 ? ? Hs Hr ]; subst; inversion Hs; subst.
  - inversion Hr; subst. rewrite app_length in *.
    eapply fifo_more; [ apply fifo_enqueue; lia | ].
    rewrite app_assoc. eapply fifo_more; [ apply fifo_enqueue; rewrite app_length; lia | ]. apply fifo_done.
  - inversion Hr as [ | ? ? q2 ? ? Hs2 Hr2 ]; subst. inversion Hs2; subst. inversion Hr2; subst.
    rewrite app_length in *. rewrite <- app_assoc.
    eapply fifo_more; [ apply fifo_enqueue; rewrite app_length; lia | apply fifo_done ].
Qed.

Lemma burst_dequeue_splits q b1 b2 q' :
  fifo_run q [Dequeued (b1 ++ b2)] q' <-> fifo_run q [Dequeued b1; Dequeued b2] q'.
Proof.
  split; intros H; inversion H as [ | ? ? q1 ? ? Hs Hr ]; subst; inversion Hs; subst.
  - inversion Hr; subst. rewrite <- app_assoc.
    eapply fifo_more; [ apply fifo_dequeue | ]. eapply fifo_more; [ apply fifo_dequeue | apply fifo_done ].
  - inversion Hr as [ | ? ? q2 ? ? Hs2 Hr2 ]; subst. inversion Hs2; subst. inversion Hr2; subst.
    rewrite app_assoc. eapply fifo_more; [ apply fifo_dequeue | apply fifo_done ].
Qed.

End Fifo.

Arguments Enqueued {D} burst.
Arguments Dequeued {D} burst.
Arguments fifo_step {D}.
Arguments fifo_run {D}.
Arguments sent {D}.
Arguments received {D}.

(** The same steps as functions, in the specification that the other files here share. *)
Lemma enqueued_is_enqueue_all {D} n (q burst q' : list D) :
  fifo_step n q (Enqueued burst) q' <-> Fifo.enqueue_all n q burst = Some q'.
Proof.
  unfold Fifo.enqueue_all. split.
  - inversion 1; subst. destruct (Nat.leb_spec (length q + length burst) n); [ reflexivity | lia ].
  - destruct (Nat.leb_spec (length q + length burst) n); [ | discriminate ]. intros E. injection E as <-.
    now constructor.
Qed.

Lemma dequeued_is_dequeue_many {D} n (q burst q' : list D) :
  fifo_step n q (Dequeued burst) q' <-> Fifo.dequeue_many q (length burst) = (burst, q').
Proof.
  unfold Fifo.dequeue_many. split.
  - inversion 1; subst. now rewrite firstn_app, skipn_app, Nat.sub_diag, firstn_all, skipn_all, app_nil_r.
  - intros E. injection E as E1 E2. rewrite <- (firstn_skipn (length burst) q), E1, E2. constructor.
Qed.

(** ** 3. Tables of fields *)

Section Tables.

Variable W : Type.
Variable w0 : W.
(** Fields of a slot: region, offset, byteCount, validOffset, validByteCount, flags of [Descriptor]. *)
Variable F : nat.

(** A table gives the field [f] of the row [i]; the slots of a ring, and a private copy of some of them, are tables. *)
Notation table := (nat -> nat -> W).

Definition update (t : table) (i f : nat) (w : W) : table :=
  fun i' f' => if (i' =? i) && (f' =? f) then w else t i' f'.

Lemma update_same t i f w : update t i f w i f = w.
Proof. unfold update. now rewrite !Nat.eqb_refl. Qed.

Lemma update_other t i f w i' f' : i' <> i \/ f' <> f -> update t i f w i' f' = t i' f'.
Proof.
  unfold update. intros H. destruct (Nat.eqb_spec i' i), (Nat.eqb_spec f' f); simpl; try reflexivity. lia.
Qed.

(** A descriptor is the list of its fields. *)
Notation descriptor := (list W).

Definition rows (count : nat) (t : table) : list descriptor :=
  map (fun i => map (t i) (seq 0 F)) (seq 0 count).

Definition field (burst : list descriptor) : table := fun i f => nth f (nth i burst []) w0.

Definition well_formed (burst : list descriptor) : Prop := Forall (fun d => length d = F) burst.

Lemma rows_length count t : length (rows count t) = count.
Proof. unfold rows. now rewrite map_length, seq_length. Qed.

Lemma rows_ext count t u : (forall i f, i < count -> f < F -> t i f = u i f) -> rows count t = rows count u.
Proof.
  intros H. apply map_ext_in. intros i Hi. apply in_seq in Hi.
  apply map_ext_in. intros f Hf. apply in_seq in Hf. apply H; lia.
Qed.

Lemma seq_from a count : seq a count = map (fun i => a + i) (seq 0 count).
Proof.
  induction a as [ | a IH ].
  - symmetry. apply map_id.
  - rewrite <- seq_shift, IH, map_map. apply map_ext. intros. reflexivity.
Qed.

Lemma rows_app a b t : rows (a + b) t = rows a t ++ rows b (fun i => t (a + i)).
Proof. unfold rows. rewrite seq_app, map_app. f_equal. rewrite (seq_from (0 + a)), map_map. reflexivity. Qed.

Lemma map_nth_seq {A} (d : A) (l : list A) : map (fun i => nth i l d) (seq 0 (length l)) = l.
Proof.
  induction l as [ | x l IH ]; simpl; [ reflexivity | ].
  f_equal. rewrite <- seq_shift, map_map. exact IH.
Qed.

Lemma rows_of_burst burst : well_formed burst -> rows (length burst) (field burst) = burst.
Proof.
  intros H. unfold rows. transitivity (map (fun i => nth i burst []) (seq 0 (length burst))); [ | apply map_nth_seq ]. apply map_ext_in.
  intros i Hi. apply in_seq in Hi. unfold well_formed in H. rewrite Forall_forall in H.
  unfold field. rewrite <- (H (nth i burst [])) by (apply nth_In; lia). apply map_nth_seq.
Qed.

Lemma rows_nth count t i f : i < count -> f < F -> nth f (nth i (rows count t) []) w0 = t i f.
Proof.
  intros Hi Hf. unfold rows.
  rewrite (nth_indep _ [] (map (t 0) (seq 0 F))) by (now rewrite map_length, seq_length).
  rewrite (map_nth (fun i => map (t i) (seq 0 F)) (seq 0 count) 0), seq_nth by lia. simpl.
  rewrite (nth_indep _ w0 (t i 0)) by (now rewrite map_length, seq_length).
  rewrite map_nth, seq_nth by lia. reflexivity.
Qed.

Lemma rows_well_formed count t : well_formed (rows count t).
Proof.
  unfold well_formed, rows. apply Forall_forall. intros d Hd. apply in_map_iff in Hd.
  destruct Hd as (i & <- & _). now rewrite map_length, seq_length.
Qed.

(** The accesses that a burst still has to make, as (place in the burst, field). The compiler may order them as it likes
    and repeat them; none may be missing at the start, none may be outside. *)
Definition accesses := list (nat * nat).

Definition inside (count : nat) (todo : accesses) : Prop :=
  forall i f, In (i, f) todo -> i < count /\ f < F.
Definition covering (count : nat) (todo : accesses) : Prop :=
  inside count todo /\ forall i f, i < count -> f < F -> In (i, f) todo.

(** Slot by slot and field by field is one such order. *)
Definition in_order (count : nat) : accesses := list_prod (seq 0 count) (seq 0 F).

Lemma in_order_covering count : covering count (in_order count).
Proof.
  split; intros i f; unfold in_order; rewrite in_prod_iff, !in_seq; lia.
Qed.

End Tables.

Arguments update {W}.
Arguments inside F count todo : rename.

(** ** 4. The ring as two threads *)

Section Ring.

Variables M n F : nat.
Hypothesis n_positive : 0 < n.
Hypothesis n_below_M : n < M.
Hypothesis n_divides_M : Nat.divide n M.

Variable W : Type.
Variable w0 : W.

Notation descriptor := (list W).
Notation table := (nat -> nat -> W).
Notation wadd := (wadd M).
Notation wsub := (wsub M).
Notation slot := (slot M n).
Notation rows := (rows W F).
Notation field := (field W w0).
Notation well_formed := (well_formed W F).

Inductive producer_pc :=
| Producing_nothing
  (** Between the decision and the publish: the burst, and the field writes that are still to be made. *)
| Writing (burst : list descriptor) (todo : accesses).

Inductive consumer_pc :=
| Consuming_nothing
  (** Between the decision and the publish: how many slots, the field reads to be made, and what was read so far. *)
| Reading (count : nat) (todo : accesses) (copy : table).

Record state := State {
  (** [RingMemory.head], [RingMemory.tail], [RingMemory.slots]: shared. *)
  head : nat;
  tail : nat;
  slots : table;
  (** [RingProducer.head], [RingProducer.cachedTail]: the producer's own. *)
  own_head : nat;
  cached_tail : nat;
  producer : producer_pc;
  (** [RingConsumer.tail], [RingConsumer.cachedHead]: the consumer's own. *)
  own_tail : nat;
  cached_head : nat;
  consumer : consumer_pc
}.

(** What a step does to the shared slots, and its event where it is one. *)
Inductive label :=
| Silent
| Writes (s f : nat)
| Reads (s f : nat) (w : W)
| Event (e : event descriptor).

Inductive step : state -> label -> state -> Prop :=
(** [RingProducer.freeCount(wanted:)]: [cachedTail = memory.tail.load()]. In the code only where the ring looks full;
    here at any time. *)
| producer_loads h t m oh ct p ot ch c :
    step (State h t m oh ct p ot ch c) Silent (State h t m oh t p ot ch c)
(** [RingProducer.freeCount(wanted:)]: the decision, by [slotCount &- (head &- cachedTail)] on private words alone. *)
| producer_decides h t m oh ct ot ch c burst todo :
    length burst <= wsub n (wsub oh ct) -> well_formed burst -> covering F (length burst) todo ->
    step (State h t m oh ct Producing_nothing ot ch c) Silent (State h t m oh ct (Writing burst todo) ot ch c)
(** [RingProducer.write(_:at:)]: one field of one slot. *)
| producer_writes h t m oh ct ot ch c burst i f todo :
    step (State h t m oh ct (Writing burst ((i, f) :: todo)) ot ch c)
         (Writes (slot oh i) f)
         (State h t (update m (slot oh i) f (field burst i f)) oh ct (Writing burst todo) ot ch c)
(** [RingProducer.publish(_:)]: one store for the whole burst. *)
| producer_publishes h t m oh ct ot ch c burst :
    step (State h t m oh ct (Writing burst []) ot ch c)
         (Event (Enqueued burst))
         (State (wadd oh (length burst)) t m (wadd oh (length burst)) ct Producing_nothing ot ch c)
(** The producer thinks better of it, with any part of the fields written. *)
| producer_abandons h t m oh ct ot ch c burst todo :
    step (State h t m oh ct (Writing burst todo) ot ch c) Silent (State h t m oh ct Producing_nothing ot ch c)
(** [RingConsumer.availableCount(wanted:)]: [cachedHead = memory.head.load()], at any time. *)
| consumer_loads h t m oh ct p ot ch c :
    step (State h t m oh ct p ot ch c) Silent (State h t m oh ct p ot h c)
(** [RingConsumer.availableCount(wanted:)]: the decision, by [cachedHead &- tail] on private words alone. *)
| consumer_decides h t m oh ct p ot ch count todo copy :
    count <= wsub ch ot -> covering F count todo ->
    step (State h t m oh ct p ot ch Consuming_nothing) Silent (State h t m oh ct p ot ch (Reading count todo copy))
(** [RingConsumer.read(at:)]: one field of one slot. *)
| consumer_reads h t m oh ct p ot ch count i f todo copy :
    step (State h t m oh ct p ot ch (Reading count ((i, f) :: todo) copy))
         (Reads (slot ot i) f (m (slot ot i) f))
         (State h t m oh ct p ot ch (Reading count todo (update copy i f (m (slot ot i) f))))
(** [RingConsumer.publish(_:)]: one store for the whole burst; what was read is the caller's now. *)
| consumer_publishes h t m oh ct p ot ch count copy :
    step (State h t m oh ct p ot ch (Reading count [] copy))
         (Event (Dequeued (rows count copy)))
         (State h (wadd ot count) m oh ct p (wadd ot count) ch Consuming_nothing)
(** [RingConsumer.init(_:)] on a ring in use: another consumer takes over where the last one published. *)
| consumer_restarts h t m oh ct p ot ch c :
    step (State h t m oh ct p ot ch c) Silent (State h t m oh ct p t t Consuming_nothing).

(** [RingMemory.init(slotCount:)]: cursors are zero; what the slots hold does not matter. *)
Inductive initial : state -> Prop :=
| initially m : initial (State 0 0 m 0 0 Producing_nothing 0 0 Consuming_nothing).

Definition event_of (l : label) : list (event descriptor) := match l with Event e => [e] | _ => [] end.

Inductive run : state -> list (event descriptor) -> state -> Prop :=
| run_none s : run s [] s
| run_more s l s' events s'' : step s l s' -> run s' events s'' -> run s (event_of l ++ events) s''.

Definition reachable (s : state) : Prop := exists s0 events, initial s0 /\ run s0 events s.

(** *** The abstraction function *)

(** [head &- tail] of the shared cursors: how many buffers are in flight. *)
Definition in_flight (s : state) : nat := wsub (head s) (tail s).

(** T_XY: the slots from tail to head. It is a function of the shared memory, at every point of every interleaving. What
    the consumer has half read is part of it until the consumer publishes, what the producer has half written is not. *)
Definition abstract (s : state) : list descriptor :=
  rows (in_flight s) (fun i f => slots s (slot (tail s) i) f).

(** *** The invariant *)

Definition producer_fine (s : state) : Prop :=
  match producer s with
  | Producing_nothing => True
  | Writing burst todo =>
      (* Room by the stale cursor is room. *)
      length burst + wsub (head s) (cached_tail s) <= n
      /\ well_formed burst /\ inside F (length burst) todo
      (* What is not still to be written is written. *)
      /\ forall i f, i < length burst -> f < F ->
           In (i, f) todo \/ slots s (slot (head s) i) f = field burst i f
  end.

Definition consumer_fine (s : state) : Prop :=
  match consumer s with
  | Consuming_nothing => True
  | Reading count todo copy =>
      count <= wsub (cached_head s) (tail s)
      /\ inside F count todo
      /\ forall i f, i < count -> f < F ->
           In (i, f) todo \/ copy i f = slots s (slot (tail s) i) f
  end.

Record invariant (s : state) : Prop := Invariant {
  head_word : head s < M;
  tail_word : tail s < M;
  cached_tail_word : cached_tail s < M;
  cached_head_word : cached_head s < M;
  own_head_published : own_head s = head s;
  own_tail_published : own_tail s = tail s;
  (** The stale tail claims no more than the ring has... *)
  cached_tail_bounded : wsub (head s) (cached_tail s) <= n;
  (** ... and never fewer buffers in flight than there are: room is under-estimated. *)
  cached_tail_stale : in_flight s <= wsub (head s) (cached_tail s);
  (** The stale head never shows more buffers than there are: what is available is under-estimated. *)
  cached_head_stale : wsub (cached_head s) (tail s) <= in_flight s;
  producer_invariant : producer_fine s;
  consumer_invariant : consumer_fine s
}.

Lemma initial_invariant s : initial s -> invariant s.
Proof.
  destruct 1. assert (wsub 0 0 = 0) as E by (apply wsub_self; lia).
  split; unfold in_flight, producer_fine, consumer_fine; simpl; rewrite ?E; try lia; exact I.
Qed.

Lemma inside_rest count x todo : inside F count (x :: todo) -> inside F count todo.
Proof. intros H i f Hin. apply H. now right. Qed.

(** What a label says about the sequence before and after. *)
Definition simulates (q : list descriptor) (l : label) (q' : list descriptor) : Prop :=
  match l with Event e => fifo_step n q e q' | _ => q' = q end.

(** A write of the producer leaves what is in flight alone. *)
Lemma write_keeps_abstract h t (m : table) i f w burst_length :
  h < M -> t < M -> i < burst_length -> burst_length + wsub h t <= n ->
  forall j g, j < wsub h t -> update m (slot h i) f w (slot t j) g = m (slot t j) g.
Proof.
  intros. apply update_other. left. apply not_eq_sym. apply free_slot_differs; try assumption; lia.
Qed.

(** *** One step *)

Ltac parts := repeat match goal with |- _ /\ _ => split end.

(** Each step keeps the invariant, and is a stutter of the sequence or exactly one enqueue or dequeue of it. *)
Theorem step_simulates s l s' : invariant s -> step s l s' ->
  invariant s' /\ simulates (abstract s) l (abstract s').
Proof.
  intros [Hh Ht Hct Hch Eh Et Hb Hst Hsh Hp Hc] Hstep.
  destruct Hstep; unfold in_flight, producer_fine, consumer_fine in *; simpl in *; subst.
  - (* producer_loads *)
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try lia.
    destruct p; [ exact I | ]. destruct Hp as (? & ? & ? & ?). parts; try assumption; lia.
  - (* producer_decides *)
    rewrite wsub_room in * by assumption.
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity.
    match goal with H : covering _ _ _ |- _ => destruct H as [Hin Hall] end.
    parts; try assumption; try lia. intros. left. now apply Hall.
  - (* producer_writes *)
    destruct Hp as (Hroom & Hwf & Hin & Hdone).
    destruct (Hin i f) as [Hi Hf]; [ now left | ].
    pose proof (write_keeps_abstract h t m i f (field burst i f) (length burst) Hh Ht Hi ltac:(lia)) as Hkeep.
    split.
    + split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity.
      * parts; try assumption; try (eapply inside_rest; eassumption).
        intros j g Hj Hg. destruct (Nat.eq_dec j i) as [ -> | Hne ].
        -- destruct (Nat.eq_dec g f) as [ -> | Hne ].
           ++ right. apply update_same.
           ++ rewrite update_other by auto. destruct (Hdone i g Hi Hg) as [ [ E | ? ] | ? ]; auto.
              congruence.
        -- rewrite update_other.
           ++ destruct (Hdone j g Hj Hg) as [ [ E | ? ] | ? ]; auto. congruence.
           ++ left. intros E. apply slot_injective in E; assumption || lia.
      * destruct c; [ exact I | ]. destruct Hc as (Hcount & Hin' & Hread). parts; try assumption.
        intros j g Hj Hg. rewrite Hkeep by lia. now apply Hread.
    + simpl. unfold abstract, in_flight. simpl. apply rows_ext. intros. now apply Hkeep.
  - (* producer_publishes *)
    destruct Hp as (Hroom & Hwf & Hin & Hdone).
    assert (E1 : wsub (wadd h (length burst)) t = wsub h t + length burst) by (apply wsub_wadd_front; lia).
    assert (E2 : wsub (wadd h (length burst)) ct = wsub h ct + length burst) by (apply wsub_wadd_front; lia).
    split.
    + split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity;
        rewrite ?E1, ?E2; try exact I; try lia; apply wadd_below; lia.
    + simpl. assert (E : abstract (State (wadd h (length burst)) t m (wadd h (length burst)) ct
                           Producing_nothing t ch c)
                         = abstract (State h t m h ct (Writing burst []) t ch c) ++ burst).
      { unfold abstract, in_flight. simpl. rewrite E1, rows_app. f_equal.
        rewrite <- (rows_of_burst W w0 F burst Hwf) at 2. apply rows_ext.
        intros i f Hi Hf. rewrite <- slot_shift, wadd_wsub by lia.
        destruct (Hdone i f Hi Hf) as [ [] | ? ]; assumption. }
      rewrite E. apply fifo_enqueue. unfold abstract, in_flight. rewrite rows_length. simpl. lia.
  - (* producer_abandons *)
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; reflexivity || exact I.
  - (* consumer_loads *)
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try lia.
    destruct c; [ exact I | ]. destruct Hc as (? & ? & ?). parts; try assumption; lia.
  - (* consumer_decides *)
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity.
    match goal with H : covering _ _ _ |- _ => destruct H as [Hin Hall] end.
    parts; try assumption. intros. left. now apply Hall.
  - (* consumer_reads *)
    destruct Hc as (Hcount & Hin & Hdone).
    destruct (Hin i f) as [Hi Hf]; [ now left | ].
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity.
    parts; try assumption; try (eapply inside_rest; eassumption).
    intros j g Hj Hg. destruct (Nat.eq_dec j i) as [ -> | Hne ]; [ destruct (Nat.eq_dec g f) as [ -> | Hne ] | ].
    + right. apply update_same.
    + rewrite update_other by auto. destruct (Hdone i g Hi Hg) as [ [ E | ? ] | ? ]; auto. congruence.
    + rewrite update_other by auto. destruct (Hdone j g Hj Hg) as [ [ E | ? ] | ? ]; auto. congruence.
  - (* consumer_publishes *)
    destruct Hc as (Hcount & Hin & Hdone).
    assert (E1 : wsub h (wadd t count) = wsub h t - count) by (apply wsub_wadd_rear; lia).
    assert (E2 : wsub ch (wadd t count) = wsub ch t - count) by (apply wsub_wadd_rear; lia).
    split.
    + split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity;
        rewrite ?E1, ?E2; try exact I; try lia; apply wadd_below; lia.
    + simpl. assert (E : abstract (State h t m h ct p t ch (Reading count [] copy))
                         = rows count copy
                           ++ abstract (State h (wadd t count) m h ct p (wadd t count) ch Consuming_nothing)).
      { unfold abstract, in_flight. simpl. rewrite E1.
        replace (wsub h t) with (count + (wsub h t - count)) at 1 by lia.
        rewrite rows_app. f_equal.
        - apply rows_ext. intros i f Hi Hf. destruct (Hdone i f Hi Hf) as [ [] | ? ]. now symmetry.
        - apply rows_ext. intros i f _ _. now rewrite slot_shift. }
      rewrite E. apply fifo_dequeue.
  - (* consumer_restarts *)
    split; [ | reflexivity ].
    split; unfold in_flight, producer_fine, consumer_fine; simpl; try assumption; try reflexivity; try exact I.
    rewrite wsub_self by lia. lia.
Qed.

(** *** Every run *)

Lemma run_simulates s events s' : run s events s' -> invariant s ->
  invariant s' /\ fifo_run n (abstract s) events (abstract s').
Proof.
  induction 1 as [ s | s l s1 events s2 Hstep Hrun IH ]; intros Hinv.
  - split; [ assumption | apply fifo_done ].
  - destruct (step_simulates _ _ _ Hinv Hstep) as [Hinv1 Hsim].
    destruct (IH Hinv1) as [Hinv2 Hfifo]. split; [ assumption | ].
    destruct l; simpl in *; try (rewrite Hsim in Hfifo; exact Hfifo).
    eapply fifo_more; eassumption.
Qed.

Theorem reachable_invariant s : reachable s -> invariant s.
Proof.
  intros (s0 & events & Hinit & Hrun). eapply run_simulates; [ eassumption | now apply initial_invariant ].
Qed.

Lemma initial_empty s : initial s -> abstract s = [].
Proof.
  destruct 1. unfold abstract, in_flight. simpl. rewrite wsub_self by lia. reflexivity.
Qed.

(** The concurrent ring refines the sequence: whatever the interleaving and however stale the cursors acted on, the
    events that happened are events of the sequence, and the ring's content is the sequence's. *)
Theorem ring_refines_fifo s0 events s :
  initial s0 -> run s0 events s -> fifo_run n [] events (abstract s).
Proof.
  intros Hinit Hrun. rewrite <- (initial_empty _ Hinit).
  eapply run_simulates; [ eassumption | now apply initial_invariant ].
Qed.

(** Every value dequeued is the one enqueued, whole and in order; the rest is in flight. *)
Theorem delivered_in_order s0 events s :
  initial s0 -> run s0 events s -> sent events = received events ++ abstract s.
Proof.
  intros Hinit Hrun. exact (fifo_order _ _ _ _ _ (ring_refines_fifo _ _ _ Hinit Hrun)).
Qed.

(** I4: at most [n] in flight. *)
Theorem never_overfull s : reachable s -> in_flight s <= n /\ length (abstract s) = in_flight s.
Proof.
  intros H. apply reachable_invariant in H. split.
  - destruct H. lia.
  - apply rows_length.
Qed.

(** Acting on a stale tail: what the producer takes for free is free, and more may be. *)
Theorem stale_tail_underestimates s : reachable s ->
  wsub n (wsub (own_head s) (cached_tail s)) <= n - in_flight s.
Proof.
  intros H. apply reachable_invariant in H. destruct H. rewrite own_head_published0.
  rewrite wsub_room by assumption. lia.
Qed.

(** Acting on a stale head: what the consumer takes for available is available, and more may be. *)
Theorem stale_head_underestimates s : reachable s ->
  wsub (cached_head s) (own_tail s) <= in_flight s.
Proof. intros H. apply reachable_invariant in H. destruct H. now rewrite own_tail_published0. Qed.

(** *** Accesses to slots *)

(** I4: a field that is read lies in a slot in flight and is that of the descriptor enqueued. *)
Theorem reads_published s f_slot f w s' : reachable s -> step s (Reads f_slot f w) s' ->
  exists i, i < in_flight s /\ f < F /\ f_slot = slot (tail s) i /\ w = nth f (nth i (abstract s) []) w0.
Proof.
  intros Hr Hstep. apply reachable_invariant in Hr. destruct Hr as [Hh Ht Hct Hch Eh Et Hb Hst Hsh Hp Hc].
  inversion Hstep; subst; unfold in_flight, consumer_fine in *; simpl in *; subst.
  destruct Hc as (Hcount & Hin & _). destruct (Hin i f) as [Hi Hf]; [ now left | ].
  exists i. repeat split; try assumption; try lia.
  unfold abstract, in_flight. simpl. now rewrite rows_nth by lia.
Qed.

(** A field that is written lies in a slot that is not in flight. *)
Theorem writes_free s f_slot f s' : reachable s -> step s (Writes f_slot f) s' ->
  f_slot < n /\ f < F /\ forall i, i < in_flight s -> f_slot <> slot (tail s) i.
Proof.
  intros Hr Hstep. apply reachable_invariant in Hr. destruct Hr as [Hh Ht Hct Hch Eh Et Hb Hst Hsh Hp Hc].
  inversion Hstep; subst; unfold in_flight, producer_fine in *; simpl in *; subst.
  destruct Hp as (Hroom & _ & Hin & _). destruct (Hin i f) as [Hi Hf]; [ now left | ].
  split; [ now apply slot_below | ]. split; [ assumption | ].
  intros j Hj. apply free_slot_differs; try assumption; lia.
Qed.

(** No data race: nowhere can one thread write a slot that the other may read next. *)
Theorem no_race s f_slot f g w s1 s2 : reachable s ->
  step s (Writes f_slot f) s1 -> step s (Reads f_slot g w) s2 -> False.
Proof.
  intros Hr Hw Hrd. destruct (reads_published _ _ _ _ _ Hr Hrd) as (i & Hi & _ & E & _).
  destruct (writes_free _ _ _ _ Hr Hw) as (_ & _ & Hd). exact (Hd i Hi E).
Qed.

(** *** The ring can do what it may: nothing above holds for want of steps *)

Lemma run_app s e1 s1 e2 s2 : run s e1 s1 -> run s1 e2 s2 -> run s (e1 ++ e2) s2.
Proof. induction 1; intros; simpl; [ assumption | ]. rewrite <- app_assoc. eauto using run_more. Qed.

Lemma run_writes h t oh ct ot ch c burst todo : forall m, exists m',
  run (State h t m oh ct (Writing burst todo) ot ch c) [] (State h t m' oh ct (Writing burst []) ot ch c).
Proof.
  induction todo as [ | [i f] todo IH ]; intros m.
  - exists m. apply run_none.
  - destruct (IH (update m (slot oh i) f (field burst i f))) as [m' Hm]. exists m'.
    refine (run_more _ (Writes _ _) _ [] _ _ Hm). apply producer_writes.
Qed.

Lemma run_reads h t m oh ct p ot ch count todo : forall copy, exists copy',
  run (State h t m oh ct p ot ch (Reading count todo copy)) [] (State h t m oh ct p ot ch (Reading count [] copy')).
Proof.
  induction todo as [ | [i f] todo IH ]; intros copy.
  - exists copy. apply run_none.
  - destruct (IH (update copy i f (m (slot ot i) f))) as [copy' Hm]. exists copy'.
    refine (run_more _ (Reads _ _ _) _ [] _ _ Hm). apply consumer_reads.
Qed.

(** All [n] slots are of use: an idle producer can enqueue any burst that fits beside what is in flight, whatever the
    consumer is doing meanwhile. *)
Theorem enqueue_possible s burst : reachable s -> producer s = Producing_nothing ->
  well_formed burst -> in_flight s + length burst <= n ->
  exists s', run s [Enqueued burst] s' /\ abstract s' = abstract s ++ burst.
Proof.
  intros Hr Hidle Hwf Hroom. apply reachable_invariant in Hr.
  assert (exists s', run s [Enqueued burst] s') as [s' Hrun].
  { destruct s as [h t m oh ct p ot ch c]. simpl in Hidle. subst p.
    destruct Hr as [Hh Ht Hct Hch Eh Et Hb Hst Hsh Hp Hc]. unfold in_flight in *. simpl in *. subst.
    destruct (run_writes h t h t t ch c burst (in_order F (length burst)) m) as [m' Hm].
    eexists. refine (run_more _ Silent _ _ _ (producer_loads _ _ _ _ _ _ _ _ _) _).
    eapply (run_more _ Silent _ [Enqueued burst]).
    { apply (producer_decides _ _ _ _ _ _ _ _ burst (in_order F (length burst))); [ rewrite wsub_room by lia; lia | assumption | apply in_order_covering ]. }
    change [Enqueued burst] with (([] : list (event descriptor)) ++ [Enqueued burst]).
    eapply run_app; [ exact Hm | ].
    exact (run_more _ (Event _) _ [] _ (producer_publishes _ _ _ _ _ _ _ _ _) (run_none _)). }
  exists s'. split; [ assumption | ].
  destruct (run_simulates _ _ _ Hrun Hr) as [_ Hf].
  inversion Hf as [ | ? ? ? ? ? Hs Hn ]; subst. inversion Hs; subst. inversion Hn; subst. congruence.
Qed.

(** What is in flight can be dequeued, as one burst, whatever the producer is doing meanwhile. *)
Theorem dequeue_possible s count : reachable s -> consumer s = Consuming_nothing -> count <= in_flight s ->
  exists s', run s [Dequeued (firstn count (abstract s))] s'.
Proof.
  intros Hr Hidle Hcount. apply reachable_invariant in Hr.
  assert (exists s' copy, run s [Dequeued (rows count copy)] s') as (s' & copy & Hrun).
  { destruct s as [h t m oh ct p ot ch c]. simpl in Hidle. subst c.
    destruct Hr as [Hh Ht Hct Hch Eh Et Hb Hst Hsh Hp Hc]. unfold in_flight in *. simpl in *. subst.
    destruct (run_reads h t m h ct p t h count (in_order F count) (fun _ _ => w0)) as [copy Hm].
    do 2 eexists. refine (run_more _ Silent _ _ _ (consumer_loads _ _ _ _ _ _ _ _ _) _).
    eapply (run_more _ Silent _ [Dequeued (rows count copy)]).
    { apply (consumer_decides _ _ _ _ _ _ _ _ count (in_order F count)); [ assumption | apply in_order_covering ]. }
    change [Dequeued (rows count copy)] with (([] : list (event descriptor)) ++ [Dequeued (rows count copy)]).
    eapply run_app; [ exact Hm | ].
    exact (run_more _ (Event _) _ [] _ (consumer_publishes _ _ _ _ _ _ _ _ _ _) (run_none _)). }
  exists s'. destruct (run_simulates _ _ _ Hrun Hr) as [_ Hf].
  inversion Hf as [ | ? ? ? ? ? Hs Hn ]; subst. inversion Hs as [ | q b Hq Hb Hq' ]; subst.
  rewrite firstn_app, rows_length, Nat.sub_diag, firstn_O, app_nil_r.
  rewrite firstn_all2 by (rewrite rows_length; lia). exact Hrun.
Qed.

End Ring.

(** ** 5. The ring of the code: 32-bit cursors, a power of two of slots, six fields *)

(** [RingMemory] with [slotCount] = 2^j, [j] < 32, and the fields of [Descriptor]. *)
Corollary shipped_ring j W (w0 : W) s0 events s : j < 32 ->
  initial W s0 -> run (2 ^ 32) (2 ^ j) 6 W w0 s0 events s ->
  fifo_run (2 ^ j) [] events (abstract (2 ^ 32) (2 ^ j) 6 W s).
Proof.
  intros Hj. apply ring_refines_fifo.
  - apply Nat.neq_0_lt_0, Nat.pow_nonzero. lia.
  - apply Nat.pow_lt_mono_r; lia.
  - exists (2 ^ (32 - j)). rewrite <- Nat.pow_add_r. f_equal. lia.
Qed.
