(* The shipped queue as a whole: two rings, the table of regions and the balances refine the sequence model, for both
   agents, in what they answer too.

   RingChannel, RingLink, RingBalance and FarSide keep no sets of bytes. Whether a region may be deregistered, and what the
   census says, they find out from one number per end and region, bytes handed over minus bytes taken, and one that counts
   what the end that did not register the region brought home. That these numbers say what the contract asks for is proved
   here, and so is that each reason for which an enqueue is refused is true.

   `base` has the table (RegionTable, RingChannel.owners); its `own` and `held` are not in the code: they are what the
   compiler knows, since a Buffer is noncopyable, and no decision below looks at them. Each operation is one step
   (Concurrent.v takes the rings apart; set-up calls are made under a lock).

   Not here: the notes on buffers by which who ends one knows at whose far side it is (AwayNote; here: whose hands it is in),
   the number of buffers in a census, queues in a row that share a region, and the undoing of a register that failed below. *)

From Coq Require Import List Arith Bool ZArith Lia Permutation.
From CleanQ Require Import Sets Fifo Ring Bursts Census.
From CleanQ Require Sequences.
Import ListNotations.

(* The same for what leads from a slot of the table to its buffers. *)
Fixpoint bytes_in (i : nat) (bs : list buffer) : nat :=
  match bs with
  | [] => 0
  | b :: rest => (if Nat.eq_dec (slot (home b)) i then size b else 0) + bytes_in i rest
  end.

(* RegionTable.contains. *)
Definition contains (l : ledger) (b : buffer) : bool := match size_of l (home b) with Some _ => true | None => false end.

(* Refusal. *)
Inductive refusal := IsFull | IsUnknown | IsIncomplete | IsClosed.

(* RegionTable.offer: which buffers of a burst are taken, and why not the next one. *)
Definition offer (known : buffer -> bool) (bs : list buffer) (room capacity : nat) : list buffer * option refusal :=
  let fitting := min (length bs) room in
  let prefix := known_prefix known (firstn room bs) in
  let taken := whole_runs prefix in
  (taken,
   if length taken =? length bs then None
   else if match nth_error bs (length prefix) with Some b => negb (known b) | None => false end then Some IsUnknown
   else if (fitting =? length bs) || ((length taken =? 0) && (room =? capacity)) then Some IsIncomplete
   else Some IsFull).

Section Channel.
  Variables k m : nat.
  Hypothesis spare : m < k.

  Notation capacity := (slot_count m).

  Record channel := {
    base : ledger;
    rings : agent -> ring buffer;         (* RingChannel.lanes: rings X leads from X to Y *)
    balance : agent -> nat -> Z;          (* RingBalance, by slot of the table *)
    account : nat -> Z;                   (* FarSide.change, likewise *)
    is_closed : bool                      (* RingMemory.isClosed: one of the ends has gone *)
  }.

  Definition initial (cursor : agent -> nat) (garbage : agent -> nat -> buffer) : channel :=
    {| base := initial_ledger; rings := fun a => empty_at (cursor a) (garbage a);
       balance := fun _ _ => 0%Z; account := fun _ => 0%Z; is_closed := false |}.

  Inductive operation :=
  | Local (a : agent) (o : local_operation)
  | Offer (a : agent) (burst : list buffer)        (* RingQueue.enqueue, of one or of a burst *)
  | Dequeue (a : agent)
  | Close.                                         (* RingChannel.close *)

  Inductive answer :=
  | Done
  | Took (b : buffer)
  | Nothing
  | Accepted (taken : list buffer) (why : option refusal)
  | Failed (why : failure).

  Definition clear (f : agent -> nat -> Z) (i : nat) : agent -> nat -> Z :=
    fun a j => if Nat.eq_dec i j then 0%Z else f a j.

  (* RingLink.add: an end's balance grows by what it handed over, and shrinks by what it took. *)
  Definition add (f : agent -> nat -> Z) (a : agent) (change : nat -> Z) : agent -> nat -> Z :=
    fun b i => if agent_dec a b then (f b i + change i)%Z else f b i.
  Definition handed (bs : list buffer) (i : nat) : Z := Z.of_nat (bytes_in i bs).
  Definition received (b : buffer) (i : nat) : Z := (- Z.of_nat (bytes_in i [b]))%Z.

  (* RingChannel.standing, of a region that `a` registered: what is in flight, and what is away, with the other end. *)
  Definition in_flight (s : channel) (a : agent) (r : region) : Z :=
    (balance s a (slot r) + balance s (other a) (slot r))%Z.
  Definition away (s : channel) (a : agent) (r : region) : Z :=
    Z.max 0 (account s (slot r) - balance s (other a) (slot r)).

  (* RingChannel.deregister. *)
  Definition deregister (s : channel) (a : agent) (r : region) : channel * answer :=
    match size_of (base s) r with
    | None => (s, Failed UnknownRegion)
    | Some n =>
        if negb (is_registrar (base s) a r) then (s, Failed NotOwner)
        else if (in_flight s a r + away s a r =? 0)%Z then
          ({| base :=
                {| table := at_slot (table (base s)) (slot r) None;
                   latest := latest (base s);
                   own := at_agent (own (base s)) a (minus (own (base s) a) (range r 0 n));
                   held := fun b => filter (fun c => if region_dec (home c) r then false else true) (held (base s) b) |};
              rings := rings s; balance := balance s; account := account s; is_closed := is_closed s |}, Done)
        else (s, Failed (Elsewhere (Z.to_nat (in_flight s a r + away s a r))))
    end.

  (* What FarSide is told when a buffer comes home: where the end that did not register the region has it. *)
  Definition tell (s : channel) (a : agent) (b : buffer) : nat -> Z :=
    fun i => if is_registrar (base s) a (home b) then account s i else (account s i - Z.of_nat (bytes_in i [b]))%Z.

  Definition local_step (s : channel) (a : agent) (o : local_operation) : channel * answer :=
    match o with
    | Deregister r => deregister s a r
    | _ =>
        match local (base s) a o with
        | (l, Sets.Done) =>
            ({| base := l; rings := rings s;
                balance := match o with Register r _ => clear (balance s) (slot r) | _ => balance s end;
                account :=
                  match o with
                  | Register r _ => fun i => if Nat.eq_dec (slot r) i then 0%Z else account s i
                  | Release b => tell s a b
                  | _ => account s
                  end;
                is_closed := is_closed s |}, Done)
        | (_, Sets.Failed why) => (s, Failed why)
        end
    end.

  (* What the compiler knows after some runs were handed over, one after the other. *)
  Definition after_runs (l : ledger) (a : agent) (runs : list (list buffer)) : ledger :=
    fold_left (fun l run => fst (hand_over l a run)) runs l.

  (* The runs that a list of buffers consists of. *)
  Fixpoint runs_of (bs : list buffer) : list (list buffer) :=
    match bs with
    | [] => []
    | b :: rest =>
        if is_last b then [b] :: runs_of rest
        else match runs_of rest with [] => [[b]] | run :: runs => (b :: run) :: runs end
    end.

  Definition step (s : channel) (o : operation) : channel * answer :=
    match o with
    | Local a o => local_step s a o
    | Offer a bs =>
        if length bs =? 0 then (s, Accepted [] None)
        else if is_closed s then (s, Accepted [] (Some IsClosed))
        else
          let (taken, why) := offer (contains (base s)) bs (free k m (rings s a)) capacity in
          ({| base := after_runs (base s) a (runs_of taken);
              rings := at_agent (rings s) a (enqueue_burst k m (rings s a) taken);
              balance := add (balance s) a (handed taken); account := account s;
              is_closed := is_closed s |}, Accepted taken why)
    | Dequeue a =>
        let r := rings s (other a) in
        if 0 <? available k r then
          let b := read k m r 0 in
          ({| base := take_over (base s) a b;
              rings := at_agent (rings s) (other a) (give_back k r 1);
              balance := add (balance s) a (received b); account := account s;
              is_closed := is_closed s |}, Took b)
        else (s, Nothing)
    | Close => ({| base := base s; rings := rings s; balance := balance s; account := account s; is_closed := true |}, Done)
    end.

  (* What the compiler sees to: buffers of registered regions that are offered are in the caller's hands. *)
  Definition permitted (s : channel) (o : operation) : Prop :=
    match o with
    | Offer a bs =>
        forall taken rest, bs = taken ++ rest -> forallb (contains (base s)) taken = true ->
          exists left, take_all taken (held (base s) a) = Some left
    | _ => True
    end.

  Inductive reachable : channel -> Prop :=
  | reachable_initial cursor garbage : (forall a, cursor a < modulus k) -> reachable (initial cursor garbage)
  | reachable_step s o : reachable s -> permitted s o -> reachable (fst (step s o)).

  (* ---- What the balances say ---- *)

  (* The number of bytes that an agent owns of a region, and that are in flight: as in Census.v. *)
  Definition balanced (l : ledger) (queue : agent -> list buffer) (f : agent -> nat -> Z) (g : nat -> Z) : Prop :=
    forall r n o, size_of l r = Some n -> is_registrar l o r = true ->
      (f o (slot r) + f (other o) (slot r))%Z = Z.of_nat (bytes_of r (queue X) + bytes_of r (queue Y)) /\
      (g (slot r) - f (other o) (slot r))%Z = Z.of_nat (count (own l (other o)) (range r 0 n)).

  Lemma bytes_in_app i bs cs : bytes_in i (bs ++ cs) = bytes_in i bs + bytes_in i cs.
  Proof. induction bs as [| b bs IH]; simpl; [reflexivity | rewrite IH; lia]. Qed.

  (* Registered regions share no slot. *)
  Lemma bytes_in_slot l r n bs :
    size_of l r = Some n -> (forall b, In b bs -> exists i, size_of l (home b) = Some i) -> bytes_in (slot r) bs = bytes_of r bs.
  Proof.
    intros Z K. induction bs as [| b bs IH]; [reflexivity |]. simpl. rewrite IH by auto using in_cons. f_equal.
    destruct (K b (or_introl eq_refl)) as [i Zb].
    destruct (Nat.eq_dec (slot (home b)) (slot r)) as [E |], (region_dec (home b) r) as [| F]; try reflexivity; try congruence.
    destruct F. eapply slots_unshared; eauto.
  Qed.

  Lemma other_other a : other (other a) = a.
  Proof. now destruct a. Qed.

  (* One run handed over. *)
  Lemma balanced_give s t a run l f g :
    Sequences.sound capacity s t -> balanced (Sequences.base s) (Sequences.queue s) f g ->
    hand_over (Sequences.base s) a run = (l, Sets.Done) ->
    balanced l (at_agent (Sequences.queue s) a (Sequences.queue s a ++ run)) (add f a (handed run)) g.
  Proof.
    intros S B H. pose proof S as [[E _] G _ _ _]. rewrite E in *.
    apply hand_over_done in H. destruct H as (_ & K & bs & P & ->).
    intros r n o Z R. simpl in *.
    assert (Z' : size_of (Sets.base t) r = Some n) by exact Z.
    destruct (B r n o Z' R) as [BO BT].
    assert (I : bytes_in (slot r) run = bytes_of r run).
    { apply (bytes_in_slot (Sets.base t) r n); [exact Z' |]. intros b J. specialize (K b J). unfold in_bounds in K.
      destruct (size_of (Sets.base t) (home b)); [eauto | discriminate]. }
    assert (O : forall x, In x (all_bytes run) -> own (Sets.base t) a x = true).
    { intros x J. apply (held_owned _ G), in_all_bytes. apply in_all_bytes in J. destruct J as (b & J & W).
      exists b. split; [apply (Permutation_in _ (Permutation_sym P)), in_app_iff; auto | exact W]. }
    assert (N : NoDup (all_bytes run)).
    { pose proof (all_bytes_permutes _ _ P) as Q. rewrite all_bytes_app in Q.
      pose proof (Permutation_NoDup Q (held_once _ G a)) as D. apply nodup_app in D. apply D. }
    pose proof (count_minus _ (range r 0 n) _ O) as C.
    rewrite (count_buffers r n run N) in C
      by (intros b J W; apply (in_bounds_size (Sets.base t)); [now rewrite W | auto]).
    unfold add, handed. rewrite I. destruct a, o; simpl in *; unfold at_agent; simpl; rewrite ?bytes_of_app; lia.
  Qed.

  (* One buffer taken. *)
  Lemma balanced_take s t a b q f g :
    Sequences.sound capacity s t -> balanced (Sequences.base s) (Sequences.queue s) f g ->
    Sequences.queue s (other a) = b :: q ->
    balanced (take_over (Sequences.base s) a b) (at_agent (Sequences.queue s) (other a) q) (add f a (received b)) g.
  Proof.
    intros S B Q. pose proof S as [[E F] G _ K _].
    assert (IB : in_bounds (Sets.base t) b = true) by (rewrite <- E; apply (K (other a)); rewrite Q; now left).
    rewrite E in *.
    intros r n o Z R. simpl in *.
    assert (Z' : size_of (Sets.base t) r = Some n) by exact Z.
    destruct (B r n o Z' R) as [BO BT].
    assert (I : bytes_in (slot r) [b] = bytes_of r [b]).
    { apply (bytes_in_slot (Sets.base t) r n); [exact Z' |]. intros c [<- | []]. unfold in_bounds in IB.
      destruct (size_of (Sets.base t) (home b)); [eauto | discriminate]. }
    assert (O : forall x, In x (bytes b) -> own (Sets.base t) a x = false).
    { intros x J. apply not_true_iff_false. intros O.
      assert (T : transit t (other a) x = true)
        by (rewrite <- F, Q; apply mem_in; simpl; apply in_app_iff; auto).
      discriminate (exclusive _ G (Owned a) (InFlight (other a)) x O T). }
    pose proof (count_plus _ (range r 0 n) _ O) as C.
    replace (bytes b) with (all_bytes [b]) in C at 2 by apply app_nil_r.
    rewrite (count_buffers r n [b]) in C;
      [| simpl; rewrite app_nil_r; apply nodup_range
       | intros c [<- | []] W; apply (in_bounds_size (Sets.base t)); [now rewrite W | exact IB]].
    assert (BQ : bytes_of r (Sequences.queue s (other a)) = bytes_of r [b] + bytes_of r q)
      by (rewrite Q; simpl; lia).
    unfold add, received. rewrite I. destruct a, o; simpl in *; unfold at_agent; simpl in *; lia.
  Qed.

  Lemma balanced_ext l l' queue f f' g g' :
    table l' = table l -> own l' = own l -> (forall a i, f' a i = f a i) -> (forall i, g' i = g i) ->
    balanced l queue f g -> balanced l' queue f' g'.
  Proof.
    intros T O F G B r n o Zr R. unfold size_of, is_registrar in *. rewrite T in *.
    destruct (B r n o Zr R) as [BO BT]. rewrite O, !F, G. auto.
  Qed.

  (* A region that comes. *)
  Lemma balanced_register s t a r n l f g :
    Sequences.sound capacity s t -> balanced (Sequences.base s) (Sequences.queue s) f g ->
    register (Sequences.base s) a r n = (l, Sets.Done) ->
    balanced l (Sequences.queue s) (clear f (slot r)) (fun i => if Nat.eq_dec (slot r) i then 0%Z else g i).
  Proof.
    intros S B H. pose proof S as [[E _] G _ K _]. rewrite E in *.
    pose proof (fun q => size_of_register _ _ _ _ _ q H) as Z.
    assert (N : size_of (Sets.base t) r = None)
      by (unfold register in H; unfold size_of; destruct (table (Sets.base t) (slot r)); [discriminate | reflexivity]).
    intros q i o Zq R. destruct (region_dec q r) as [-> | D].
    - rewrite Z in Zq. destruct (region_dec r r) as [_ |]; [| congruence]. injection Zq as <-.
      unfold register in H. destruct (table (Sets.base t) (slot r)) eqn:T; [discriminate |].
      destruct (_ <=? _); [discriminate |]. injection H as <-.
      unfold is_registrar, at_slot in R. simpl in R. destruct (Nat.eq_dec (slot r) (slot r)); [| congruence]. simpl in R.
      destruct (agent_dec a o) as [<- |]; [| discriminate]. simpl.
      rewrite at_agent_other by apply other_differs.
      assert (Q : forall b, bytes_of r (Sequences.queue s b) = 0).
      { intros b. specialize (K b). induction (Sequences.queue s b) as [| c cs IH]; [reflexivity |]. simpl.
        rewrite IH by auto using in_cons. destruct (region_dec (home c) r) as [W |]; [| reflexivity].
        specialize (K c (or_introl eq_refl)). unfold in_bounds in K. rewrite W, N in K. discriminate. }
      assert (C : count (own (Sets.base t) (other a)) (range r 0 n) = 0).
      { unfold count. rewrite filter_none; [reflexivity |]. intros x J. apply in_range in J.
        apply not_true_iff_false. intros O.
        assert (W : registered (Sets.base t) x) by (apply (conserved _ G); exists (Owned (other a)); exact O).
        unfold registered in W. destruct J as [J _]. now rewrite J, N in W. }
      rewrite !Q, C. unfold clear. destruct (Nat.eq_dec (slot r) (slot r)); [| congruence]. auto.
    - assert (Zr : size_of l r = Some n) by (rewrite Z; now destruct (region_dec r r)).
      assert (U : slot r <> slot q) by (intros W; apply D; symmetry; exact (slots_unshared l r q n i Zr Zq W)).
      rewrite Z in Zq. destruct (region_dec q r) as [| _]; [congruence |].
      unfold register in H. destruct (table (Sets.base t) (slot r)); [discriminate |].
      destruct (_ <=? _); [discriminate |]. injection H as <-.
      assert (R' : is_registrar (Sets.base t) o q = true).
      { unfold is_registrar, at_slot in R. simpl in R. destruct (Nat.eq_dec (slot r) (slot q)); [congruence | exact R]. }
      destruct (B q i o Zq R') as [BO BT]. simpl. unfold clear.
      destruct (Nat.eq_dec (slot r) (slot q)); [congruence |].
      rewrite (count_ext _ (own (Sets.base t) (other o))); [auto |].
      intros x J. apply in_range in J. unfold at_agent. destruct (agent_dec a (other o)) as [<- |]; [| reflexivity].
      apply eq_true_iff_eq. rewrite plus_in, in_range. intuition congruence.
  Qed.

  (* A region that goes. *)
  Lemma balanced_deregister s t a r l f g :
    Sequences.sound capacity s t -> balanced (Sequences.base s) (Sequences.queue s) f g ->
    Sets.deregister (Sequences.base s) a r = (l, Sets.Done) -> balanced l (Sequences.queue s) f g.
  Proof.
    intros S B H.
    pose proof (fun q => size_of_deregister _ _ _ _ q H) as Z. unfold Sets.deregister in H.
    destruct (size_of (Sequences.base s) r) as [n |] eqn:Zr; [| discriminate].
    destruct (negb _); [discriminate |]. destruct (_ <? _); [discriminate |]. injection H as <-.
    intros q i o Zq R. rewrite Z in Zq. destruct (region_dec q r) as [| D]; [discriminate |].
    assert (U : slot r <> slot q)
      by (intros W; apply D; symmetry; exact (slots_unshared (Sequences.base s) r q n i Zr Zq W)).
    assert (R' : is_registrar (Sequences.base s) o q = true).
    { unfold is_registrar, at_slot in R. simpl in R. destruct (Nat.eq_dec (slot r) (slot q)); [congruence | exact R]. }
    destruct (B q i o Zq R') as [BO BT]. simpl.
    rewrite (count_ext _ (own (Sequences.base s) (other o))); [auto |].
    intros x J. apply in_range in J. unfold at_agent. destruct (agent_dec a (other o)) as [<- |]; [| reflexivity].
    apply eq_true_iff_eq. rewrite minus_in, in_range. intuition congruence.
  Qed.

  (* A buffer that comes home. *)
  Lemma balanced_release s t a b l f g :
    Sequences.sound capacity s t -> balanced (Sequences.base s) (Sequences.queue s) f g ->
    release (Sequences.base s) a b = (l, Sets.Done) ->
    balanced l (Sequences.queue s) f
      (fun i => if is_registrar (Sequences.base s) a (home b) then g i else (g i - Z.of_nat (bytes_in i [b]))%Z).
  Proof.
    intros S B H. pose proof S as [[E _] G _ _ _]. rewrite E in *. unfold release, exchange in H.
    destruct (is_registrar (Sets.base t) a (home b)) eqn:Q.
    - destruct (take_all _ _); [| discriminate]. injection H as <-. now apply (balanced_ext (Sets.base t) _ _ f f g g).
    - destruct (take_one b (held (Sets.base t) a)) as [bs |] eqn:T; [| discriminate]. injection H as <-.
      apply take_one_permutes in T.
      assert (J : In b (held (Sets.base t) a)) by (apply (Permutation_in _ (Permutation_sym T)); now left).
      pose proof (held_in_bounds _ G a b J) as IB.
      assert (O : forall x, In x (bytes b) -> own (Sets.base t) a x = true)
        by (intros x I; apply (held_owned _ G), in_all_bytes; eauto).
      assert (Zb : exists i, size_of (Sets.base t) (home b) = Some i)
        by (unfold in_bounds in IB; destruct (size_of (Sets.base t) (home b)); [eauto | discriminate]).
      intros r n o Z R. assert (Z' : size_of (Sets.base t) r = Some n) by exact Z.
      destruct (B r n o Z' R) as [BO BT]. split; [exact BO |]. simpl own.
      rewrite (bytes_in_slot (Sets.base t) r n [b]) by (auto; intros c [<- | []]; exact Zb).
      pose proof (count_minus _ (range r 0 n) _ O) as C.
      replace (bytes b) with (all_bytes [b]) in C at 2 by apply app_nil_r.
      rewrite (count_buffers r n [b]) in C;
        [| simpl; rewrite app_nil_r; apply nodup_range
         | intros c [<- | []] W; apply (in_bounds_size (Sets.base t)); [now rewrite W | exact IB]].
      destruct (region_dec (home b) r) as [W | W].
      + assert (o = other a) by (rewrite W in Q; unfold is_registrar in Q, R; simpl in R;
          destruct (table (Sets.base t) (slot r)) as [e |]; [| discriminate];
          destruct (agent_dec (entry_registrar e) o), (agent_dec (entry_registrar e) a); try discriminate;
          destruct o, a; simpl; congruence).
        subst o. rewrite other_other in *. rewrite at_agent_other by (intros V; symmetry in V; exact (other_differs _ V)).
        rewrite at_agent_same. lia.
      + assert (V : bytes_of r [b] = 0) by (simpl; destruct (region_dec (home b) r); [contradiction | reflexivity]).
        rewrite V. rewrite (count_ext _ (own (Sets.base t) (other o))); [lia |].
        intros x I. apply in_range in I. unfold at_agent.
        assert (U : ~ In x (bytes b)) by (unfold bytes; rewrite in_range; intuition congruence).
        destruct (agent_dec (other a) (other o)) as [<- |]; [| destruct (agent_dec a (other o)) as [<- |]; [| reflexivity]];
          apply eq_true_iff_eq; rewrite ?plus_in, ?minus_in; tauto.
  Qed.

  (* ---- The channel refines the sequences ---- *)

  Record stands (s : channel) (q : Sequences.state) : Prop := {
    same_base : base s = Sequences.base q;
    ring_holds : forall a, holds k m (rings s a) (Sequences.queue q a);
    balances : balanced (base s) (Sequences.queue q) (balance s) (account s)
  }.

  (* What the sequence model did, operation by operation, when the channel did o and answered x. *)
  Definition agrees (o : operation) (x : answer) (log : list (Sequences.operation * Sequences.result)) : Prop :=
    match o, x with
    | Local a l, Done => log = [(Sequences.Local a l, Sequences.Done)]
    | Local a l, Failed why => log = [(Sequences.Local a l, Sequences.Failed why)]
    | Dequeue a, Took b => log = [(Sequences.Dequeue a, Sequences.Took b)]
    | Dequeue a, Nothing => log = [(Sequences.Dequeue a, Sequences.Failed Sets.Empty)]
    | Offer a _, Accepted taken _ =>
        exists runs, concat runs = taken /\ log = map (fun run => (Sequences.Enqueue a run, Sequences.Done)) runs
    | Close, Done => log = []
    | _, _ => False
    end.

  (* RingChannel.deregister answers from the balances what the contract answers from the sets. *)
  Lemma deregister_agrees s q t a r :
    Sequences.sound capacity q t -> stands s q ->
    exists l, Sets.deregister (Sequences.base q) a r =
        (l, match snd (deregister s a r) with Failed why => Sets.Failed why | _ => Sets.Done end) /\
      match snd (deregister s a r) with
      | Done => fst (deregister s a r) =
                  {| base := l; rings := rings s; balance := balance s; account := account s; is_closed := is_closed s |}
      | Failed _ => fst (deregister s a r) = s
      | _ => False
      end.
  Proof.
    intros S [E _ B]. unfold deregister, Sets.deregister. rewrite <- E.
    destruct (size_of (base s) r) as [n |] eqn:Z; [| simpl; eauto].
    destruct (is_registrar (base s) a r) eqn:R; simpl; [| eauto].
    assert (Zq : size_of (Sequences.base q) r = Some n) by now rewrite <- E.
    pose proof (elsewhere_is_rest capacity q t a r n S Zq) as W. rewrite <- E in W. rewrite W.
    unfold in_flight, away. destruct (B r n a Z R) as [-> ->].
    unfold owned, flight. rewrite <- E.
    set (c := count (own (base s) (other a)) (range r 0 n)).
    set (d := bytes_of r (Sequences.queue q X) + bytes_of r (Sequences.queue q Y)).
    destruct (Nat.ltb_spec 0 (c + d)) as [L | L].
    - replace (_ =? 0)%Z with false; simpl.
      + eexists. split; [| reflexivity]. do 4 f_equal. lia.
      + symmetry. rewrite Z.eqb_neq. lia.
    - replace (_ =? 0)%Z with true; simpl.
      + eexists. split; reflexivity.
      + symmetry. rewrite Z.eqb_eq. lia.
  Qed.

  (* Reshaping a buffer changes neither the table nor who owns what. *)
  Lemma reshaped l a o l' :
    match o with Register _ _ | Deregister _ | Release _ => False | _ => True end ->
    local l a o = (l', Sets.Done) -> table l' = table l /\ own l' = own l.
  Proof.
    assert (X : forall old new, exchange l a old new = (l', Sets.Done) -> table l' = table l /\ own l' = own l)
      by (unfold exchange; intros old new; destruct (take_all _ _); [| discriminate]; intros E; injection E as <-; auto).
    destruct o as [q n | q | b | b | b position | b c]; simpl; try tauto; intros _.
    - unfold carve. destruct (_ && _ && _); [| discriminate]. intros E. injection E as <-. auto.
    - destruct (splittable b position); [apply X | discriminate].
    - destruct (mergeable b c); [apply X | discriminate].
  Qed.

  Lemma local_refines s q t a o :
    Sequences.sound capacity q t -> stands s q ->
    exists q' log, Sequences.run capacity q [Sequences.Local a o] = (q', log) /\
      agrees (Local a o) (snd (local_step s a o)) log /\ stands (fst (local_step s a o)) q'.
  Proof.
    intros S H. pose proof H as [E RH B].
    assert (K : match o with Deregister _ => False | _ => True end ->
              (forall l, local (Sequences.base q) a o = (l, Sets.Done) ->
                 balanced l (Sequences.queue q) (balance (fst (local_step s a o))) (account (fst (local_step s a o)))) ->
              exists q' log, Sequences.run capacity q [Sequences.Local a o] = (q', log) /\
                agrees (Local a o) (snd (local_step s a o)) log /\ stands (fst (local_step s a o)) q').
    { intros M V.
      assert (U : local_step s a o =
                match local (base s) a o with
                | (l, Sets.Done) => ({| base := l; rings := rings s; balance := balance (fst (local_step s a o));
                                        account := account (fst (local_step s a o)); is_closed := is_closed s |}, Done)
                | (_, Sets.Failed why) => (s, Failed why)
                end).
      { unfold local_step. destruct o; try contradiction; destruct (local (base s) a _) as [l [|]]; reflexivity. }
      revert V U. generalize (balance (fst (local_step s a o))) (account (fst (local_step s a o))). intros f g V U.
      rewrite U, E. destruct (local (Sequences.base q) a o) as [l [| why]] eqn:L;
        (eexists; eexists; split; [cbn [Sequences.run Sequences.apply]; rewrite L; reflexivity |]); simpl.
      - split; [reflexivity |]. split; simpl; [reflexivity | exact RH | exact (V l eq_refl)].
      - split; [reflexivity |]. rewrite (local_failure _ _ _ _ _ L). destruct q. exact H. }
    rewrite E in B. destruct o as [r n | r | b | b | b position | b c].
    2: { clear K. cbn [local_step]. destruct (deregister_agrees s q t a r S H) as (l & L & W).
      destruct (deregister s a r) as [s' x]. simpl in *.
      destruct x as [| ? | | ? ? | why]; try contradiction; subst s';
        (eexists; eexists; split; [cbn [Sequences.run Sequences.apply local]; rewrite L; reflexivity |]); simpl.
      - split; [reflexivity |]. split; simpl; auto. now apply (balanced_deregister q t a r l).
      - split; [reflexivity |]. rewrite (local_failure _ a (Deregister r) _ _ L). destruct q. exact H. }
    all: apply (K I); intros l L; unfold local_step; rewrite E, L; cbn [fst balance account].
    - now apply (balanced_register q t a r n l).
    - destruct (reshaped _ _ (Carve b) _ I L) as [T O]. now apply (balanced_ext (Sequences.base q) _ _ (balance s) _ (account s)).
    - unfold tell. rewrite E. now apply (balanced_release q t a b l).
    - destruct (reshaped _ _ (Split b position) _ I L) as [T O]. now apply (balanced_ext (Sequences.base q) _ _ (balance s) _ (account s)).
    - destruct (reshaped _ _ (Merge b c) _ I L) as [T O]. now apply (balanced_ext (Sequences.base q) _ _ (balance s) _ (account s)).
  Qed.

  (* ---- A burst is handed over run by run ---- *)

  Lemma concat_runs bs : concat (runs_of bs) = bs.
  Proof.
    induction bs as [| b bs IH]; [reflexivity |]. simpl. destruct (is_last b); [simpl; now rewrite IH |].
    destruct (runs_of bs) as [| run runs]; simpl in *; now rewrite <- IH.
  Qed.

  Lemma whole_runs_of bs : whole_runs bs = bs -> Forall (fun run => is_run run = true) (runs_of bs).
  Proof.
    induction bs as [| b bs IH]; [constructor |]. simpl. destruct (whole_runs bs) as [| c taken] eqn:W.
    - destruct (is_last b) eqn:L; [| discriminate]. intros E. injection E as E. destruct bs; [| discriminate].
      constructor; [exact L | constructor].
    - intros E. injection E as E. rewrite E in IH. specialize (IH eq_refl).
      destruct (is_last b) eqn:L; [constructor; auto |].
      destruct (runs_of bs) as [| run runs] eqn:R.
      + pose proof (concat_runs bs) as C. rewrite R in C. simpl in C. rewrite <- C in E. discriminate.
      + inversion IH as [| ? ? I F]; subst. constructor; [| exact F].
        destruct run; [discriminate I |]. cbn [is_run]. rewrite L. exact I.
  Qed.

  Lemma whole_runs_twice bs : whole_runs (whole_runs bs) = whole_runs bs.
  Proof.
    induction bs as [| b bs IH]; [reflexivity |]. simpl. destruct (whole_runs bs) as [| c taken] eqn:W.
    - destruct (is_last b) eqn:L; simpl; now rewrite ?L.
    - change (whole_runs (b :: c :: taken)) with
        (match whole_runs (c :: taken) with [] => if is_last b then [b] else [] | t => b :: t end). now rewrite IH.
  Qed.

  Lemma take_all_app xs : forall ys bs left,
    take_all (xs ++ ys) bs = Some left -> exists middle, take_all xs bs = Some middle /\ take_all ys middle = Some left.
  Proof.
    induction xs as [| x xs IH]; simpl; intros ys bs left T; [eauto |].
    destruct (take_one x bs) as [rest |]; [| discriminate]. now apply IH.
  Qed.

  Lemma give_runs a runs : forall q t f g left,
    Sequences.sound capacity q t -> balanced (Sequences.base q) (Sequences.queue q) f g ->
    Forall (fun run => is_run run = true) runs ->
    forallb (contains (Sequences.base q)) (concat runs) = true ->
    take_all (concat runs) (held (Sequences.base q) a) = Some left ->
    length (Sequences.queue q a) + length (concat runs) <= capacity ->
    exists q' t',
      Sequences.run capacity q (map (Sequences.Enqueue a) runs) =
        (q', map (fun run => (Sequences.Enqueue a run, Sequences.Done)) runs) /\
      Sequences.sound capacity q' t' /\
      Sequences.base q' = after_runs (Sequences.base q) a runs /\
      Sequences.queue q' a = Sequences.queue q a ++ concat runs /\
      Sequences.queue q' (other a) = Sequences.queue q (other a) /\
      balanced (Sequences.base q') (Sequences.queue q') (add f a (handed (concat runs))) g.
  Proof.
    induction runs as [| run runs IH]; intros q t f g left S B R K T L.
    - exists q, t. simpl. rewrite app_nil_r. do 5 (split; [auto |]).
      apply (balanced_ext (Sequences.base q) _ _ f _ g); auto. intros b i. unfold add, handed. simpl.
      destruct (agent_dec a b); lia.
    - simpl in *. inversion R as [| ? ? RR RS]; subst. rewrite app_length in L.
      rewrite forallb_app, andb_true_iff in K. destruct K as [KR KS].
      destruct (take_all_app _ _ _ _ T) as (bs & TR & TS).
      assert (Hold : exists l, hand_over (Sequences.base q) a run = (l, Sets.Done)).
      { unfold hand_over. rewrite RR, TR. simpl. replace (forallb (in_bounds (Sequences.base q)) run) with true.
        - simpl. eauto.
        - symmetry. apply forallb_forall. intros b I. pose proof S as [[E _] G _ _ _]. rewrite E in *.
          apply (held_in_bounds _ G a). apply take_all_permutes in TR.
          apply (Permutation_in _ (Permutation_sym TR)), in_app_iff. auto. }
      destruct Hold as [l H].
      assert (A : Sequences.apply capacity q (Sequences.Enqueue a run) =
                    ({| Sequences.base := l;
                        Sequences.queue := at_agent (Sequences.queue q) a (Sequences.queue q a ++ run) |}, Sequences.Done)).
      { simpl. rewrite H. unfold enqueue_all. destruct (Nat.leb_spec (length (Sequences.queue q a) + length run) capacity);
          [reflexivity | lia]. }
      destruct (Sequences.step_refines _ _ _ _ _ _ S A) as (t1 & _ & S1).
      pose proof (balanced_give _ _ a run l f g S B H) as B1.
      pose proof (hand_over_done _ _ _ _ H) as (_ & _ & bs' & _ & El).
      assert (Eh : held l a = bs).
      { unfold hand_over in H. rewrite RR, TR in H. simpl in H. destruct (negb _); [discriminate |].
        injection H as <-. simpl. apply at_agent_same. }
      assert (Ec : forallb (contains l) (concat runs) = true).
      { rewrite <- KS. clear - El. induction (concat runs) as [| b cs IH]; [reflexivity |]. simpl. rewrite IH.
        f_equal. rewrite El. reflexivity. }
      edestruct (IH _ t1 (add f a (handed run)) g left S1) as (q' & t' & RN & S' & E' & QA & QO & B'); simpl; auto.
      + rewrite Eh. exact TS.
      + rewrite at_agent_same, app_length. lia.
      + exists q', t'. rewrite H. unfold enqueue_all.
        destruct (Nat.leb_spec (length (Sequences.queue q a) + length run) capacity); [| lia].
        rewrite RN. split; [reflexivity |]. split; [exact S' |]. split; [now rewrite E' |]. simpl in QA, QO.
        rewrite at_agent_same in QA. rewrite at_agent_other in QO by apply other_differs.
        split; [now rewrite QA, <- app_assoc |]. split; [exact QO |].
        apply (balanced_ext (Sequences.base q') _ _ (add (add f a (handed run)) a (handed (concat runs))) _ g); auto.
        intros b i. unfold add, handed. rewrite bytes_in_app. destruct (agent_dec a b); lia.
  Qed.

  Lemma known_prefix_known known bs : forallb known (known_prefix known bs) = true.
  Proof. induction bs as [| b bs IH]; simpl; [reflexivity |]. destruct (known b) eqn:K; simpl; now rewrite ?K. Qed.

  Lemma whole_runs_prefix bs : exists rest, bs = whole_runs bs ++ rest.
  Proof.
    induction bs as [| b bs [rest E]]; [now exists [] |]. simpl.
    destruct (whole_runs bs) eqn:W; [destruct (is_last b); simpl; eauto |]. exists rest. simpl in *. now f_equal.
  Qed.

  Lemma known_taken known room bs : forallb known (taken_of known room bs) = true.
  Proof.
    unfold taken_of. set (p := known_prefix known (firstn room bs)).
    destruct (whole_runs_prefix p) as [rest E]. pose proof (known_prefix_known known (firstn room bs)) as K.
    fold p in K. rewrite E, forallb_app, andb_true_iff in K. apply K.
  Qed.

  Lemma run_sound s t os : Sequences.sound capacity s t -> forall s' log,
    Sequences.run capacity s os = (s', log) -> exists t', Sequences.sound capacity s' t'.
  Proof.
    revert s t. induction os as [| o os IH]; intros s t S s' log; simpl.
    - intros E. injection E as <- <-. eauto.
    - destruct (Sequences.apply capacity s o) as [s1 r] eqn:A. destruct (Sequences.run capacity s1 os) as [s2 rest] eqn:R.
      intros E. injection E as <- <-. pose proof (Sequences.step_refines _ _ _ _ _ _ S A) as H.
      destruct (Sequences.set_operation o r); [destruct H as (t1 & _ & S1); eauto | subst s1; eauto].
  Qed.

  (* Every step of the channel is some steps of the sequence model, with the same answer. *)
  Theorem channel_step_refines s q t o s' x :
    Sequences.sound capacity q t -> stands s q -> permitted s o -> step s o = (s', x) ->
    exists os q' log, Sequences.run capacity q os = (q', log) /\ agrees o x log /\ stands s' q'.
  Proof.
    intros S H P W. destruct o as [a o | a bs | a |]; simpl in W.
    - exists [Sequences.Local a o]. pose proof (local_refines s q t a o S H) as L. now rewrite W in L.
    - assert (Stays : forall why, exists os q' log,
                Sequences.run capacity q os = (q', log) /\ agrees (Offer a bs) (Accepted [] why) log /\ stands s q').
      { intros why. exists [], q, []. split; [reflexivity |]. split; [now exists [] | exact H]. }
      destruct (length bs =? 0); [injection W as <- <-; apply Stays |].
      destruct (is_closed s); [injection W as <- <-; apply Stays |].
      unfold offer in W. fold (taken_of (contains (base s)) (free k m (rings s a)) bs) in W.
      set (taken := taken_of (contains (base s)) (free k m (rings s a)) bs) in *.
      injection W as <- <-. destruct H as [E RH B].
      destruct (burst_keeps_the_rest (contains (base s)) (free k m (rings s a)) bs) as [F [rest Q]].
      fold taken in F, Q.
      pose proof (known_taken (contains (base s)) (free k m (rings s a)) bs) as K. fold taken in K.
      destruct (P taken rest Q K) as [left T].
      pose proof (holds_free k m spare _ _ (RH a)) as Free. rewrite Free in F.
      pose proof (RH a) as (_ & _ & Bound & _).
      rewrite E in *.
      destruct (give_runs a (runs_of taken) q t (balance s) (account s) left S B) as (q' & t' & RN & S' & E' & QA & QO & B').
      + apply whole_runs_of. apply whole_runs_twice.
      + now rewrite concat_runs.
      + now rewrite concat_runs.
      + rewrite concat_runs. lia.
      + rewrite concat_runs in *. eexists; exists q'; eexists. split; [exact RN |]. split.
        * exists (runs_of taken). split; [apply concat_runs | reflexivity].
        * split; simpl; [now rewrite E' | | rewrite <- E'; exact B'].
          intros b. unfold at_agent. destruct (agent_dec a b) as [<- |].
          -- rewrite QA. apply (holds_publish k m spare); [apply RH | lia].
          -- replace b with (other a) by (destruct a, b; simpl; congruence). rewrite QO. apply RH.
    - pose proof H as [E RH B]. pose proof (RH (other a)) as RO. rewrite (holds_available k m spare _ _ RO) in W.
      destruct (Sequences.queue q (other a)) as [| b rest] eqn:Q; simpl in W.
      + injection W as <- <-. exists [Sequences.Dequeue a], q. eexists.
        split; [simpl; rewrite Q; reflexivity |]. split; [reflexivity | exact H].
      + injection W as <- <-.
        assert (Eb : read k m (rings s (other a)) 0 = b).
        { destruct RO as (_ & _ & _ & V). specialize (V 0 ltac:(simpl; lia)). simpl in V. now injection V. }
        rewrite Eb. exists [Sequences.Dequeue a]. eexists; eexists.
        split; [simpl; rewrite Q; reflexivity |]. split; [reflexivity |]. split; simpl.
        * now rewrite E.
        * intros c. unfold at_agent. destruct (agent_dec (other a) c) as [<- |]; [| apply RH].
          apply (holds_give_back k m spare _ (b :: rest) 1 RO). simpl. lia.
        * rewrite E in *. now apply (balanced_take q t a b rest).
    - injection W as <- <-. exists [], q, []. split; [reflexivity |]. split; [reflexivity |]. destruct H. now split.
  Qed.

  (* In every reachable state the channel stands for a reachable state of the sequence model, so that all that is proved of
     those holds for it: I1, I2, I3. *)
  Theorem channel_refines_sequences s :
    reachable s -> exists q, Sequences.reachable capacity q /\ stands s q.
  Proof.
    induction 1 as [cursor garbage C | s o R (q & RQ & H) P].
    - exists Sequences.initial. split; [constructor |]. split; simpl; [reflexivity | | discriminate].
      intros a. now apply holds_empty.
    - destruct (Sequences.sequences_refine_sets _ _ RQ) as (t & _ & S).
      destruct (step s o) as [s' x] eqn:W.
      destruct (channel_step_refines s q t o s' x S H P W) as (os & q' & log & RN & _ & H').
      exists q'. split; [| exact H']. clear - RQ RN. revert q log RQ RN.
      induction os as [| o os IH]; simpl; intros q log RQ RN; [now injection RN as <- <- |].
      destruct (Sequences.apply capacity q o) as [q1 r] eqn:A.
      destruct (Sequences.run capacity q1 os) as [q2 rest] eqn:RR. injection RN as <- <-.
      apply (IH q1 rest); [| exact RR]. replace q1 with (fst (Sequences.apply capacity q o)) by now rewrite A.
      now constructor.
  Qed.

  (* RingChannel.census, of one region of n bytes, as the end `a` sees it; `o` registered it. *)
  Definition census_at_peer (s : channel) (a o : agent) (r : region) (n : nat) : Z :=
    if agent_dec a o then away s o r else (Z.of_nat n - in_flight s o r - away s o r)%Z.

  (* The census is exact at every step, for either end: what it says is in flight or at the peer is the number of the bytes
     in T_XY and T_YX, and in S of the peer; what is left over is the number of those in S of the end itself. *)
  Theorem census_exact s r n o a :
    reachable s -> size_of (base s) r = Some n -> is_registrar (base s) o r = true ->
    exists q, Sequences.reachable capacity q /\ stands s q /\
      in_flight s o r = Z.of_nat (flight q r) /\
      census_at_peer s a o r n = Z.of_nat (owned q (other a) r n) /\
      (Z.of_nat n - in_flight s o r - census_at_peer s a o r n)%Z = Z.of_nat (owned q a r n).
  Proof.
    intros R Zr RO. destruct (channel_refines_sequences s R) as (q & RQ & H). exists q. split; [exact RQ |]. split; [exact H |].
    destruct H as [E _ B]. pose proof (census capacity q r n RQ) as C. rewrite <- E in C. specialize (C Zr).
    destruct (B r n o Zr RO) as [BO BT].
    unfold census_at_peer, away, in_flight. unfold owned, flight in *. rewrite <- E in *. rewrite BO, BT.
    destruct (agent_dec a o) as [-> | N]; [destruct o; simpl in *; lia |].
    destruct a, o; simpl in *; try congruence; lia.
  Qed.

  (* ---- Refusals are true ---- *)

  (* After what was taken no whole run follows that is known and fits: the contract would refuse it too. *)
  Lemma rest_not_acceptable known room bs taken :
    run_by_run known room bs taken ->
    forall rest run rest', bs = taken ++ rest -> rest = run ++ rest' -> ~ acceptable known (room - length taken) run.
  Proof.
    induction 1 as [room bs N | room run0 rest0 taken A _ IH]; intros rest run rest' E F.
    - simpl in E. subst rest. rewrite Nat.sub_0_r. eauto.
    - rewrite <- app_assoc in E. apply app_inv_head in E. rewrite app_length, Nat.sub_add_distr. eauto.
  Qed.

  Lemma known_prefix_next known bs :
    match nth_error bs (length (known_prefix known bs)) with Some b => known b = false | None => known_prefix known bs = bs end.
  Proof.
    induction bs as [| b bs IH]; [reflexivity |]. simpl. destruct (known b) eqn:K; simpl; [| exact K].
    destruct (nth_error bs _); [exact IH | now rewrite IH].
  Qed.

  (* RegionTable.offer says the truth: where all is taken there is no reason; an unknown region is among what is left; the
     queue is full where the next run needs more slots than are free; and a run is incomplete where what is left has no end
     although everything fits, or is longer than the empty queue. *)
  Theorem refusal_is_true known bs room limit taken why :
    room <= limit -> offer known bs room limit = (taken, why) ->
    exists rest, bs = taken ++ rest /\
      match why with
      | None => rest = []
      | Some IsUnknown => exists b, In b rest /\ known b = false
      | Some IsFull =>
          room < length bs /\ forall run rest', rest = run ++ rest' -> is_run run = true -> room - length taken < length run
      | Some IsIncomplete =>
          (length bs <= room /\ rest <> [] /\ forall run rest', rest = run ++ rest' -> is_run run = false) \/
          (taken = [] /\ forall run rest', bs = run ++ rest' -> is_run run = true -> limit < length run)
      | Some IsClosed => False
      end.
  Proof.
    intros L E. unfold offer in E. fold (taken_of known room bs) in E. injection E as <- W.
    destruct (burst_keeps_the_rest known room bs) as [F [rest Q]]. exists rest. split; [exact Q |].
    pose proof (f_equal (@length _) Q) as LQ. rewrite app_length in LQ.
    pose proof (rest_not_acceptable known room bs _ (proj2 (burst_is_run_by_run known room bs _) eq_refl) rest) as N.
    destruct (Nat.eqb_spec (length (taken_of known room bs)) (length bs)) as [A | A].
    - subst why. destruct rest; [reflexivity | simpl in LQ; lia].
    - set (prefix := known_prefix known (firstn room bs)) in *.
      assert (PT : length (taken_of known room bs) <= length prefix).
      { unfold taken_of. fold prefix. destruct (whole_runs_prefix prefix) as [more M]. rewrite M at 2.
        rewrite app_length. lia. }
      destruct (match nth_error bs (length prefix) with Some b => negb (known b) | None => false end) eqn:U.
      + subst why. destruct (nth_error bs (length prefix)) as [b |] eqn:B; [| discriminate]. exists b.
        apply negb_true_iff in U. split; [| exact U]. rewrite Q in B. rewrite nth_error_app2 in B by exact PT.
        eapply nth_error_In; eauto.
      + (* Everything that fits is known. *)
        assert (K : forallb known (firstn room bs) = true).
        { pose proof (known_prefix_next known (firstn room bs)) as V. fold prefix in V.
          destruct (nth_error (firstn room bs) (length prefix)) as [b |] eqn:B.
          - exfalso. assert (B' : nth_error bs (length prefix) = Some b).
            { rewrite <- (firstn_skipn room bs). rewrite nth_error_app1; [exact B |].
              apply nth_error_Some. congruence. }
            rewrite B', V in U. discriminate.
          - rewrite <- V. apply known_prefix_known. }
        assert (KR : forall run rest', rest = run ++ rest' ->
                  length (taken_of known room bs) + length run <= room -> forallb known run = true).
        { intros run rest' Er Lr. rewrite Q, Er, app_assoc, firstn_app, firstn_all2 in K by (rewrite app_length; lia).
          rewrite !forallb_app, !andb_true_iff in K. tauto. }
        destruct (Nat.eqb_spec (min (length bs) room) (length bs)) as [G | G]; simpl in W.
        * subst why. left. split; [lia |]. split.
          -- intros ->. simpl in LQ. lia.
          -- intros run rest' Er. apply not_true_iff_false. intros R.
             assert (Lb : length (taken_of known room bs) + (length run + length rest') = length bs)
               by (rewrite Er, app_length in LQ; lia).
             apply (N run rest' Q Er). split; [exact R | split; [apply (KR run rest' Er); lia | lia]].
        * destruct ((length (taken_of known room bs) =? 0) && (room =? limit)) eqn:Z; subst why.
          -- right. apply andb_true_iff in Z. rewrite !Nat.eqb_eq in Z. destruct Z as [Z ->].
             apply length_zero_iff_nil in Z. split; [exact Z |]. intros run rest' Er R. rewrite Z in Q, N, KR. simpl in *.
             destruct (le_lt_dec (length run) limit) as [Lr |]; [exfalso | assumption].
             apply (N run rest' Q); [congruence |]. split; [exact R | split; [apply (KR run rest'); [congruence | lia] | lia]].
          -- split; [lia |]. intros run rest' Er R.
             destruct (le_lt_dec (length run) (room - length (taken_of known room bs))) as [Lr |]; [exfalso | assumption].
             apply (N run rest' Q Er). split; [exact R | split; [apply (KR run rest' Er); lia | exact Lr]].
  Qed.

  (* RingLink.enqueue(_ buffer:) asks in another order what a burst of one is asked, and answers the same. *)
  Theorem single_is_burst_of_one known b room limit :
    0 < limit -> room <= limit ->
    offer known [b] room limit =
      if negb (known b) then ([], Some IsUnknown)
      else if room =? 0 then ([], Some IsFull)
      else if negb (is_last b) then ([], Some IsIncomplete)
      else ([b], None).
  Proof.
    intros L R. unfold offer. destruct room as [| room]; simpl.
    - destruct (known b); simpl; [| reflexivity]. destruct limit; [lia | reflexivity].
    - rewrite firstn_nil. destruct (known b) eqn:K; simpl; [destruct (is_last b); reflexivity | now rewrite K].
  Qed.

  (* ---- The end ---- *)

  (* Once an end has gone nothing is enqueued any more, and nothing changes by trying. *)
  Theorem closed_refuses s a bs :
    is_closed s = true -> bs <> [] -> step s (Offer a bs) = (s, Accepted [] (Some IsClosed)).
  Proof. intros C N. simpl. rewrite C. destruct bs; [congruence | reflexivity]. Qed.

  Theorem closed_for_ever s o : is_closed s = true -> is_closed (fst (step s o)) = true.
  Proof.
    intros C. destruct o as [a o | a bs | a |]; simpl; auto.
    - destruct o as [r n | r | b | b | b p | b c]; unfold local_step;
        try (destruct (local (base s) a _) as [l [|]]; exact C).
      unfold deregister. destruct (size_of (base s) r); [destruct (negb _); [| destruct (_ =? _)%Z] |]; exact C.
    - destruct (length bs =? 0); [exact C |]. now rewrite C.
    - destruct (0 <? _); exact C.
  Qed.

  (* RingChannel.bringHome, when both ends have gone: taking from each ring until it is empty brings home exactly what is in
     flight; with what the two sides own, that is every byte of every registered region, and none twice. *)
  Theorem everything_comes_home s :
    reachable s ->
    let home := snd (dequeue_burst k m (rings s X) capacity) ++ snd (dequeue_burst k m (rings s Y) capacity) in
    NoDup (all_bytes home) /\
    (forall b, In b home -> in_bounds (base s) b = true) /\
    (forall x, registered (base s) x <->
       own (base s) X x = true \/ own (base s) Y x = true \/ In x (all_bytes home)) /\
    (forall a x, In x (all_bytes home) -> own (base s) a x = false).
  Proof.
    intros R. destruct (channel_refines_sequences s R) as (q & RQ & [E RH _]).
    assert (D : forall a, snd (dequeue_burst k m (rings s a) capacity) = Sequences.queue q a).
    { intros a. pose proof (dequeue_burst_is_steps k m spare (rings s a) _ capacity (RH a)) as H.
      destruct (dequeue_burst k m (rings s a) capacity) as [r' xs]. destruct H as (_ & -> & _). simpl.
      apply firstn_all2. apply (RH a). }
    cbv zeta. rewrite !D, E. destruct (Sequences.exclusion capacity q RQ) as (N & O & _). split; [exact N |]. split; [| split].
    - intros b I. destruct (Sequences.sequences_refine_sets _ _ RQ) as (t & _ & [_ _ _ B _]).
      apply in_app_iff in I. destruct I; eauto.
    - intros x. rewrite (Sequences.conservation capacity q x RQ), all_bytes_app, in_app_iff. reflexivity.
    - exact O.
  Qed.
End Channel.

(* ---- The words that the balances are kept in ---- *)

(* RingBalance.step and parts: buffers above 40 bits of bytes, in a word of 64 bits that wraps; read as signed numbers. *)
Section Words.
  Local Open Scope Z_scope.

  Definition wrapped (x : Z) : Z := x mod 2 ^ 64.
  Definition word (byte_count buffer_count : Z) : Z := wrapped (buffer_count * 2 ^ 40 + byte_count).
  Definition signed (bits x : Z) : Z := (x + 2 ^ (bits - 1)) mod 2 ^ bits - 2 ^ (bits - 1).
  Definition word_bytes (w : Z) : Z := signed 40 w.
  Definition word_buffers (w : Z) : Z := signed 64 (w - word_bytes w) / 2 ^ 40.

  Lemma wrapped_is x : exists q, wrapped x = x + q * 2 ^ 64.
  Proof. exists (- (x / 2 ^ 64)). unfold wrapped. rewrite Z.mod_eq by lia. lia. Qed.

  Lemma signed_small bits x q :
    0 < bits -> - 2 ^ (bits - 1) <= x < 2 ^ (bits - 1) -> signed bits (x + q * 2 ^ bits) = x.
  Proof.
    intros B H. unfold signed. replace (x + q * 2 ^ bits + 2 ^ (bits - 1)) with (x + 2 ^ (bits - 1) + q * 2 ^ bits) by lia.
    rewrite Z.mod_add by (apply Z.pow_nonzero; lia).
    assert (E : 2 ^ bits = 2 * 2 ^ (bits - 1)) by (rewrite <- Z.pow_succ_r by lia; f_equal; lia).
    rewrite Z.mod_small; lia.
  Qed.

  (* What an end has handed over and taken since a region was registered has no bound, and its word wraps. The sum of the
     two ends' words, and the difference between an account and a word, say what is in flight and what is away all the same,
     since that is bounded by the region. *)
  Theorem words_exact b c b' c' :
    - 2 ^ 39 <= b + b' < 2 ^ 39 -> - 2 ^ 23 <= c + c' < 2 ^ 23 ->
    word_bytes (wrapped (word b c + word b' c')) = b + b' /\ word_buffers (wrapped (word b c + word b' c')) = c + c'.
  Proof.
    intros B C.
    assert (E : exists q, wrapped (word b c + word b' c') = (c + c') * 2 ^ 40 + (b + b') + q * 2 ^ 64).
    { unfold word. destruct (wrapped_is (c * 2 ^ 40 + b)) as [p ->], (wrapped_is (c' * 2 ^ 40 + b')) as [p' ->].
      destruct (wrapped_is (c * 2 ^ 40 + b + p * 2 ^ 64 + (c' * 2 ^ 40 + b' + p' * 2 ^ 64))) as [q ->].
      exists (p + p' + q). lia. }
    destruct E as [q ->].
    assert (W : word_bytes ((c + c') * 2 ^ 40 + (b + b') + q * 2 ^ 64) = b + b').
    { unfold word_bytes. replace ((c + c') * 2 ^ 40 + (b + b') + q * 2 ^ 64)
        with (b + b' + (c + c' + q * 2 ^ 24) * 2 ^ 40) by lia. now apply signed_small. }
    split; [exact W |]. unfold word_buffers. rewrite W.
    replace ((c + c') * 2 ^ 40 + (b + b') + q * 2 ^ 64 - (b + b')) with ((c + c') * 2 ^ 40 + q * 2 ^ 64) by lia.
    rewrite signed_small by lia. apply Z.div_mul. lia.
  Qed.

  (* Read one by one and then added they do not: 2^39 bytes handed over and taken, and nothing in flight. *)
  Theorem parts_overflow : word_bytes (word (2 ^ 39) 0) + word_bytes (word (- 2 ^ 39) 0) <> 0.
  Proof. vm_compute. discriminate. Qed.
End Words.
