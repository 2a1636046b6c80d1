(* The ledgers of modules: I1 to I3 hold for every one that an honest environment can lead to (sound_effect), and two of them
   make up the ledger of a stack (glued), also when something passes between the two. What Composition.v rests on. *)

From Coq Require Import List Bool Lia Permutation.
From CleanQ Require Export Modules.
Import ListNotations.

Section Composition.
  Context {turns : bool}.
  Notation silent := (silent turns).
  Notation silent_same := (silent_same turns).
  Notation silent_down := (silent_down turns).
  Notation silent_up := (silent_up turns).
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

  (* Asks what is known at one byte, in the moved bytes m or not; the rest is logic. What a goal does not need is cleared
     before: what is left is searched many times faster. *)
  Ltac pointwise m :=
    intros x; destruct (in_dec byte_dec x m);
    repeat match goal with H : forall x : byte, _ |- _ => specialize (H x) end;
    first [unfold plus, minus; congruence | sets; solve [tauto | intuition congruence]].

  Lemma sound_effect w e w' : sound w -> permitted (outside w) e -> effect w e w' -> sound w'.
  Proof.
    intros [C A AA BA N] P [O E]. unfold inside in *.
    destruct e as [p | p | p | p | l | l]; simpl in P, O, E.
    - destruct P as (_ & N' & P), E as [D U]. split; rewrite ?O; unfold inside; rewrite ?D, ?U; simpl.
      + clear - C P. pointwise (all_bytes p).
      + clear - A. pointwise (all_bytes p).
      + clear - AA. pointwise (all_bytes p).
      + clear - A BA P. pointwise (all_bytes p).
      + rewrite <- app_assoc. apply nodup_insert; [exact N | exact N' |]. intros x I. exact (AA x (P x I)).
    - destruct E as (_ & D & U). rewrite U in *. destruct (nodup_delete _ _ _ N) as [N' F].
      split; rewrite ?O; unfold inside; rewrite ?D; simpl; [| | | | exact N'].
      + clear - C. pointwise (all_bytes p).
      + clear - A BA. pointwise (all_bytes p).
      + clear - AA F. pointwise (all_bytes p).
      + clear - BA. pointwise (all_bytes p).
    - destruct E as (_ & D & U). rewrite D in *. rewrite <- app_assoc in N. destruct (nodup_delete [] _ _ N) as [N' F].
      split; rewrite ?O; unfold inside; rewrite ?U; simpl in *; [| | | | exact N'].
      + clear - C. pointwise (all_bytes p).
      + clear - A AA. pointwise (all_bytes p).
      + clear - AA. pointwise (all_bytes p).
      + clear - BA F. pointwise (all_bytes p).
    - destruct P as (_ & N' & P), E as [D U]. split; rewrite ?O; unfold inside; rewrite ?D, ?U; simpl.
      + clear - C P. pointwise (all_bytes p).
      + clear - A. pointwise (all_bytes p).
      + clear - A AA P. pointwise (all_bytes p).
      + clear - BA. pointwise (all_bytes p).
      + rewrite app_assoc. rewrite <- (app_nil_r (all_bytes p)). apply nodup_insert; rewrite ?app_nil_r;
          [exact N | exact N' |]. intros x I. exact (BA x (P x I)).
    - destruct E as [D U]. split; rewrite ?O; unfold inside; rewrite ?D, ?U; simpl; [| | | | exact N].
      + clear - C. pointwise l.
      + clear - A C P. pointwise l.
      + clear - AA C P. pointwise l.
      + exact BA.
    - destruct E as [D U]. split; rewrite ?O; unfold inside; rewrite ?D, ?U; simpl; [| | | | exact N].
      + clear - C A AA P. pointwise l.
      + clear - A. pointwise l.
      + clear - AA. pointwise l.
      + exact BA.
  Qed.

  (* ---- The ledgers of a stack ---- *)

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

  Ltac at_event :=
    match goal with p : list buffer |- _ => pointwise (all_bytes p) | r : list byte |- _ => pointwise r | _ => pointwise (@nil byte) end.

  Lemma glued_event u l w e u' l' :
    glued u l w -> sound u -> sound l -> permitted (outside w) e -> effects u l e u' l' ->
    exists w', effect w e w' /\ glued u' l' w'.
  Proof.
    intros G SU SL P E.
    exists {| outside := move (outside w) e; down := down l' ++ down u'; up := up u' ++ up l' |}.
    pose proof (permitted_upper _ _ _ _ G P) as PU. pose proof (permitted_lower _ _ _ _ G P) as PL.
    assert (PA : match e with
                 | EnqueueAbove p => forall x, In x (all_bytes p) -> above (outside u) x = true
                 | Deregister r => forall x, In x r -> above (outside u) x = true
                 | _ => True
                 end) by (destruct e; simpl in PU; try tauto; apply PU).
    assert (PB : match e with DequeueBelow p => forall x, In x (all_bytes p) -> below (outside l) x = true | _ => True end)
      by (destruct e; simpl in PL; try tauto; apply PL).
    destruct G as [KU KL AU BL AL BU D U], SU as [_ _ AAU _ _], SL as [_ _ _ BAL _]. clear P PU PL.
    destruct u as [[ku au bu] du uu], l as [[kl al bl] dl ul], w as [[kw aw bw] dw uw].
    destruct u' as [ou' du' uu'], l' as [ol' dl' ul'].
    unfold effects, effect, inside in *.
    destruct e as [p | p | p | p | r | r]; simpl in *; pieces.
    all: split; [split; [reflexivity | rewrite <- ?app_assoc; auto] |].
    (* What is above depends on the upper ledger alone, what is below on the lower one. *)
    all: split; simpl; unfold inside; simpl;
      [clear - KU | clear - KL | clear - AU | clear - BL | clear - AL AAU PA | clear - BU BAL PB | reflexivity | reflexivity].
    all: at_event.
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
    split; simpl; unfold inside; simpl; auto.
    - clear - AL AAU F. pointwise (all_bytes p).
    - clear - BU. pointwise (all_bytes p).
    - now rewrite <- app_assoc.
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
    split; simpl; unfold inside; simpl; auto.
    - clear - AL. pointwise (all_bytes p).
    - clear - BU BAL F. pointwise (all_bytes p).
    - now rewrite <- app_assoc.
  Qed.

  Lemma silent_outside w v : silent w v -> outside v = outside w.
  Proof. intros S. apply silent_kept in S. apply S. Qed.
End Composition.
