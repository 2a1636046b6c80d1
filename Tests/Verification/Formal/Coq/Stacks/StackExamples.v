(* The definitions of Modules.v are not empty: a module that holds back, splits and turns packets conforms, and a packet passes
   through a stack of two of them. They exclude something: a module that gives a packet down twice does not conform. *)

From Coq Require Import List Bool Lia Permutation.
From CleanQ Require Import Composition.
Import ListNotations.

Section Composition.
  Variable turns : bool.
  Notation silent := (silent turns).
  Notation silent_same := (silent_same turns).
  Notation silent_down := (silent_down turns).
  Notation silent_up := (silent_up turns).
  Notation conforms := (conforms turns).
  Notation conforming_execution := (conforming_execution turns).

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
