(* Composition: a stack of two conforming modules conforms.

   A module is a queue built on a queue: it has an interface above and one below (StackedPort, `lower`). What a module may
   do is stated byte by byte by a ledger of who has what: the user above, the side below, or the module itself, which has
   two sequences, one on its way down and one on its way up.

   Assumed: the environment is honest, that is, the user above enqueues only bytes that it owns, the side below hands up
   only bytes that were handed down to it, and regions are registered from above, fresh, and deregistered only with every
   byte above. In a stack the middle interface needs no such assumption: each module is the other's environment, and that
   they are honest to each other is proved.

   What is handed over, at either interface, is a whole run. A dequeue that takes buffers one by one takes a run apart; that
   its buffers then follow each other is Sequences.first_in_first_out.

   Not covered: liveness (a module that never does anything conforms), flags other than LAST and the valid parts of buffers (a
   module may rewrite them; ownership is per byte), capacity, and registration from below. A refused operation is no event. *)

From Coq Require Import List Bool Lia Permutation.
From CleanQ Require Import Sets.
Import ListNotations.

(* ---- What happens at the two interfaces of a module ---- *)

(* What is handed over is a run, the buffers of one packet, of which the last one and no other carries LAST. *)
Inductive event :=
| EnqueueAbove (p : list buffer)  (* the user hands the run p to the module *)
| DequeueAbove (p : list buffer)  (* the module hands p to the user *)
| EnqueueBelow (p : list buffer)  (* the module hands p to the queue below *)
| DequeueBelow (p : list buffer)  (* the queue below hands p to the module *)
| Register (l : list byte)        (* passes through the module: both interfaces see it *)
| Deregister (l : list byte).

(* What is outside of a module: K, the bytes owned above, the bytes below. *)
Record account := { known : byte -> bool; above : byte -> bool; below : byte -> bool }.

(* With what is inside, the oldest first: bytes on the way down, bytes on the way up. *)
Record world := { outside : account; down : list byte; up : list byte }.

Definition inside (w : world) : list byte := down w ++ up w.

Definition no_account : account := {| known := fun _ => false; above := fun _ => false; below := fun _ => false |}.
Definition empty_world : world := {| outside := no_account; down := []; up := [] |}.

(* What the environment has to keep to. *)
Definition permitted (a : account) (e : event) : Prop :=
  match e with
  | EnqueueAbove p => is_run p = true /\ NoDup (all_bytes p) /\ forall x, In x (all_bytes p) -> above a x = true
  | DequeueBelow p => is_run p = true /\ NoDup (all_bytes p) /\ forall x, In x (all_bytes p) -> below a x = true
  | Register l => forall x, In x l -> known a x = false
  | Deregister l => forall x, In x l -> above a x = true
  | DequeueAbove _ | EnqueueBelow _ => True
  end.

Definition move (a : account) (e : event) : account :=
  match e with
  | EnqueueAbove p => {| known := known a; above := minus (above a) (all_bytes p); below := below a |}
  | DequeueAbove p => {| known := known a; above := plus (above a) (all_bytes p); below := below a |}
  | EnqueueBelow p => {| known := known a; above := above a; below := plus (below a) (all_bytes p) |}
  | DequeueBelow p => {| known := known a; above := above a; below := minus (below a) (all_bytes p) |}
  | Register l => {| known := plus (known a) l; above := plus (above a) l; below := below a |}
  | Deregister l => {| known := minus (known a) l; above := minus (above a) l; below := below a |}
  end.

(* What the module has to keep to: what it gives out is a whole run, and the oldest that it has in that direction. *)
Definition effect (w : world) (e : event) (w' : world) : Prop :=
  outside w' = move (outside w) e /\
  match e with
  | EnqueueAbove p => down w' = down w ++ all_bytes p /\ up w' = up w
  | DequeueAbove p => is_run p = true /\ down w' = down w /\ up w = all_bytes p ++ up w'
  | EnqueueBelow p => is_run p = true /\ down w = all_bytes p ++ down w' /\ up w' = up w
  | DequeueBelow p => down w' = down w /\ up w' = up w ++ all_bytes p
  | Register _ | Deregister _ => down w' = down w /\ up w' = up w
  end.

Record module := {
  state : Type;
  start : state;
  (* None: a step that nobody sees. *)
  step : state -> option event -> state -> Prop
}.

Section Composition.
  (* Whether modules may turn bytes round: hand a packet back that they do not send (a drop), or answer one that they do not
     deliver (an echo). All theorems hold for either. Without turns order is strict in both directions. With turns I1, I2 and
     "no byte twice" hold, but no order is claimed: bytes that turn twice may come back at another place. *)
  Variable turns : bool.

  (* Inside a module, unseen: some bytes on the way down turn round, or some on the way up. Splitting and merging buffers
     changes no byte's place and needs no step. *)
  Inductive silent (w : world) : world -> Prop :=
  | silent_same : silent w w
  | silent_down a x c d e v :
      turns = true -> silent w v -> down v = a ++ x ++ c -> up v = d ++ e ->
      silent w {| outside := outside v; down := a ++ c; up := d ++ x ++ e |}
  | silent_up a c d x e v :
      turns = true -> silent w v -> down v = a ++ c -> up v = d ++ x ++ e ->
      silent w {| outside := outside v; down := a ++ x ++ c; up := d ++ e |}.

  (* A module conforms when a relation between its states and ledgers holds at the start and is kept: every step of the
     module is, as long as the environment keeps to what it has to, a step of the ledger. *)
  Definition simulates (M : module) (R : state M -> world -> Prop) : Prop :=
    R (start M) empty_world /\
    forall s w e s', R s w -> step M s e s' ->
      match e with
      | None => exists w', silent w w' /\ R s' w'
      | Some e => permitted (outside w) e -> exists v w', silent w v /\ effect v e w' /\ R s' w'
      end.

  Definition conforms (M : module) : Prop := exists R, simulates M R.

  (* ---- I1 to I3 for a ledger ---- *)

  Record sound (w : world) : Prop := {
    (* I1: K is what is above, below and inside. *)
    covered : forall x, known (outside w) x = true <->
                above (outside w) x = true \/ below (outside w) x = true \/ In x (inside w);
    (* I2: these are disjoint. *)
    apart : forall x, above (outside w) x = true -> below (outside w) x = true -> False;
    above_apart : forall x, above (outside w) x = true -> In x (inside w) -> False;
    below_apart : forall x, below (outside w) x = true -> In x (inside w) -> False;
    (* I3: no byte is twice inside. *)
    once : NoDup (inside w)
  }.

  Lemma sound_empty : sound empty_world.
  Proof. split; simpl; try discriminate; try apply NoDup_nil. intuition discriminate. Qed.

  (* Only the members of the inside count, and that none is twice. *)
  Lemma sound_same_inside w w' :
    sound w -> outside w' = outside w -> Permutation (inside w) (inside w') -> sound w'.
  Proof.
    intros [C A AA BA N] O P.
    assert (I : forall x, In x (inside w') <-> In x (inside w))
      by (intros x; split; apply Permutation_in; [now apply Permutation_sym | exact P]).
    split; intros; rewrite ?O, ?I in *; eauto using Permutation_NoDup.
  Qed.

  Lemma turn_permutes (a x c d e : list byte) : Permutation ((a ++ x ++ c) ++ d ++ e) ((a ++ c) ++ d ++ x ++ e).
  Proof.
    rewrite <- !app_assoc. apply Permutation_app_head.
    rewrite Permutation_app_comm, <- !app_assoc. apply Permutation_app_head, Permutation_app_head.
    apply Permutation_app_comm.
  Qed.

  Lemma silent_kept w w' :
    silent w w' -> outside w' = outside w /\ Permutation (inside w) (inside w').
  Proof.
    induction 1 as [| a x c d e v _ _ [O P] D U | a c d x e v _ _ [O P] D U]; [auto | |];
      (split; [exact O |]); rewrite P; unfold inside; simpl; rewrite D, U.
    - apply turn_permutes.
    - apply Permutation_sym, turn_permutes.
  Qed.

  Lemma sound_silent w w' : sound w -> silent w w' -> sound w'.
  Proof. intros S H. apply silent_kept in H. destruct H. eapply sound_same_inside; eauto. Qed.

  (* Bytes come to the inside. *)
  Lemma nodup_insert (l m n : list byte) :
    NoDup (l ++ n) -> NoDup m -> (forall x, In x m -> ~ In x (l ++ n)) -> NoDup (l ++ m ++ n).
  Proof.
    intros N M D. apply (Permutation_NoDup (l := m ++ l ++ n)).
    - rewrite !app_assoc. apply Permutation_app_tail, Permutation_app_comm.
    - apply nodup_app. auto.
  Qed.

  (* Bytes leave the inside. *)
  Lemma nodup_delete (l m n : list byte) :
    NoDup (l ++ m ++ n) -> NoDup (l ++ n) /\ forall x, In x m -> ~ In x (l ++ n).
  Proof.
    intros N. apply (Permutation_NoDup (l' := m ++ l ++ n)) in N.
    - apply nodup_app in N. tauto.
    - rewrite !app_assoc. apply Permutation_app_tail, Permutation_app_comm.
  Qed.

  Ltac sets := rewrite ?plus_in, ?minus_in, ?in_app_iff in *.

  Lemma sound_effect w e w' : sound w -> permitted (outside w) e -> effect w e w' -> sound w'.
  Proof.
    intros [C A AA BA N] P [O E]. unfold inside in *.
    destruct e as [p | p | p | p | l | l]; simpl in P, O, E;
      repeat match goal with H : is_run _ = true /\ _ |- _ => destruct H as [_ H] end;
      try match type of P with _ /\ _ => destruct P as [N' P] end; destruct E as [D U]; split; rewrite ?O; simpl;
      unfold inside; try (intros x; specialize (C x); specialize (A x); specialize (AA x); specialize (BA x);
        try specialize (P x)).
    all: rewrite ?D, ?U in *; try exact N.
    all: try (pose proof (in_dec byte_dec x (all_bytes p)) as Q).
    all: try (pose proof (in_dec byte_dec x l) as Q).
    - sets. tauto.
    - sets. tauto.
    - sets. tauto.
    - sets. tauto.
    - rewrite <- app_assoc. apply nodup_insert; [exact N | exact N' |].
      intros x I. exact (AA x (P x I)).
    - sets. tauto.
    - destruct (nodup_delete _ _ _ N) as [_ F]. specialize (F x). sets. tauto.
    - destruct (nodup_delete _ _ _ N) as [_ F]. specialize (F x). sets. tauto.
    - sets. tauto.
    - apply (nodup_delete _ _ _ N).
    - sets. tauto.
    - sets. tauto.
    - sets. tauto.
    - rewrite <- app_assoc in N. destruct (nodup_delete [] _ _ N) as [_ F]. specialize (F x). simpl in F. sets. tauto.
    - rewrite <- app_assoc in N. apply (nodup_delete [] _ _ N).
    - sets. tauto.
    - sets. tauto.
    - sets. tauto.
    - sets. tauto.
    - rewrite app_assoc. rewrite <- (app_nil_r (all_bytes p)). apply nodup_insert; rewrite ?app_nil_r;
        [exact N | exact N' |]. intros x I. exact (BA x (P x I)).
    - sets. tauto.
    - sets. destruct (known (outside w) x); intuition congruence.
    - sets. destruct (known (outside w) x); intuition congruence.
    - sets. tauto.
    - sets. tauto.
    - sets. tauto.
    - sets. tauto.
    - sets. tauto.
  Qed.

  (* ---- The stack of two modules ---- *)

  (* M on N: what M gives down is what N takes from above, and the reverse, unseen from outside; registration passes through
     both. *)
  Inductive stack_step (M N : module) : state M * state N -> option event -> state M * state N -> Prop :=
  | upper_takes s s' t p :
      step M s (Some (EnqueueAbove p)) s' -> stack_step M N (s, t) (Some (EnqueueAbove p)) (s', t)
  | upper_gives s s' t p :
      step M s (Some (DequeueAbove p)) s' -> stack_step M N (s, t) (Some (DequeueAbove p)) (s', t)
  | lower_gives s t t' p :
      step N t (Some (EnqueueBelow p)) t' -> stack_step M N (s, t) (Some (EnqueueBelow p)) (s, t')
  | lower_takes s t t' p :
      step N t (Some (DequeueBelow p)) t' -> stack_step M N (s, t) (Some (DequeueBelow p)) (s, t')
  | both_register s s' t t' l :
      step M s (Some (Register l)) s' -> step N t (Some (Register l)) t' ->
      stack_step M N (s, t) (Some (Register l)) (s', t')
  | both_deregister s s' t t' l :
      step M s (Some (Deregister l)) s' -> step N t (Some (Deregister l)) t' ->
      stack_step M N (s, t) (Some (Deregister l)) (s', t')
  | pass_down s s' t t' p :
      step M s (Some (EnqueueBelow p)) s' -> step N t (Some (EnqueueAbove p)) t' ->
      stack_step M N (s, t) None (s', t')
  | pass_up s s' t t' p :
      step M s (Some (DequeueBelow p)) s' -> step N t (Some (DequeueAbove p)) t' ->
      stack_step M N (s, t) None (s', t')
  | upper_alone s s' t : step M s None s' -> stack_step M N (s, t) None (s', t)
  | lower_alone s t t' : step N t None t' -> stack_step M N (s, t) None (s, t').

  Definition stack (M N : module) : module :=
    {| state := state M * state N; start := (start M, start N); step := stack_step M N |}.

  (* The ledgers u of the upper and l of the lower module make up the ledger w of the stack. *)
  Record glued (u l w : world) : Prop := {
    known_upper : forall x, known (outside w) x = known (outside u) x;
    known_lower : forall x, known (outside w) x = known (outside l) x;
    above_upper : forall x, above (outside w) x = above (outside u) x;
    below_lower : forall x, below (outside w) x = below (outside l) x;
    (* What the lower module takes for the user's is the user's or inside the upper one; and the reverse. *)
    above_lower : forall x, above (outside l) x = true <-> above (outside u) x = true \/ In x (inside u);
    below_upper : forall x, below (outside u) x = true <-> below (outside l) x = true \/ In x (inside l);
    down_both : down w = down l ++ down u;
    up_both : up w = up u ++ up l
  }.

  Lemma silent_trans w v v' : silent w v -> silent v v' -> silent w v'.
  Proof. intros S. induction 1; eauto using silent_down, silent_up. Qed.

  (* Nothing in `glued` but the last two lines depends on the order inside. *)
  Lemma glued_same_inside u l w u' l' w' :
    glued u l w -> outside u' = outside u -> outside l' = outside l -> outside w' = outside w ->
    Permutation (inside u) (inside u') -> Permutation (inside l) (inside l') ->
    down w' = down l' ++ down u' -> up w' = up u' ++ up l' -> glued u' l' w'.
  Proof.
    intros [KU KL AU BL AL BU _ _] OU OL OW PU PL D U. split; intros; rewrite ?OU, ?OL, ?OW; auto.
    - rewrite AL. split; (intros [H | H]; [auto | right]); revert H; apply Permutation_in;
        auto using Permutation_sym.
    - rewrite BU. split; (intros [H | H]; [auto | right]); revert H; apply Permutation_in;
        auto using Permutation_sym.
  Qed.

  Lemma silent_upper u u' l w :
    glued u l w -> silent u u' -> exists w', silent w w' /\ glued u' l w'.
  Proof.
    intros G. induction 1 as [| a x c d e v T S (w1 & S1 & G1) D U | a c d x e v T S (w1 & S1 & G1) D U].
    - exists w. split; [constructor | exact G].
    - eexists. split.
      + apply (silent_down w (down l ++ a) x c d (e ++ up l) w1 T S1).
        * now rewrite (down_both _ _ _ G1), D, !app_assoc.
        * now rewrite (up_both _ _ _ G1), U, !app_assoc.
      + eapply (glued_same_inside v l w1); simpl; auto.
        * unfold inside. simpl. rewrite D, U. apply turn_permutes.
        * now rewrite !app_assoc.
        * now rewrite <- !app_assoc.
    - eexists. split.
      + apply (silent_up w (down l ++ a) c d x (e ++ up l) w1 T S1).
        * now rewrite (down_both _ _ _ G1), D, !app_assoc.
        * now rewrite (up_both _ _ _ G1), U, <- !app_assoc.
      + eapply (glued_same_inside v l w1); simpl; auto.
        * unfold inside. simpl. rewrite D, U. apply Permutation_sym, turn_permutes.
        * now rewrite <- !app_assoc.
        * now rewrite !app_assoc.
  Qed.

  Lemma silent_lower u l l' w :
    glued u l w -> silent l l' -> exists w', silent w w' /\ glued u l' w'.
  Proof.
    intros G. induction 1 as [| a x c d e v T S (w1 & S1 & G1) D U | a c d x e v T S (w1 & S1 & G1) D U].
    - exists w. split; [constructor | exact G].
    - eexists. split.
      + apply (silent_down w a x (c ++ down u) (up u ++ d) e w1 T S1).
        * now rewrite (down_both _ _ _ G1), D, <- !app_assoc.
        * now rewrite (up_both _ _ _ G1), U, !app_assoc.
      + eapply (glued_same_inside u v w1); simpl; auto.
        * unfold inside. simpl. rewrite D, U. apply turn_permutes.
        * now rewrite !app_assoc.
        * now rewrite <- !app_assoc.
    - eexists. split.
      + apply (silent_up w a (c ++ down u) (up u ++ d) x e w1 T S1).
        * now rewrite (down_both _ _ _ G1), D, <- !app_assoc.
        * now rewrite (up_both _ _ _ G1), U, <- !app_assoc.
      + eapply (glued_same_inside u v w1); simpl; auto.
        * unfold inside. simpl. rewrite D, U. apply Permutation_sym, turn_permutes.
        * now rewrite <- !app_assoc.
        * now rewrite <- !app_assoc.
  Qed.

  (* What the environment of the stack may do it may do to the upper module, or to the lower. *)
  Lemma permitted_upper u l w e :
    glued u l w -> permitted (outside w) e ->
    match e with EnqueueAbove _ | DequeueAbove _ | Register _ | Deregister _ => permitted (outside u) e | _ => True end.
  Proof.
    intros G P. destruct e; simpl in *; auto.
    - destruct P as (R & N & P). repeat split; auto. intros x I. rewrite <- (above_upper _ _ _ G). auto.
    - intros x I. rewrite <- (known_upper _ _ _ G). auto.
    - intros x I. rewrite <- (above_upper _ _ _ G). auto.
  Qed.

  Lemma permitted_lower u l w e :
    glued u l w -> permitted (outside w) e ->
    match e with EnqueueBelow _ | DequeueBelow _ | Register _ | Deregister _ => permitted (outside l) e | _ => True end.
  Proof.
    intros G P. destruct e; simpl in *; auto.
    - destruct P as (R & N & P). repeat split; auto. intros x I. rewrite <- (below_lower _ _ _ G). auto.
    - intros x I. rewrite <- (known_lower _ _ _ G). auto.
    - intros x I. apply (above_lower _ _ _ G). left. rewrite <- (above_upper _ _ _ G). auto.
  Qed.

  (* An event at the outer interface: which of the two ledgers takes it. *)
  Definition effects (u l : world) (e : event) (u' l' : world) : Prop :=
    match e with
    | EnqueueAbove _ | DequeueAbove _ => effect u e u' /\ l' = l
    | EnqueueBelow _ | DequeueBelow _ => u' = u /\ effect l e l'
    | Register _ | Deregister _ => effect u e u' /\ effect l e l'
    end.

  (* Takes ledgers and hypotheses about them to pieces. *)
  Ltac pieces :=
    repeat match goal with
           | H : _ /\ _ |- _ => destruct H
           | H : {| outside := _; down := _; up := _ |} = _ |- _ => injection H as -> -> ->
           end; subst.

  (* Asks what is known at one byte, in the moved bytes m or not; the rest is logic. *)
  Ltac pointwise m :=
    intros x; destruct (in_dec byte_dec x m);
    repeat match goal with H : forall x : byte, _ |- _ => specialize (H x) end;
    first [unfold plus, minus; congruence | sets; tauto].

  Lemma glued_event u l w e u' l' :
    glued u l w -> sound u -> sound l -> permitted (outside w) e -> effects u l e u' l' ->
    exists w', effect w e w' /\ glued u' l' w'.
  Proof.
    intros G SU SL P E.
    exists {| outside := move (outside w) e; down := down l' ++ down u'; up := up u' ++ up l' |}.
    pose proof (permitted_upper _ _ _ _ G P) as PU. pose proof (permitted_lower _ _ _ _ G P) as PL.
    destruct G as [KU KL AU BL AL BU D U], SU as [_ XU AAU BAU NU], SL as [_ XL AAL BAL NL].
    destruct u as [[ku au bu] du uu], l as [[kl al bl] dl ul], w as [[kw aw bw] dw uw].
    destruct u' as [ou' du' uu'], l' as [ol' dl' ul'].
    unfold effects, effect, inside in *.
    destruct e as [p | p | p | p | r | r]; simpl in *; pieces.
    all: split; [split; [reflexivity | rewrite <- ?app_assoc; auto] |].
    all: split; simpl; unfold inside; simpl; auto.
    all: match goal with p : list buffer |- _ => pointwise (all_bytes p) | _ => pointwise r end.
  Qed.

  (* The middle interface: the bytes were inside the upper module and are now inside the lower one, in the same place of the
     stack's sequence. *)
  Lemma glued_pass_down u l w p u' l' :
    glued u l w -> sound u -> sound l -> effect u (EnqueueBelow p) u' -> effect l (EnqueueAbove p) l' -> glued u' l' w.
  Proof.
    intros G SU SL EU EL.
    destruct G as [KU KL AU BL AL BU D U], SU as [_ XU AAU BAU NU], SL as [_ XL AAL BAL NL].
    destruct u as [[ku au bu] du uu], l as [[kl al bl] dl ul], w as [[kw aw bw] dw uw].
    destruct u' as [ou' du' uu'], l' as [ol' dl' ul'].
    unfold effect, inside in *. simpl in *. pieces.
    rewrite <- app_assoc in NU. destruct (nodup_delete [] _ _ NU) as [_ F]. simpl in F.
    split; simpl; unfold inside; simpl; auto; try pointwise (all_bytes p).
    now rewrite <- app_assoc.
  Qed.

  Lemma glued_pass_up u l w p u' l' :
    glued u l w -> sound u -> sound l -> effect u (DequeueBelow p) u' -> effect l (DequeueAbove p) l' -> glued u' l' w.
  Proof.
    intros G SU SL EU EL.
    destruct G as [KU KL AU BL AL BU D U], SU as [_ XU AAU BAU NU], SL as [_ XL AAL BAL NL].
    destruct u as [[ku au bu] du uu], l as [[kl al bl] dl ul], w as [[kw aw bw] dw uw].
    destruct u' as [ou' du' uu'], l' as [ol' dl' ul'].
    unfold effect, inside in *. simpl in *. pieces.
    destruct (nodup_delete _ _ _ NL) as [_ F].
    split; simpl; unfold inside; simpl; auto; try pointwise (all_bytes p).
    now rewrite <- app_assoc.
  Qed.

  Lemma silent_outside w v : silent w v -> outside v = outside w.
  Proof. intros S. apply silent_kept in S. apply S. Qed.

  (* The relation for the stack: ledgers of both modules that hold for them and make up the stack's. *)
  Definition stacked (M N : module) (R : state M -> world -> Prop) (Q : state N -> world -> Prop)
      (st : state M * state N) (w : world) : Prop :=
    exists u l, R (fst st) u /\ Q (snd st) l /\ sound u /\ sound l /\ glued u l w.

  (* Composition: a stack of two conforming modules conforms. Neither module is assumed to be honest to the other: that each
     keeps to what the other's environment has to keep to is what the proof shows. *)
  Theorem stack_conforms M N : conforms M -> conforms N -> conforms (stack M N).
  Proof.
    intros [R [R0 RS]] [Q [Q0 QS]]. exists (stacked M N R Q). split.
    { exists empty_world, empty_world. simpl.
      repeat (split; [assumption || apply sound_empty |]). split; simpl; intuition discriminate. }
    intros [s t] w e st' (u & l & RU & QL & SU & SL & G) H. simpl in RU, QL. inversion H; subst; clear H.
    (* Events of the upper module at the outer interface. *)
    1, 2: intros P; pose proof (permitted_upper _ _ _ _ G P) as PU;
      (edestruct (RS _ _ _ _ RU ltac:(eassumption) PU) as (v & u' & SV & E & RU'));
      (destruct (silent_upper _ _ _ _ G SV) as (w1 & SW & G1));
      pose proof (sound_silent _ _ SU SV) as SU1;
      rewrite <- (silent_outside _ _ SV) in PU; rewrite <- (silent_outside _ _ SW) in P;
      (edestruct (glued_event v l w1 _ u' l G1 SU1 SL P ltac:(split; [exact E | reflexivity])) as (w' & EW & G'));
      exists w1, w'; repeat (split; [assumption |]); exists u', l; simpl;
      pose proof (sound_effect _ _ _ SU1 PU E); auto.
    (* Events of the lower module at the outer interface. *)
    1, 2: intros P; pose proof (permitted_lower _ _ _ _ G P) as PL;
      (edestruct (QS _ _ _ _ QL ltac:(eassumption) PL) as (v & l' & SV & E & QL'));
      (destruct (silent_lower _ _ _ _ G SV) as (w1 & SW & G1));
      pose proof (sound_silent _ _ SL SV) as SL1;
      rewrite <- (silent_outside _ _ SV) in PL; rewrite <- (silent_outside _ _ SW) in P;
      (edestruct (glued_event u v w1 _ u l' G1 SU SL1 P ltac:(split; [reflexivity | exact E])) as (w' & EW & G'));
      exists w1, w'; repeat (split; [assumption |]); exists u, l'; simpl;
      pose proof (sound_effect _ _ _ SL1 PL E); auto.
    (* Registration, through both. *)
    1, 2: intros P; pose proof (permitted_upper _ _ _ _ G P) as PU; pose proof (permitted_lower _ _ _ _ G P) as PL;
      (edestruct (RS _ _ _ _ RU ltac:(eassumption) PU) as (v & u' & SV & E & RU'));
      (edestruct (QS _ _ _ _ QL ltac:(eassumption) PL) as (v' & l' & SV' & E' & QL'));
      (destruct (silent_upper _ _ _ _ G SV) as (w1 & SW & G1));
      (destruct (silent_lower _ _ _ _ G1 SV') as (w2 & SW' & G2));
      pose proof (sound_silent _ _ SU SV) as SU1; pose proof (sound_silent _ _ SL SV') as SL1;
      rewrite <- (silent_outside _ _ SV) in PU; rewrite <- (silent_outside _ _ SV') in PL;
      pose proof (silent_trans _ _ _ SW SW') as SW2; rewrite <- (silent_outside _ _ SW2) in P;
      (edestruct (glued_event v v' w2 _ u' l' G2 SU1 SL1 P ltac:(split; [exact E | exact E'])) as (w' & EW & G'));
      exists w2, w'; repeat (split; [assumption |]); exists u', l'; simpl;
      pose proof (sound_effect _ _ _ SU1 PU E); pose proof (sound_effect _ _ _ SL1 PL E'); auto.
    (* The middle interface, downwards: what the upper module gives was inside it, hence permitted below. *)
    - match goal with H : step M _ _ _ |- _ => destruct (RS _ _ _ _ RU H I) as (v & u' & SV & E & RU') end.
      destruct (silent_upper _ _ _ _ G SV) as (w1 & SW & G1). pose proof (sound_silent _ _ SU SV) as SU1.
      assert (P : permitted (outside l) (EnqueueAbove p)).
      { destruct E as (_ & IR & D & _). pose proof (once _ SU1) as W. unfold inside in W. rewrite D, <- app_assoc in W.
        apply nodup_app in W. split; [exact IR |]. split; [apply W |]. intros x J.
        apply (above_lower _ _ _ G1). right. apply in_app_iff. left. rewrite D. apply in_app_iff. auto. }
      match goal with H : step N _ _ _ |- _ => destruct (QS _ _ _ _ QL H P) as (v' & l' & SV' & E' & QL') end.
      destruct (silent_lower _ _ _ _ G1 SV') as (w2 & SW' & G2). pose proof (sound_silent _ _ SL SV') as SL1.
      rewrite <- (silent_outside _ _ SV') in P.
      exists w2. split; [exact (silent_trans _ _ _ SW SW') |]. exists u', l'. simpl.
      pose proof (sound_effect _ (EnqueueBelow p) _ SU1 I E). pose proof (sound_effect _ _ _ SL1 P E').
      pose proof (glued_pass_down _ _ _ _ _ _ G2 SU1 SL1 E E'). auto.
    (* Upwards: what the lower module gives was inside it, hence below the upper one. *)
    - match goal with H : step N _ _ _ |- _ => destruct (QS _ _ _ _ QL H I) as (v' & l' & SV' & E' & QL') end.
      destruct (silent_lower _ _ _ _ G SV') as (w1 & SW & G1). pose proof (sound_silent _ _ SL SV') as SL1.
      assert (P : permitted (outside u) (DequeueBelow p)).
      { destruct E' as (_ & IR & _ & U). pose proof (once _ SL1) as W. unfold inside in W. rewrite U in W.
        apply nodup_app in W. destruct W as (_ & W & _). apply nodup_app in W. split; [exact IR |]. split; [apply W |]. intros x J.
        apply (below_upper _ _ _ G1). right. apply in_app_iff. right. rewrite U. apply in_app_iff. auto. }
      match goal with H : step M _ _ _ |- _ => destruct (RS _ _ _ _ RU H P) as (v & u' & SV & E & RU') end.
      destruct (silent_upper _ _ _ _ G1 SV) as (w2 & SW' & G2). pose proof (sound_silent _ _ SU SV) as SU1.
      rewrite <- (silent_outside _ _ SV) in P.
      exists w2. split; [exact (silent_trans _ _ _ SW SW') |]. exists u', l'. simpl.
      pose proof (sound_effect _ _ _ SU1 P E). pose proof (sound_effect _ (DequeueAbove p) _ SL1 I E').
      pose proof (glued_pass_up _ _ _ _ _ _ G2 SU1 SL1 E E'). auto.
    (* Steps that nobody sees. *)
    - match goal with H : step M _ _ _ |- _ => destruct (RS _ _ _ _ RU H) as (u' & SV & RU') end.
      destruct (silent_upper _ _ _ _ G SV) as (w1 & SW & G1). exists w1. split; [exact SW |]. exists u', l. simpl.
      pose proof (sound_silent _ _ SU SV). auto.
    - match goal with H : step N _ _ _ |- _ => destruct (QS _ _ _ _ QL H) as (l' & SV & QL') end.
      destruct (silent_lower _ _ _ _ G SV) as (w1 & SW & G1). exists w1. split; [exact SW |]. exists u, l'. simpl.
      pose proof (sound_silent _ _ SL SV). auto.
  Qed.

  (* ---- What conforming means for what can be seen ---- *)

  (* An execution in an honest environment: the events so far, and the account that follows from them alone. *)
  Inductive execution (M : module) : state M -> list event -> account -> Prop :=
  | execution_start : execution M (start M) [] no_account
  | execution_unseen s es a s' : execution M s es a -> step M s None s' -> execution M s' es a
  | execution_event s es a e s' :
      execution M s es a -> permitted a e -> step M s (Some e) s' -> execution M s' (es ++ [e]) (move a e).

  (* What went in and what came out, byte by byte, in order, downwards and upwards. *)
  Definition down_in (es : list event) := flat_map (fun e => match e with EnqueueAbove p => all_bytes p | _ => [] end) es.
  Definition down_out (es : list event) := flat_map (fun e => match e with EnqueueBelow p => all_bytes p | _ => [] end) es.
  Definition up_in (es : list event) := flat_map (fun e => match e with DequeueBelow p => all_bytes p | _ => [] end) es.
  Definition up_out (es : list event) := flat_map (fun e => match e with DequeueAbove p => all_bytes p | _ => [] end) es.

  Definition in_order (es : list event) (w : world) : Prop :=
    down_in es = down_out es ++ down w /\ up_in es = up_out es ++ up w.

  (* What went in, in either direction, is what came out and what is inside. *)
  Definition in_balance (es : list event) (w : world) : Prop :=
    Permutation (down_in es ++ up_in es) (down_out es ++ up_out es ++ inside w).

  Lemma in_balance_counts es w :
    in_balance es w <-> forall x,
      count_occ byte_dec (down_in es) x + count_occ byte_dec (up_in es) x =
      count_occ byte_dec (down_out es) x + count_occ byte_dec (up_out es) x + count_occ byte_dec (inside w) x.
  Proof.
    unfold in_balance. rewrite (Permutation_count_occ byte_dec).
    split; intros C x; specialize (C x); rewrite !count_occ_app in *; lia.
  Qed.

  Lemma in_balance_event es e v w : effect v e w -> in_balance es v -> in_balance (es ++ [e]) w.
  Proof.
    rewrite !in_balance_counts. intros [_ E] C x. specialize (C x). unfold inside in *.
    unfold down_in, down_out, up_in, up_out in *. rewrite !flat_map_app, !count_occ_app in *.
    destruct e; repeat match goal with H : is_run _ = true /\ _ |- _ => destruct H as [_ H] end; destruct E as [D U];
      simpl; rewrite D, U, ?app_nil_r, ?count_occ_app in *; simpl; lia.
  Qed.

  Lemma silent_without_turns w v : turns = false -> silent w v -> v = w.
  Proof. intros T. induction 1; congruence. Qed.

  (* I1 to I3 at the interface of a conforming module, a stack of any height included: whatever it does in an honest
     environment, there is an inside such that K is what is above, below and inside, these are disjoint, and no byte is twice
     inside; what went in is what came out and what is inside; and where modules do not turn bytes round, in either
     direction what went in is, in order, what came out and then what is still inside. *)
  Theorem conforming_execution M s es a :
    conforms M -> execution M s es a ->
    exists w, outside w = a /\ sound w /\ in_balance es w /\ (turns = false -> in_order es w).
  Proof.
    intros [R [R0 RS]] X.
    enough (exists w, R s w /\ outside w = a /\ sound w /\ in_balance es w /\ (turns = false -> in_order es w))
      as (w & _ & H) by eauto.
    induction X as [| s es a s' X (w & RW & O & S & B & F) H | s es a e s' X (w & RW & O & S & B & F) P H].
    - exists empty_world. split; [exact R0 |]. split; [reflexivity |]. split; [apply sound_empty |].
      split; [apply perm_nil |]. intros _. now split.
    - destruct (RS _ _ _ _ RW H) as (w' & SW & RW'). destruct (silent_kept _ _ SW) as [OW PW].
      exists w'. split; [exact RW' |]. split; [now rewrite OW |]. split; [exact (sound_silent _ _ S SW) |]. split.
      + unfold in_balance. now rewrite <- PW.
      + intros T. rewrite (silent_without_turns _ _ T SW). auto.
    - subst a. destruct (RS _ _ _ _ RW H P) as (v & w' & SV & E & RW'). destruct (silent_kept _ _ SV) as [OV PV].
      exists w'. split; [exact RW' |]. split; [rewrite <- OV; apply E |]. split; [| split].
      + rewrite <- OV in P. exact (sound_effect _ _ _ (sound_silent _ _ S SV) P E).
      + apply (in_balance_event es e v w' E). unfold in_balance. now rewrite <- PV.
      + intros T. rewrite (silent_without_turns _ _ T SV) in E. destruct (F T) as [FD FU]. destruct E as [_ E].
        unfold in_order, down_in, down_out, up_in, up_out in *. rewrite !flat_map_app, FD, FU.
        destruct e; repeat match goal with V : is_run _ = true /\ _ |- _ => destruct V as [_ V] end; destruct E as [D U];
          simpl; rewrite ?D, ?U, ?app_nil_r, <- ?app_assoc; auto.
  Qed.

  (* Packets: what a conforming module hands over, up or down, is whole runs. *)
  Theorem whole_packets M s es a :
    conforms M -> execution M s es a ->
    forall e, In e es ->
      match e with EnqueueAbove p | DequeueAbove p | EnqueueBelow p | DequeueBelow p => is_run p = true | _ => True end.
  Proof.
    intros [R [R0 RS]] X.
    enough (exists w, R s w /\ outside w = a /\ forall e, In e es ->
      match e with EnqueueAbove p | DequeueAbove p | EnqueueBelow p | DequeueBelow p => is_run p = true | _ => True end)
      as (w & _ & _ & H) by exact H.
    induction X as [| s es a s' X (w & RW & O & F) H | s es a e s' X (w & RW & O & F) P H].
    - exists empty_world. split; [exact R0 |]. split; [reflexivity |]. intros e [].
    - destruct (RS _ _ _ _ RW H) as (w' & SW & RW'). destruct (silent_kept _ _ SW) as [OW _].
      exists w'. split; [exact RW' |]. split; [now rewrite OW | exact F].
    - subst a. destruct (RS _ _ _ _ RW H P) as (v & w' & SV & E & RW'). destruct (silent_kept _ _ SV) as [OV _].
      exists w'. split; [exact RW' |]. split; [rewrite <- OV; apply E |]. intros f I. apply in_app_iff in I.
      destruct I as [I | [<- | []]]; [exact (F f I) |]. destruct E as [_ E]. destruct e; simpl in *; tauto.
  Qed.

  (* ---- The definition is not empty ---- *)

  (* A module that holds back up to n packets in each direction, gives them on whole or split in two packets, and, where turns
     are allowed, may hand back to the user what it does not send. With n = 1 it is a pass-through with one slot. *)
  Definition packet_bytes (ps : list (list buffer)) : list byte := flat_map all_bytes ps.

  Inductive holding_step (n : nat) :
    list (list buffer) * list (list buffer) -> option event -> list (list buffer) * list (list buffer) -> Prop :=
  | holding_takes_down d u p : length d < n -> holding_step n (d, u) (Some (EnqueueAbove p)) (d ++ [p], u)
  | holding_gives_down d u p : is_run p = true -> holding_step n (p :: d, u) (Some (EnqueueBelow p)) (d, u)
  | holding_splits d u b position :
      splittable b position = true -> is_last b = true ->
      holding_step n ([b] :: d, u) (Some (EnqueueBelow [left_part b position])) ([right_part b position] :: d, u)
  | holding_takes_up d u p : length u < n -> holding_step n (d, u) (Some (DequeueBelow p)) (d, u ++ [p])
  | holding_gives_up d u p : is_run p = true -> holding_step n (d, p :: u) (Some (DequeueAbove p)) (d, u)
  | holding_registers s l : holding_step n s (Some (Register l)) s
  | holding_deregisters s l : holding_step n s (Some (Deregister l)) s
  | holding_turns d u p : turns = true -> holding_step n (p :: d, u) None (d, u ++ [p]).

  Definition holding (n : nat) : module :=
    {| state := list (list buffer) * list (list buffer); start := ([], []); step := holding_step n |}.

  Lemma packet_bytes_app ps qs : packet_bytes (ps ++ qs) = packet_bytes ps ++ packet_bytes qs.
  Proof. apply flat_map_app. Qed.

  Theorem holding_conforms n : conforms (holding n).
  Proof.
    exists (fun s w => down w = packet_bytes (fst s) /\ up w = packet_bytes (snd s)). split; [auto |].
    intros s w e s' [D U] H.
    (* All but the turn are events, before which nothing has to happen unseen. *)
    assert (V : forall e, (exists w', effect w e w' /\ down w' = packet_bytes (fst s') /\ up w' = packet_bytes (snd s')) ->
                  exists v w', silent w v /\ effect v e w' /\ down w' = packet_bytes (fst s') /\ up w' = packet_bytes (snd s'))
      by (intros f (w' & E); exists w, w'; split; [constructor | exact E]).
    destruct e as [e |].
    - intros _. apply V.
      exists {| outside := move (outside w) e; down := packet_bytes (fst s'); up := packet_bytes (snd s') |}.
      split; [split; [reflexivity |] | auto].
      inversion H; subst; simpl in *; rewrite D, U, ?packet_bytes_app; simpl; rewrite ?app_nil_r; auto.
      split; [assumption |]. split; [| reflexivity]. rewrite app_assoc. f_equal. symmetry. now apply split_bytes.
    - inversion H; subst; simpl in *.
      exists {| outside := outside w; down := packet_bytes d; up := packet_bytes u ++ all_bytes p |}. split.
      + rewrite <- (app_nil_r (all_bytes p)).
        apply (silent_down w [] (all_bytes p) (packet_bytes d) (packet_bytes u) [] w); auto using silent_same.
        now rewrite app_nil_r.
      + simpl. rewrite packet_bytes_app. simpl. now rewrite app_nil_r.
  Qed.

  (* It does something: a packet passes through a stack of two. *)
  Theorem stack_of_two_passes p :
    is_run p = true -> NoDup (all_bytes p) ->
    exists s a, execution (stack (holding 1) (holding 1)) s
                  [Register (all_bytes p); EnqueueAbove p; EnqueueBelow p] a.
  Proof.
    intros R N. exists (([], []), ([], [])). eexists.
    apply (execution_event (stack (holding 1) (holding 1)) (([], []), ([p], [])) [Register (all_bytes p); EnqueueAbove p]); [| exact I |].
    - apply (execution_unseen (stack (holding 1) (holding 1)) (([p], []), ([], []))).
      + apply (execution_event (stack (holding 1) (holding 1)) (([], []), ([], [])) [Register (all_bytes p)]).
        * apply (execution_event (stack (holding 1) (holding 1)) (([], []), ([], [])) []); [apply execution_start | now intros x |].
          apply (both_register (holding 1) (holding 1)); apply holding_registers.
        * split; [exact R |]. split; [exact N |]. intros x J. simpl. apply plus_in. auto.
        * apply (upper_takes (holding 1) (holding 1)). apply (holding_takes_down 1 [] []). simpl. lia.
      + apply (pass_down (holding 1) (holding 1) _ _ _ _ p);
          [apply (holding_gives_down 1 [] [] p R) | apply (holding_takes_down 1 [] [])]. simpl. lia.
    - apply (lower_gives (holding 1) (holding 1)). apply (holding_gives_down 1 [] [] p R).
  Qed.

  (* It excludes something: a module that gives a packet down twice does not conform. *)
  Inductive doubling_step : option (list buffer) -> option event -> option (list buffer) -> Prop :=
  | doubling_registers l : doubling_step None (Some (Register l)) None
  | doubling_takes p : doubling_step None (Some (EnqueueAbove p)) (Some p)
  | doubling_gives p : doubling_step (Some p) (Some (EnqueueBelow p)) (Some p).

  Definition doubling : module := {| state := option (list buffer); start := None; step := doubling_step |}.

  Theorem doubling_does_not_conform : ~ conforms doubling.
  Proof.
    intros C.
    set (b := {| home := {| slot := 0; generation := 1 |}; offset := 0; size := 1;
                 valid_offset := 0; valid_size := 0; is_last := true |}).
    assert (X : exists a, execution doubling (Some [b])
                  [Register (bytes b); EnqueueAbove [b]; EnqueueBelow [b]; EnqueueBelow [b]] a).
    { eexists.
      apply (execution_event doubling (Some [b]) [Register (bytes b); EnqueueAbove [b]; EnqueueBelow [b]]);
        [| exact I | constructor].
      apply (execution_event doubling (Some [b]) [Register (bytes b); EnqueueAbove [b]]); [| exact I | constructor].
      apply (execution_event doubling None [Register (bytes b)]); [| | constructor].
      - apply (execution_event doubling None []); [apply execution_start | now intros x | constructor].
      - split; [reflexivity |]. change (all_bytes [b]) with (bytes b ++ []). rewrite app_nil_r.
        split; [apply nodup_range |]. intros x J. apply plus_in. now right. }
    destruct X as [a X]. destruct (conforming_execution _ _ _ _ C X) as (w & _ & _ & B & _).
    apply Permutation_length in B. simpl in B. lia.
  Qed.
End Composition.
