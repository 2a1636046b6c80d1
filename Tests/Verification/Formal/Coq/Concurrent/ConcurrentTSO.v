(** * The concurrent ring with store buffers

    As in [Concurrent], but a store goes into its thread's store buffer and reaches memory later, at any time, in the
    order of the stores: total store order, x86's. Loads are made at once. (A thread never loads a word of the ring that
    it stores to, so that a load need not look into its own buffer.) Weaker orders, where loads too may be reordered, are
    not covered here but by the Spin models.

    The proof runs the sequentially consistent ring beside this one: its producer makes its steps when the stores leave
    the buffer, its consumer makes them at once. So the enqueue takes effect when the producer's publish reaches memory,
    the dequeue when the consumer publishes, and all that [Concurrent] proves about events holds here.

    The steps are those of [RingProducer] and [RingConsumer] named in [ConcurrentModel.step], less the producer that gives up
    half way and the consumer that is replaced. *)

From Coq Require Import Arith List Lia Bool.
From CleanQ Require Import Concurrent.
Import ListNotations.

Ltac parts := repeat match goal with |- _ /\ _ => split end.

Section Tso.

Context {r : ring}.
Let n_positive : 0 < n := n_positive.
Let n_below_M : n < M := n_below_M.
Let n_divides_M : Nat.divide n M := n_divides_M.

(** A store of the producer: a field, or the cursor (with the burst that it publishes, for the event). *)
Inductive store :=
| Field_store (s f : nat) (w : W)
| Head_store (value : nat) (burst : list (list W)).

Record tso := Tso {
  m_head : nat;
  m_tail : nat;
  m_slots : table;
  t_head : nat;
  t_cached_tail : nat;
  t_producer : producer_pc;
  p_buffer : list store;
  t_tail : nat;
  t_cached_head : nat;
  t_consumer : consumer_pc;
  c_buffer : list nat
}.

Inductive tso_step : tso -> list (event (list W)) -> tso -> Prop :=
| tso_producer_loads h t m oh ct p pb ot ch c cb :
    tso_step (Tso h t m oh ct p pb ot ch c cb) [] (Tso h t m oh t p pb ot ch c cb)
| tso_producer_decides h t m oh ct pb ot ch c cb burst todo :
    length burst <= wsub n (wsub oh ct) -> well_formed burst -> covering F (length burst) todo ->
    tso_step (Tso h t m oh ct (Producing_nothing) pb ot ch c cb) [] (Tso h t m oh ct (Writing burst todo) pb ot ch c cb)
| tso_producer_writes h t m oh ct pb ot ch c cb burst i f todo :
    tso_step (Tso h t m oh ct (Writing burst ((i, f) :: todo)) pb ot ch c cb) []
             (Tso h t m oh ct (Writing burst todo) (pb ++ [Field_store (slot oh i) f (field burst i f)]) ot ch c cb)
| tso_producer_publishes h t m oh ct pb ot ch c cb burst :
    tso_step (Tso h t m oh ct (Writing burst []) pb ot ch c cb) []
             (Tso h t m (wadd oh (length burst)) ct (Producing_nothing)
                (pb ++ [Head_store (wadd oh (length burst)) burst]) ot ch c cb)
| tso_field_lands h t m oh ct p s f w pb ot ch c cb :
    tso_step (Tso h t m oh ct p (Field_store s f w :: pb) ot ch c cb) []
             (Tso h t (update m s f w) oh ct p pb ot ch c cb)
| tso_head_lands h t m oh ct p v burst pb ot ch c cb :
    tso_step (Tso h t m oh ct p (Head_store v burst :: pb) ot ch c cb) [Enqueued burst]
             (Tso v t m oh ct p pb ot ch c cb)
| tso_consumer_loads h t m oh ct p pb ot ch c cb :
    tso_step (Tso h t m oh ct p pb ot ch c cb) [] (Tso h t m oh ct p pb ot h c cb)
| tso_consumer_decides h t m oh ct p pb ot ch cb count todo copy :
    count <= wsub ch ot -> covering F count todo ->
    tso_step (Tso h t m oh ct p pb ot ch (Consuming_nothing) cb) []
             (Tso h t m oh ct p pb ot ch (Reading count todo copy) cb)
| tso_consumer_reads h t m oh ct p pb ot ch cb count i f todo copy :
    tso_step (Tso h t m oh ct p pb ot ch (Reading count ((i, f) :: todo) copy) cb) []
             (Tso h t m oh ct p pb ot ch (Reading count todo (update copy i f (m (slot ot i) f))) cb)
| tso_consumer_publishes h t m oh ct p pb ot ch cb count copy :
    tso_step (Tso h t m oh ct p pb ot ch (Reading count [] copy) cb) [Dequeued (rows count copy)]
             (Tso h t m oh ct p pb (wadd ot count) ch (Consuming_nothing) (cb ++ [wadd ot count]))
| tso_tail_lands h t m oh ct p pb ot ch c v cb :
    tso_step (Tso h t m oh ct p pb ot ch c (v :: cb)) [] (Tso h v m oh ct p pb ot ch c cb).

Inductive tso_initial : tso -> Prop :=
| tso_initially m : tso_initial (Tso 0 0 m 0 0 (Producing_nothing) [] 0 0 (Consuming_nothing) []).

Inductive tso_run : tso -> list (event (list W)) -> tso -> Prop :=
| tso_run_none x : tso_run x [] x
| tso_run_more x e x' events x'' : tso_step x e x' -> tso_run x' events x'' -> tso_run x (e ++ events) x''.

(** The stores of a burst that are still to reach memory, its cursor store last. *)
Definition stores_of (h : nat) (burst : list (list W)) (todo : accesses) : list store :=
  map (fun x => Field_store (slot h (fst x)) (snd x) (field burst (fst x) (snd x))) todo
  ++ [Head_store (wadd h (length burst)) burst].

(** What the producer has begun and not yet issued. *)
Definition unissued (x : tso) : list store :=
  match t_producer x with Producing_nothing => [] | Writing burst todo => stores_of (t_head x) burst todo end.

(** [k] buffers in whole bursts are on their way to memory, from cursor [h] on, up to cursor [e]. *)
Inductive pending : nat -> list store -> nat -> nat -> Prop :=
| pending_none h : pending h [] 0 h
| pending_burst h burst todo rest k e :
    well_formed burst -> covering F (length burst) todo -> pending (wadd h (length burst)) rest k e ->
    pending h (stores_of h burst todo ++ rest) (length burst + k) e.

Lemma pending_append h stores k e burst todo :
  well_formed burst -> covering F (length burst) todo -> pending h stores k e ->
  pending h (stores ++ stores_of e burst todo) (k + length burst) (wadd e (length burst)).
Proof.
  intros Hwf Hcov. induction 1 as [ h | h b t rest k e Hb Ht Hp IH ]; simpl.
  - pose proof (pending_burst h burst todo [] 0 (wadd h (length burst)) Hwf Hcov (pending_none _)) as H.
    rewrite app_nil_r, Nat.add_0_r in H. exact H.
  - rewrite <- app_assoc, <- Nat.add_assoc. apply pending_burst; auto.
Qed.

(** Where the producer will be when it has published what it has begun. *)
Definition end_head (x : tso) : nat :=
  match t_producer x with Producing_nothing => t_head x | Writing burst _ => wadd (t_head x) (length burst) end.

(** What is on its way, seen from the producer of the sequentially consistent ring. *)
Definition on_its_way (s : state) (stores : list store) (k e : nat) : Prop :=
  match producer s with
  | Producing_nothing => pending (head s) stores k e
  | Writing burst todo => exists rest k', stores = stores_of (head s) burst todo ++ rest
      /\ k = length burst + k' /\ pending (wadd (head s) (length burst)) rest k' e
  end.

(** Older views of the tail lie no nearer to the head than newer ones. *)
Fixpoint ordered (e : nat) (bound : nat) (tails : list nat) : Prop :=
  match tails with
  | [] => True
  | t :: rest => t < M /\ wsub e t <= bound /\ ordered e (wsub e t) rest
  end.

Record beside (x : tso) (s : state) : Prop := Beside {
  b_head : head s = m_head x;
  b_slots : slots s = m_slots x;
  b_tail : own_tail s = t_tail x;
  b_cached_head : cached_head s = t_cached_head x;
  b_consumer : consumer s = t_consumer x;
  b_head_word : t_head x < M;
  b_ordered : ordered (end_head x) n (t_cached_tail x :: m_tail x :: c_buffer x ++ [t_tail x]);
  b_way : exists k, on_its_way s (p_buffer x ++ unissued x) k (end_head x)
            /\ in_flight s + k = wsub (end_head x) (t_tail x)
}.

Lemma ordered_forward e d : e < M -> forall tails bound, bound + d < M -> ordered e bound tails ->
  ordered (wadd e d) (bound + d) tails.
Proof.
  intros He. induction tails as [ | t rest IH ]; simpl; intros bound Hb H; [ exact I | ].
  destruct H as (Ht & Hle & Hrest). rewrite wsub_wadd_front by lia.
  repeat split; try lia. apply IH; [ lia | assumption ].
Qed.

Lemma ordered_weaken e tails : forall bound bound', bound <= bound' -> ordered e bound tails -> ordered e bound' tails.
Proof. destruct tails; simpl; intros; [ exact I | ]. intuition lia. Qed.

Lemma ordered_last e t d : e < M -> d <= wsub e t -> forall tails bound,
  ordered e bound (tails ++ [t]) -> ordered e bound (tails ++ [wadd t d; wadd t d]).
Proof.
  intros He Hd. assert (wadd t d < M) by (apply wadd_below; lia).
  induction tails as [ | u rest IH ]; simpl; intros bound H0.
  - destruct H0 as (Ht & Hle & _). rewrite wsub_wadd_rear by lia. parts; try exact I; lia.
  - destruct H0 as (Hu & Hle & Hrest). parts; auto.
Qed.

Lemma ordered_at_last e t : forall tails bound, ordered e bound (tails ++ [t]) -> t < M /\ wsub e t <= bound.
Proof.
  induction tails as [ | u rest IH ]; simpl; intros bound H; [ intuition | ].
  destruct H as (_ & Hle & Hrest). apply IH in Hrest. lia.
Qed.

Lemma way_append s stores k e burst todo :
  well_formed burst -> covering F (length burst) todo -> on_its_way s stores k e ->
  on_its_way s (stores ++ stores_of e burst todo) (k + length burst) (wadd e (length burst)).
Proof.
  intros Hwf Hcov. unfold on_its_way. destruct (producer s) as [ | b t ].
  - now apply pending_append.
  - intros (rest & k' & -> & -> & Hp). exists (rest ++ stores_of e burst todo), (k' + length burst).
    split; [ now rewrite app_assoc | ]. split; [ lia | ]. now apply pending_append.
Qed.

Lemma silent s s' : step s (Silent) s' -> run s [] s'.
Proof. intros H. exact (run_more _ _ _ _ _ H (run_none _)). Qed.

Lemma one s l s' : step s l s' -> run s (event_of l) s'.
Proof.
  intros H. rewrite <- (app_nil_r (event_of l)). exact (run_more _ _ _ _ _ H (run_none _)).
Qed.

(** The next store to land is one of a burst: the producer of the other ring has begun it, or begins it now, with the
    room that it has for sure. *)
Lemma begin_burst x s st pb : beside x s -> invariant s -> p_buffer x = st :: pb ->
  exists s1 burst todo, run s [] s1 /\ beside x s1 /\ invariant s1 /\ producer s1 = Writing burst todo.
Proof.
  intros Hb Hinv Hpb. destruct (producer s) as [ | burst todo ] eqn:Ep.
  2: { exists s, burst, todo. split; [ constructor | ]. auto. }
  assert (Hx : forall s1, run s [] s1 -> invariant s1).
  { intros s1 Hr. eapply run_simulates; eassumption. }
  pose proof Hinv as [Hh Ht Hct Hch Eh Et Hbd Hst Hsh Hp Hc].
  destruct Hb as [B1 B2 B3 B4 B5 B6 B7 (k & Bw & Bk)].
  unfold on_its_way in Bw. rewrite Ep in Bw. rewrite Hpb in Bw. simpl in Bw.
  assert (Hn : wsub (end_head x) (t_tail x) <= n).
  { change (ordered (end_head x) n ((t_cached_tail x :: m_tail x :: c_buffer x) ++ [t_tail x])) in B7.
    now apply ordered_at_last in B7. }
  remember (st :: pb ++ unissued x) as all eqn:Eall. remember (head s) as hd eqn:Ehd.
  remember (end_head x) as e eqn:Ee.
  destruct Bw as [ hd | hd burst todo rest k' e Hwf Hcov Hrest ]; [ discriminate | ].
  destruct s as [h t m oh ct p ot ch c]. simpl in *. subst.
  assert (Hs : run (State (m_head x) (t_tail x) (m_slots x) (m_head x) ct (Producing_nothing) (t_tail x)
                      (t_cached_head x) (t_consumer x)) []
                   (State (m_head x) (t_tail x) (m_slots x) (m_head x) (t_tail x) (Writing burst todo) (t_tail x)
                      (t_cached_head x) (t_consumer x))).
  { refine (run_app _ [] _ [] _ (silent _ _ (producer_loads _ _ _ _ _ _ _ _ _)) _).
    apply silent. apply producer_decides; try assumption.
    unfold in_flight in *. simpl in *. rewrite wsub_room by lia. lia. }
  eexists _, burst, todo. split; [ exact Hs | ]. split; [ | split; [ now apply Hx | reflexivity ] ].
  split; simpl; auto. exists (length burst + k'). split; [ | exact Bk ].
  unfold on_its_way. simpl. rewrite Hpb. simpl. rewrite <- Eall. exists rest, k'. auto.
Qed.

Theorem tso_step_simulates x e x' s : tso_step x e x' -> beside x s -> invariant s ->
  exists s', run s e s' /\ beside x' s'.
Proof.
  intros Hstep Hb Hinv. destruct Hstep.
  - (* tso_producer_loads *)
    exists s. split; [ constructor | ]. destruct Hb as [B1 B2 B3 B4 B5 B6 B7 B8].
    split; try assumption. unfold end_head in *. simpl in *. destruct B7 as (H1 & H2 & H3 & H4 & H5).
    parts; assumption || lia.
  - (* tso_producer_decides *)
    exists s. split; [ constructor | ]. destruct Hb as [B1 B2 B3 B4 B5 B6 B7 (k & Bw & Bk)].
    pose proof (ordered_at_last oh ot (ct :: t :: cb) n B7) as [Hot Hn].
    unfold end_head, unissued in *. simpl in *. rewrite app_nil_r in Bw.
    destruct B7 as (Hct & Hle & B7). rewrite wsub_room in * by lia.
    pose proof (ordered_at_last oh ot (t :: cb) (wsub oh ct) B7) as [_ Hn'].
    split; try assumption; unfold end_head, unissued; simpl.
    + split; [ assumption | ]. rewrite wsub_wadd_front by lia. split; [ lia | ].
      exact (ordered_forward oh (length burst) B6 (t :: cb ++ [ot]) (wsub oh ct) ltac:(lia) B7).
    + exists (k + length burst). split; [ now apply way_append | ].
      rewrite wsub_wadd_front by lia. lia.
  - (* tso_producer_writes *)
    exists s. split; [ constructor | ]. destruct Hb as [B1 B2 B3 B4 B5 B6 B7 (k & Bw & Bk)].
    split; try assumption. exists k. split; [ | assumption ].
    unfold unissued in *. simpl in *. rewrite <- app_assoc. exact Bw.
  - (* tso_producer_publishes *)
    exists s. split; [ constructor | ]. destruct Hb as [B1 B2 B3 B4 B5 B6 B7 (k & Bw & Bk)].
    split; try assumption.
    + apply wadd_below. lia.
    + exists k. split; [ | assumption ]. unfold unissued in *. simpl in *. rewrite app_nil_r. exact Bw.
  - (* tso_field_lands *)
    destruct (begin_burst _ _ _ _ Hb Hinv eq_refl) as (s1 & burst & todo & Hrun & Hb1 & Hinv1 & Ep).
    destruct Hb1 as [B1 B2 B3 B4 B5 B6 B7 (k & Bw & Bk)].
    unfold on_its_way in Bw. rewrite Ep in Bw. destruct Bw as (rest & k' & El & -> & Hp).
    pose proof (own_head_published _ Hinv1) as Eh.
    destruct todo as [ | [i g] todo ]; [ discriminate | ].
    destruct s1 as [h1 t1 m1 oh1 ct1 p1 ot1 ch1 c1]. simpl in *. subst. injection El as -> -> -> El.
    eexists. split.
    { refine (run_app _ [] _ [] _ Hrun (one _ (Writes _ _) _ _)). apply producer_writes. }
    split; try assumption; try reflexivity. exists (length burst + k'). split; [ | assumption ].
    unfold on_its_way. simpl. exists rest, k'. split; [ exact El | auto ].
  - (* tso_head_lands *)
    destruct (begin_burst _ _ _ _ Hb Hinv eq_refl) as (s1 & b & todo & Hrun & Hb1 & Hinv1 & Ep).
    destruct Hb1 as [B1 B2 B3 B4 B5 B6 B7 (k & Bw & Bk)].
    unfold on_its_way in Bw. rewrite Ep in Bw. destruct Bw as (rest & k' & El & -> & Hp).
    pose proof (own_head_published _ Hinv1) as Eh.
    pose proof (own_tail_published _ Hinv1) as Et.
    pose proof (tail_word _ Hinv1) as Htw.
    pose proof (head_word _ Hinv1) as Hhw.
    destruct todo as [ | [i g] todo ]; [ | discriminate ].
    pose proof (ordered_at_last _ ot (ct :: t :: cb) n B7) as [Hot Hn].
    destruct s1 as [h1 t1 m1 oh1 ct1 p1 ot1 ch1 c1]. unfold in_flight in *. simpl in *. subst. injection El as -> -> El.
    eexists. split.
    { refine (run_app _ [] _ [Enqueued b] _ Hrun (one _ (Event _) _ _)). apply producer_publishes. }
    split; try assumption; try reflexivity. exists k'. split.
    + unfold on_its_way. simpl. unfold unissued in *. simpl in *. rewrite El. exact Hp.
    + unfold in_flight. simpl. unfold end_head in *. simpl in *. rewrite wsub_wadd_front by lia. lia.
  - (* tso_consumer_loads *)
    destruct Hb as [B1 B2 B3 B4 B5 B6 B7 (k & Bw & Bk)].
    destruct s as [h1 t1 m1 oh1 ct1 p1 ot1 ch1 c1]. simpl in *. subst.
    eexists. split; [ apply silent, consumer_loads | ]. split; simpl; try assumption; try reflexivity. eauto.
  - (* tso_consumer_decides *)
    destruct Hb as [B1 B2 B3 B4 B5 B6 B7 (k & Bw & Bk)].
    destruct s as [h1 t1 m1 oh1 ct1 p1 ot1 ch1 c1]. simpl in *. subst.
    eexists. split; [ apply silent; apply (consumer_decides _ _ _ _ _ _ _ _ count todo copy); assumption | ].
    split; simpl; try assumption; try reflexivity. eauto.
  - (* tso_consumer_reads *)
    destruct Hb as [B1 B2 B3 B4 B5 B6 B7 (k & Bw & Bk)].
    destruct s as [h1 t1 m1 oh1 ct1 p1 ot1 ch1 c1]. simpl in *. subst.
    eexists. split; [ exact (one _ (Reads _ _ _) _ (consumer_reads _ _ _ _ _ _ _ _ _ _ _ _ _)) | ].
    split; simpl; try assumption; try reflexivity. eauto.
  - (* tso_consumer_publishes *)
    destruct Hb as [B1 B2 B3 B4 B5 B6 B7 (k & Bw & Bk)].
    pose proof Hinv as [Hh Ht Hct Hch Eh Et Hbd Hst Hsh Hp Hc].
    destruct s as [h1 t1 m1 oh1 ct1 p1 ot1 ch1 c1].
    unfold in_flight, consumer_fine in *. simpl in *.
    subst h1 m1 ot1 ch1 c1. subst oh1 t1. destruct Hc as (Hcount & _).
    assert (He : end_head (Tso h t m oh ct p pb ot ch (Reading count [] copy) cb) < M).
    { unfold end_head. simpl. destruct p; [ assumption | apply wadd_below; lia ]. }
    eexists. split; [ exact (one _ (Event _) _ (consumer_publishes _ _ _ _ _ _ _ _ _ _)) | ].
    split; simpl; try assumption; try reflexivity.
    + unfold end_head in *. simpl in *.
      pose proof (ordered_last _ ot count He ltac:(lia) (ct :: t :: cb) n B7) as Ho. simpl in Ho.
      rewrite <- app_assoc. exact Ho.
    + exists k. split; [ exact Bw | ]. unfold in_flight. simpl. unfold end_head in *. simpl in *.
      rewrite !wsub_wadd_rear by lia. lia.
  - (* tso_tail_lands *)
    exists s. split; [ constructor | ]. destruct Hb as [B1 B2 B3 B4 B5 B6 B7 B8].
    split; try assumption. unfold end_head in *. simpl in *. destruct B7 as (H1 & H2 & H3 & H4 & H5 & H6 & H7).
    parts; assumption || lia.
Qed.

Lemma initial_beside x : tso_initial x -> exists s, initial s /\ beside x s.
Proof.
  destruct 1. exists (State 0 0 m 0 0 (Producing_nothing) 0 0 (Consuming_nothing)).
  assert (E : wsub 0 0 = 0) by (apply wsub_self; lia).
  split; [ constructor | ]. split; simpl; unfold end_head, in_flight; simpl; rewrite ?E; try reflexivity; try lia.
  exists 0. split; [ constructor | reflexivity ].
Qed.

Lemma tso_run_simulates x events x' : tso_run x events x' -> forall s, beside x s -> invariant s ->
  exists s', run s events s' /\ beside x' s'.
Proof.
  induction 1 as [ x | x e x1 events x2 Hstep Hrun IH ]; intros s Hb Hinv.
  - exists s. split; [ constructor | assumption ].
  - destruct (tso_step_simulates _ _ _ _ Hstep Hb Hinv) as (s1 & Hr1 & Hb1).
    assert (Hinv1 : invariant s1) by (eapply run_simulates; eassumption).
    destruct (IH s1 Hb1 Hinv1) as (s2 & Hr2 & Hb2). exists s2. split; [ | assumption ].
    eapply run_app; eassumption.
Qed.

(** Every run with store buffers is a run of the sequentially consistent ring, event by event. *)
Theorem tso_refines_sc x0 events x : tso_initial x0 -> tso_run x0 events x ->
  exists s0 s, initial s0 /\ run s0 events s /\ beside x s.
Proof.
  intros Hi Hr. destruct (initial_beside _ Hi) as (s0 & Hi0 & Hb).
  destruct (tso_run_simulates _ _ _ Hr s0 Hb) as (s & Hrs & Hbs).
  - now apply initial_invariant.
  - eauto.
Qed.

(** Hence of the sequence: with store buffers too, what is dequeued is what was enqueued, whole and in order. *)
Theorem tso_refines_fifo x0 events x : tso_initial x0 -> tso_run x0 events x ->
  exists q, fifo_run n [] events q /\ sent events = received events ++ q /\ length q <= n.
Proof.
  intros Hi Hr. destruct (tso_refines_sc _ _ _ Hi Hr) as (s0 & s & Hi0 & Hrs & _).
  pose proof (ring_refines_fifo _ _ _ Hi0 Hrs) as Hf.
  exists (abstract s). split; [ assumption | ]. split.
  - exact (fifo_order _ _ _ _ _ Hf).
  - eapply fifo_bounded; [ exact Hf | simpl; lia ].
Qed.

End Tso.
