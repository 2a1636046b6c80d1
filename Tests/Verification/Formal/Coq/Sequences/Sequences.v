(* The sequence model: T_XY and T_YX are sequences of buffers, first in, first out, of bounded length.

   It refines the set model of SetModel.v: whatever it does, the set model can do, and the set in flight is the set of bytes
   that the sequence names. One direction by itself, without ledger, is Fifo.v. *)

From Coq Require Import List Arith Bool Lia Permutation.
From CleanQ Require Import Fifo Sets.
Import ListNotations.

Section Sequences.
  (* How many buffers fit in one direction. *)
  Variable capacity : nat.

  (* queue X is T_XY, queue Y is T_YX; the oldest buffer comes first. *)
  Record state := { base : ledger; queue : agent -> list buffer }.

  Definition initial : state := {| base := initial_ledger; queue := fun _ => [] |}.

  Inductive operation :=
  | Local (a : agent) (o : local_operation)
  | Enqueue (a : agent) (run : list buffer)
  | Dequeue (a : agent).

  Inductive result := Done | Took (b : buffer) | Failed (why : failure).

  Definition result_of (o : outcome) : result :=
    match o with SetModel.Done => Done | SetModel.Failed why => Failed why end.

  Definition apply (s : state) (o : operation) : state * result :=
    match o with
    | Local a o =>
        let (l, r) := local (base s) a o in ({| base := l; queue := queue s |}, result_of r)
    | Enqueue a run =>
        match hand_over (base s) a run with
        | (l, SetModel.Done) =>
            match enqueue_all capacity (queue s a) run with
            | Some q => ({| base := l; queue := at_agent (queue s) a q |}, Done)
            | None => (s, Failed Full)
            end
        | (_, SetModel.Failed why) => (s, Failed why)
        end
    | Dequeue a =>
        match dequeue (queue s (other a)) with
        | Some (b, q) =>
            ({| base := take_over (base s) a b; queue := at_agent (queue s) (other a) q |}, Took b)
        | None => (s, Failed Empty)
        end
    end.

  Inductive reachable : state -> Prop :=
  | reachable_initial : reachable initial
  | reachable_apply s o : reachable s -> reachable (fst (apply s o)).

  (* ---- Sequences refine sets ---- *)

  (* A state of this model stands for a state of the set model: same ledger, and in flight is what the sequence names. *)
  Definition refines (s : state) (t : SetModel.state) : Prop :=
    base s = SetModel.base t /\ forall a x, mem (all_bytes (queue s a)) x = transit t a x.

  (* What the set model does when this one answers r to o; None: nothing. *)
  Definition set_operation (o : operation) (r : result) : option SetModel.operation :=
    match o, r with
    | _, Failed _ => None
    | Local a o, _ => Some (SetModel.Local a o)
    | Enqueue a run, _ => Some (SetModel.Enqueue a run)
    | Dequeue a, Took b => Some (SetModel.Dequeue a b)
    | Dequeue _, Done => None
    end.

  Record sound (s : state) (t : SetModel.state) : Prop := {
    refined : refines s t;
    set_good : good t;
    queue_once : forall a, NoDup (all_bytes (queue s a));
    queue_in_bounds : forall a b, In b (queue s a) -> in_bounds (base s) b = true;
    queue_bounded : forall a, length (queue s a) <= capacity
  }.

  Lemma sound_initial : sound initial SetModel.initial.
  Proof.
    split; simpl.
    - split; reflexivity.
    - apply good_initial.
    - intros _. apply NoDup_nil.
    - tauto.
    - intros _. lia.
  Qed.

  Lemma in_flight s t a b x :
    refines s t -> In b (queue s a) -> In x (bytes b) -> transit t a x = true.
  Proof. intros [_ F] I J. rewrite <- F. apply mem_in, in_all_bytes. eauto. Qed.

  (* No local operation takes the ground from under a buffer in flight: no region of which a byte is in flight can be
     deregistered. *)
  Lemma local_keeps_bounds t a o l b :
    good t -> local (SetModel.base t) a o = (l, SetModel.Done) ->
    in_bounds (SetModel.base t) b = true -> (forall x, In x (bytes b) -> exists c, transit t c x = true) ->
    in_bounds l b = true.
  Proof.
    intros G E B T.
    assert (X : forall old new, exchange (SetModel.base t) a old new = (l, SetModel.Done) -> in_bounds l b = true).
    { unfold exchange. intros old new. destruct (take_all _ _); [| discriminate]. intros F. injection F as <-. exact B. }
    destruct o as [r count | r | c | c | c position | c d]; simpl in E; eauto.
    - rewrite <- B. apply in_bounds_ext. rewrite (size_of_register _ _ _ _ _ _ E).
      destruct (region_dec (home b) r) as [H |]; [| reflexivity].
      unfold register in E. unfold in_bounds, size_of in B. rewrite H in B.
      destruct (table (SetModel.base t) (slot r)); discriminate.
    - rewrite <- B. apply in_bounds_ext. rewrite (size_of_deregister _ _ _ _ _ E).
      destruct (region_dec (home b) r) as [H |]; [exfalso | reflexivity].
      pose proof (in_bounds_first _ _ B) as I. destruct (T _ I) as [c J].
      pose proof (in_bounds_bytes _ _ _ B I) as K. unfold registered in K. simpl in K.
      unfold deregister in E. rewrite H in K.
      destruct (size_of (SetModel.base t) r) as [count |] eqn:Z; [| discriminate]. destruct (negb _); [discriminate |].
      destruct (Nat.ltb_spec 0 (elsewhere (SetModel.base t) a r count)); [discriminate |].
      assert (O : own (SetModel.base t) a (home b, offset b) = true)
        by (apply (elsewhere_zero _ _ r count); [lia |]; apply in_range; simpl; split; [exact H | lia]).
      discriminate (exclusive _ G (Owned a) (InFlight c) _ O J).
    - unfold carve in E. destruct (_ && _ && _); [| discriminate]. injection E as <-. exact B.
    - unfold release in E. destruct (is_registrar _ _ _); [eauto |].
      destruct (take_one _ _); [| discriminate]. injection E as <-. exact B.
    - destruct (splittable c position); [eauto | discriminate].
    - destruct (mergeable c d); [eauto | discriminate].
  Qed.

  (* Every step of this model is a step of the set model, or fails and changes nothing. *)
  Lemma step_refines s t o s' r :
    sound s t -> apply s o = (s', r) ->
    match set_operation o r with
    | None => s' = s
    | Some o' => exists t', SetModel.apply t o' = (t', SetModel.Done) /\ sound s' t'
    end.
  Proof.
    intros [[EB F] G N B L]. destruct o as [a o | a run | a]; simpl.
    - destruct (local (base s) a o) as [l [| why]] eqn:E; intros H; injection H as <- <-; simpl.
      + rewrite EB in E. rewrite E. eexists. split; [reflexivity |].
        pose proof (good_local _ _ _ _ _ G E) as G'.
        split; simpl; auto; [split; auto |]. intros b c I.
        rewrite EB in B. apply (local_keeps_bounds t a o); eauto.
        intros x J. exists b. now apply (in_flight s t b c x (conj EB F)).
      + rewrite (local_failure _ _ _ _ _ E). now destruct s.
    - destruct (hand_over (base s) a run) as [l [| why]] eqn:E;
        [| intros H; now injection H as <- <-].
      unfold enqueue_all. destruct (Nat.leb_spec (length (queue s a) + length run) capacity) as [C | C];
        intros H; injection H as <- <-; simpl; [| reflexivity].
      rewrite EB in E. rewrite E. eexists. split; [reflexivity |].
      pose proof (good_enqueue _ _ _ _ G E) as G'.
      apply hand_over_done in E. destruct E as (_ & R & bs & P & ->).
      assert (O : forall x, In x (all_bytes run) -> own (SetModel.base t) a x = true).
      { intros x I. apply (held_owned _ G), in_all_bytes. apply in_all_bytes in I. destruct I as (b & I & J).
        exists b. split; [apply (Permutation_in _ (Permutation_sym P)), in_app_iff |]; auto. }
      split; simpl.
      + split; [reflexivity |]. intros b x. simpl. unfold at_agent. destruct (agent_dec a b) as [<- |]; [| apply F].
        apply eq_true_iff_eq. rewrite mem_in, all_bytes_app, in_app_iff, plus_in, <- F, mem_in. reflexivity.
      + exact G'.
      + intros b. unfold at_agent. destruct (agent_dec a b) as [<- |]; [| auto]. rewrite all_bytes_app.
        apply nodup_app. repeat split; auto.
        * apply all_bytes_permutes in P. rewrite all_bytes_app in P.
          pose proof (Permutation_NoDup P (held_once _ G a)) as D. apply nodup_app in D. apply D.
        * intros x I J. apply mem_in in I. rewrite F in I.
          discriminate (exclusive _ G (InFlight a) (Owned a) x I (O x J)).
      + intros b c. rewrite EB in B. unfold at_agent. destruct (agent_dec a b) as [<- |]; [| apply B].
        rewrite in_app_iff. intros [I | I]; [apply (B _ _ I) | apply (R _ I)].
      + intros b. unfold at_agent. destruct (agent_dec a b) as [<- |]; [| auto]. rewrite app_length. exact C.
    - destruct (queue s (other a)) as [| b q] eqn:Q; simpl; intros H; injection H as <- <-; simpl; [reflexivity |].
      assert (I : In b (queue s (other a))) by (rewrite Q; now left).
      assert (J : in_bounds (SetModel.base t) b = true) by (rewrite <- EB; eauto).
      assert (T : forall x, In x (bytes b) -> transit t (other a) x = true)
        by (intros x; now apply (in_flight s t (other a) b x (conj EB F))).
      assert (T' : forallb (transit t (other a)) (bytes b) = true) by now apply forallb_forall.
      rewrite J, T'. simpl. eexists. split; [reflexivity |].
      pose proof (N (other a)) as D. rewrite Q in D. simpl in D. apply nodup_app in D. destruct D as (_ & D & A).
      split; simpl.
      + split; simpl; [now rewrite EB |]. intros c x. unfold at_agent.
        destruct (agent_dec (other a) c) as [<- |]; [| apply F].
        apply eq_true_iff_eq. rewrite mem_in, minus_in, <- F, mem_in, Q. simpl. rewrite in_app_iff.
        split; [intros I'; split; [auto | intros J'; exact (A x J' I')] | tauto].
      + now apply good_dequeue.
      + intros c. unfold at_agent. now destruct (agent_dec (other a) c).
      + intros c d. unfold at_agent. destruct (agent_dec (other a) c) as [<- |]; [| apply B].
        intros I'. apply (B (other a)). rewrite Q. now right.
      + intros c. unfold at_agent. destruct (agent_dec (other a) c) as [<- |]; [| apply L].
        specialize (L (other a)). rewrite Q in L. simpl in L. lia.
  Qed.

  (* Sequences refine sets: every reachable state of the sequence model stands for a reachable state of the set model. *)
  Theorem sequences_refine_sets s :
    reachable s -> exists t, SetModel.reachable t /\ sound s t.
  Proof.
    induction 1 as [| s o R (t & T & S)].
    - exists SetModel.initial. split; [constructor | apply sound_initial].
    - destruct (apply s o) as [s' r] eqn:E. simpl. pose proof (step_refines _ _ _ _ _ S E) as H.
      destruct (set_operation o r) as [o' |].
      + destruct H as (t' & A & S'). exists t'. split; [| exact S'].
        replace t' with (fst (SetModel.apply t o')) by now rewrite A. now constructor.
      + subst s'. exists t. auto.
  Qed.

  (* An operation that fails changes nothing; a full direction leaves the run with its owner. *)
  Theorem failure_changes_nothing s o s' why : apply s o = (s', Failed why) -> s' = s.
  Proof.
    destruct o as [a o | a run | a]; simpl.
    - destruct (local (base s) a o) as [l [| w]] eqn:E; intros H; injection H as <-; [discriminate |].
      rewrite (local_failure _ _ _ _ _ E). now destruct s.
    - destruct (hand_over (base s) a run) as [l [|]]; [destruct (enqueue_all _ _ _) |]; intros H; now injection H.
    - destruct (dequeue _) as [[b q] |]; intros H; now injection H.
  Qed.

  (* I1 at this level: K is what the agents own and what the two sequences name. *)
  Theorem conservation s x :
    reachable s ->
    (registered (base s) x <->
     own (base s) X x = true \/ own (base s) Y x = true \/
     In x (all_bytes (queue s X)) \/ In x (all_bytes (queue s Y))).
  Proof.
    intros R. destruct (sequences_refine_sets _ R) as (t & T & [[E F] _ _ _ _]).
    rewrite E, <- !mem_in, !F. now apply Sets.conservation.
  Qed.

  (* I2 and the first half of I3: no byte is twice in flight, in the same sequence or in both, and no byte in flight is
     owned by anybody. *)
  Theorem exclusion s :
    reachable s ->
    NoDup (all_bytes (queue s X ++ queue s Y)) /\
    (forall a x, In x (all_bytes (queue s X ++ queue s Y)) -> own (base s) a x = false) /\
    (forall x, own (base s) X x = true -> own (base s) Y x = false).
  Proof.
    intros R. destruct (sequences_refine_sets _ R) as (t & T & [[E F] G N _ _]). rewrite E, all_bytes_app. repeat split.
    - apply nodup_app. repeat split; auto. intros x I J. apply mem_in in I, J. rewrite F in I, J.
      discriminate (exclusive _ G (InFlight X) (InFlight Y) x I J).
    - intros a x I. apply not_true_iff_false. intros O. rewrite in_app_iff, <- !mem_in, !F in I.
      destruct I as [I | I]; discriminate (exclusive _ G (Owned a) (InFlight _) x O I).
    - intros x O. apply not_true_iff_false. intros O'. discriminate (exclusive _ G (Owned X) (Owned Y) x O O').
  Qed.

  (* I3, no repetition: the buffers of a sequence differ from each other. *)
  Theorem no_repetition s a : reachable s -> NoDup (queue s a).
  Proof.
    intros R. destruct (sequences_refine_sets _ R) as (t & T & [_ _ N B _]). specialize (N a). specialize (B a).
    induction (queue s a) as [| b q IH]; [constructor |]. simpl in N. apply nodup_app in N. destruct N as (_ & N & D).
    constructor; [| apply IH; auto using in_cons]. intros I.
    pose proof (in_bounds_first _ _ (B b (or_introl eq_refl))) as J.
    apply (D _ J), in_all_bytes. eauto.
  Qed.

  (* ---- First in, first out ---- *)

  Fixpoint run (s : state) (os : list operation) : state * list (operation * result) :=
    match os with
    | [] => (s, [])
    | o :: rest =>
        let (s', r) := apply s o in
        let (s'', log) := run s' rest in
        (s'', (o, r) :: log)
    end.

  (* The buffers that a handed over, and those that the other agent took from a's direction, each in order. *)
  Definition sent (a : agent) (log : list (operation * result)) : list buffer :=
    flat_map (fun e => match e with
                       | (Enqueue b bs, Done) => if agent_dec a b then bs else []
                       | _ => []
                       end) log.
  Definition received (a : agent) (log : list (operation * result)) : list buffer :=
    flat_map (fun e => match e with
                       | (Dequeue b, Took c) => if agent_dec a (other b) then [c] else []
                       | _ => []
                       end) log.

  Lemma apply_order a s o s' r :
    apply s o = (s', r) -> queue s a ++ sent a [(o, r)] = received a [(o, r)] ++ queue s' a.
  Proof.
    destruct o as [b o | b bs | b]; simpl.
    - destruct (local (base s) b o) as [l [| why]]; intros H; injection H as <- <-; simpl; apply app_nil_r.
    - destruct (hand_over (base s) b bs) as [l [| why]];
        [unfold enqueue_all; destruct (_ <=? _) |]; intros H; injection H as <- <-; simpl; try apply app_nil_r.
      unfold at_agent. destruct (agent_dec b a) as [<- |], (agent_dec _ _); try congruence; now rewrite ?app_nil_r.
    - destruct (queue s (other b)) as [| c q] eqn:Q; simpl; intros H; injection H as <- <-; simpl; try apply app_nil_r.
      unfold at_agent. destruct (agent_dec (other b) a) as [<- |], (agent_dec _ _); try congruence;
        simpl; now rewrite ?app_nil_r.
  Qed.

  Lemma run_order a os : forall s s' log,
    run s os = (s', log) -> queue s a ++ sent a log = received a log ++ queue s' a.
  Proof.
    induction os as [| o os IH]; simpl; intros s s' log E.
    - injection E as <- <-. simpl. apply app_nil_r.
    - destruct (apply s o) as [s1 r] eqn:A, (run s1 os) as [s2 rest] eqn:R. injection E as <- <-.
      apply (apply_order a) in A. apply IH in R.
      change ((o, r) :: rest) with ([(o, r)] ++ rest). unfold sent, received in *. rewrite !flat_map_app.
      now rewrite app_assoc, A, <- app_assoc, R, app_assoc.
  Qed.

  (* I3, order: whatever happened since the empty queue, what a handed over is, in order, what the other agent took from
     that direction and then what is still in flight. So buffers are delivered first in, first out, none twice, none
     lost, and the buffers of a run follow each other as they were enqueued. *)
  Theorem first_in_first_out a os s log :
    run initial os = (s, log) -> sent a log = received a log ++ queue s a.
  Proof. exact (run_order a os initial s log). Qed.
End Sequences.
