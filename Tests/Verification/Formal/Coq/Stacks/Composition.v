(* Composition: a stack of two conforming modules conforms (stack_conforms), so that a stack of any height does; and what
   conforming means for what can be seen at the interfaces: I1 to I3 (conforming_execution), and whole runs (whole_packets).
   Definitions and assumptions are in Modules.v, the lemmas on ledgers in Ledgers.v; StackExamples.v shows that all this is not
   empty. *)

From Coq Require Import List Bool Lia Permutation.
From CleanQ Require Export Ledgers.
Import ListNotations.

Section Composition.
  Variable turns : bool.
  Notation silent := (silent turns).
  Notation silent_same := (silent_same turns).
  Notation silent_down := (silent_down turns).
  Notation silent_up := (silent_up turns).
  Notation conforms := (conforms turns).

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
End Composition.
