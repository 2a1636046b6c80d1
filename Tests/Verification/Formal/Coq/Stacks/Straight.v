(* Modules that do not turn: the order of Ways.v and Order.v is then the I3 of Composition.v.

   Such a module has one path downwards and one upwards, and every item goes by one of them. A stack of two is first in, first
   out in both directions; the conforming modules of Modules.v are such modules, byte by byte. *)

From Coq Require Import List.
From CleanQ Require Import Ways Order.
From CleanQ Require Bytes Modules Composition.
Import ListNotations.

Section Straight.
  Context {item : Type}.
  Notation event := (event (item := item)).
  Notation module := (module (item := item)).
  Notation moment := (moment (item := item)).

  (* One path in each direction, named by the side where it begins. *)
  Definition straight : paths := {| path := side; path_dec := side_dec; from s := s; to := other |}.

  Definition entering {P} (s : side) (t : list (event P)) : list item :=
    flat_map (fun e => match e with Enter _ s' x _ => if side_dec s' s then [x] else [] | Leave _ _ _ _ => [] end) t.
  Definition leaving {P} (s : side) (t : list (event P)) : list item :=
    flat_map (fun e => match e with Leave _ s' x _ => if side_dec s' s then [x] else [] | Enter _ _ _ _ => [] end) t.

  (* I3 of Composition.v. *)
  Definition first_in_first_out {P} (t : list (event P)) : Prop :=
    forall s, exists held, entering s t = leaving (other s) t ++ held.

  Lemma straight_first_in_first_out (t : list (event straight)) : keeps_order t -> labelled t -> first_in_first_out t.
  Proof.
    intros [F O] L s. destruct (O s t [] ltac:(now rewrite app_nil_r)) as (held & H). exists held.
    enough (E : entered (P := straight) s t = entering s t /\ departed (P := straight) s t = leaving (other s) t)
      by (destruct E as [<- <-]; exact H).
    clear - F L. induction F as [| e t E F IH]; [easy |]. inversion L; subst. destruct IH as [IH IH']; [assumption |].
    unfold entered, departed, items in *. simpl. rewrite <- IH, <- IH'.
    destruct e as [s' x [p |] | s' x [p |]]; try easy; simpl in E; unfold by_way; simpl; subst s'; destruct p, s; auto.
  Qed.

  Lemma outside_next P Q (m : moment P Q) r fate source :
    outside P Q (m :: r) fate source =
    seen P Q (fate 0) (source 0) m ++ outside P Q r (fun i => fate (S i)) (fun i => source (S i)).
  Proof.
    unfold outside. simpl length. rewrite <- cons_seq, <- seq_shift. simpl. f_equal.
    now rewrite flat_map_concat_map, map_map, <- flat_map_concat_map.
  Qed.

  Lemma seen_sides P Q (r : list (moment P Q)) fate source s :
    entering s (outside P Q r fate source) = match s with Above => entering s (upper P Q r) | Below => entering s (lower P Q r) end /\
    leaving s (outside P Q r fate source) = match s with Above => leaving s (upper P Q r) | Below => leaving s (lower P Q r) end.
  Proof.
    revert fate source. induction r as [| m r IH]; intros fate source; [now destruct s |]. rewrite outside_next.
    destruct (IH (fun i => fate (S i)) (fun i => source (S i))) as [E L]. unfold entering, leaving, upper, lower in *. simpl.
    rewrite !flat_map_app, E, L. destruct m, s; simpl; auto.
  Qed.

  Lemma middle P Q (r : list (moment P Q)) :
    leaving Below (upper P Q r) = entering Above (lower P Q r) /\ leaving Above (lower P Q r) = entering Below (upper P Q r).
  Proof.
    induction r as [| m r [IH IH']]; [easy |]. unfold entering, leaving, upper, lower in *. simpl. rewrite !flat_map_app, IH, IH'.
    now destruct m.
  Qed.

  (* A stack of two modules that do not turn, keep nothing for good and make nothing is first in, first out in both directions. *)
  Corollary straight_stack (M N : module straight) t :
    conforms M -> conforms N -> (forall u, M u -> labelled u) -> (forall l, N l -> labelled l) ->
    stack straight straight M N t -> first_in_first_out t.
  Proof.
    intros CM CN LM LN (r & fate & source & U & L & _ & ->) s.
    pose proof (straight_first_in_first_out _ (CM _ U) (LM _ U)) as FU.
    pose proof (straight_first_in_first_out _ (CN _ L) (LN _ L)) as FL.
    rewrite (proj1 (seen_sides _ _ r fate source s)), (proj2 (seen_sides _ _ r fate source (other s))).
    destruct (middle straight straight r) as [A B]. destruct s; simpl.
    - destruct (FU Above) as (h & ->), (FL Above) as (h' & H). simpl in *. rewrite A, H, <- app_assoc. eauto.
    - destruct (FL Below) as (h & ->), (FU Below) as (h' & H). simpl in *. rewrite B, H, <- app_assoc. eauto.
  Qed.
End Straight.

(* ---- The modules of Modules.v ---- *)

(* Byte by byte what happens to a module of Modules.v, where nothing turns. *)
Definition byte_events (e : Modules.event) : list (event (item := Bytes.byte) straight) :=
  match e with
  | Modules.EnqueueAbove p => map (fun x => Enter straight Above x (@Some straight Above)) (Bytes.all_bytes p)
  | Modules.DequeueAbove p => map (fun x => Leave straight Above x (@Some straight Below)) (Bytes.all_bytes p)
  | Modules.EnqueueBelow p => map (fun x => Leave straight Below x (@Some straight Above)) (Bytes.all_bytes p)
  | Modules.DequeueBelow p => map (fun x => Enter straight Below x (@Some straight Below)) (Bytes.all_bytes p)
  | Modules.Register _ | Modules.Deregister _ => []
  end.

Definition as_module (M : Modules.module) : module straight :=
  fun t => exists s es a, Modules.execution M s es a /\ t = flat_map byte_events es.

Lemma as_module_labelled M t : as_module M t -> labelled t.
Proof.
  intros (s & es & a & _ & ->). apply Forall_flat_map, Forall_forall. intros e _.
  destruct e; simpl; try constructor; apply Forall_map, Forall_forall; now intros x _.
Qed.

Lemma execution_prefix M s es a : Modules.execution M s es a ->
  forall past future, es = past ++ future -> exists s' a', Modules.execution M s' past a'.
Proof.
  induction 1 as [| s es a s' X IH H | s es a e s' X IH P H]; intros past future E.
  - symmetry in E. apply app_eq_nil in E. destruct E as [-> _]. eauto using Modules.execution_start.
  - eauto.
  - destruct future as [| f future _] using rev_ind.
    + rewrite app_nil_r in E. subst past. exists s', (Modules.move a e). now apply (Modules.execution_event M s).
    + rewrite app_assoc in E. apply app_inj_tail in E. destruct E as [-> _]. eauto.
Qed.

Lemma split_flat_map {A B} (g : A -> list B) l : forall past future, flat_map g l = past ++ future ->
  past = flat_map g l \/ exists before x after part rest,
    l = before ++ x :: after /\ g x = part ++ rest /\ past = flat_map g before ++ part.
Proof.
  induction l as [| x l IH]; simpl; intros past future E.
  - symmetry in E. apply app_eq_nil in E. now left.
  - apply app_eq_app in E. destruct E as (m & [(E & F) | (E & F)]).
    + right. exists [], x, l, past, m. auto.
    + subst past. symmetry in F. destruct (IH _ _ (eq_sym F)) as [-> | (before & y & after & part & rest & -> & G & ->)].
      * now left.
      * right. exists (x :: before), y, after, part, rest. simpl. now rewrite app_assoc.
Qed.

Lemma entered_app {item} (p : straight) (t u : list (event (item := item) straight)) :
  entered p (t ++ u) = entered p t ++ entered p u /\ departed p (t ++ u) = departed p t ++ departed p u.
Proof. unfold entered, departed, items. now rewrite !filter_app, !map_app. Qed.

Lemma bytes_moved (s : side) (q p : straight) (l : list Bytes.byte) :
  entered p (map (fun x => Enter straight s x (Some q)) l) = (if side_dec q p then l else []) /\
  departed p (map (fun x => Enter straight s x (Some q)) l) = [] /\
  entered p (map (fun x => Leave straight s x (Some q)) l) = [] /\
  departed p (map (fun x => Leave straight s x (Some q)) l) = (if side_dec q p then l else []).
Proof.
  unfold entered, departed, items. simpl path_dec. destruct (side_dec q p) as [Y | N] eqn:S;
    (induction l as [| x l (A & B & C & D)]; [easy |]); repeat split; unfold by_way in *; simpl in *; rewrite ?S; simpl;
    congruence.
Qed.

Lemma bytes_in_and_out (p : straight) es :
  entered p (flat_map byte_events es) = match p with Above => Modules.down_in es | Below => Modules.up_in es end /\
  departed p (flat_map byte_events es) = match p with Above => Modules.down_out es | Below => Modules.up_out es end.
Proof.
  unfold Modules.down_in, Modules.down_out, Modules.up_in, Modules.up_out.
  induction es as [| e es [IH IH']]; [now destruct p |]. cbn [flat_map].
  rewrite !(proj1 (entered_app p _ _)), !(proj2 (entered_app p _ _)), IH, IH'.
  destruct e as [l | l | l | l | l | l]; cbn [byte_events]; try solve [destruct p; auto].
  - destruct (bytes_moved Above Above p (Bytes.all_bytes l)) as (-> & -> & _). destruct p; auto.
  - destruct (bytes_moved Above Below p (Bytes.all_bytes l)) as (_ & _ & -> & ->). destruct p; auto.
  - destruct (bytes_moved Below Above p (Bytes.all_bytes l)) as (_ & _ & -> & ->). destruct p; auto.
  - destruct (bytes_moved Below Below p (Bytes.all_bytes l)) as (-> & -> & _). destruct p; auto.
Qed.

Lemma one_kind (p : straight) e : entered p (byte_events e) = [] \/ departed p (byte_events e) = [].
Proof.
  destruct e as [l | l | l | l | l | l]; simpl; auto.
  - right. apply (bytes_moved Above Above p (Bytes.all_bytes l)).
  - left. apply (bytes_moved Above Below p (Bytes.all_bytes l)).
  - left. apply (bytes_moved Below Above p (Bytes.all_bytes l)).
  - right. apply (bytes_moved Below Below p (Bytes.all_bytes l)).
Qed.

(* A module that conforms as Modules.v has it, without turns, is one that keeps the order of its two paths. *)
Theorem composition_keeps_order M : Modules.conforms false M -> conforms (as_module M).
Proof.
  intros C t (s & es & a & X & ->).
  assert (O : forall es s a, Modules.execution M s es a ->
      forall p : straight, exists held, entered p (flat_map byte_events es) = departed p (flat_map byte_events es) ++ held).
  { clear - C. intros es s a X p. destruct (Composition.conforming_execution _ _ _ _ _ C X) as (w & _ & _ & _ & O).
    destruct (O eq_refl) as [D U]. destruct (bytes_in_and_out p es) as [-> ->]. destruct p; eauto. }
  split.
  - apply Forall_flat_map, Forall_forall. intros e _. destruct e; simpl; try constructor; apply Forall_map, Forall_forall; now intros x _.
  - intros p past future E. apply split_flat_map in E.
    destruct E as [-> | (before & e & after & part & rest & -> & G & ->)]; [exact (O _ _ _ X p) |].
    destruct (execution_prefix _ _ _ _ X before (e :: after) eq_refl) as (s1 & a1 & X1).
    destruct (execution_prefix _ _ _ _ X (before ++ [e]) after) as (s2 & a2 & X2); [now rewrite <- app_assoc |].
    destruct (O _ _ _ X1 p) as (h & H), (O _ _ _ X2 p) as (h' & H'). rewrite flat_map_app in H'. simpl in H'.
    rewrite app_nil_r in H'. destruct (one_kind p e) as [K | K]; rewrite G in *;
      destruct (entered_app p part rest) as [A B], (entered_app p (flat_map byte_events before) part) as [-> ->];
      destruct (entered_app p (flat_map byte_events before) (part ++ rest)) as [A' B']; rewrite A', B', ?A, ?B in H'.
    + rewrite A in K. apply app_eq_nil in K. destruct K as [K K']. rewrite K, K', !app_nil_r in H'.
      exists (departed p rest ++ h'). now rewrite K, app_nil_r, H', <- !app_assoc.
    + rewrite B in K. apply app_eq_nil in K. destruct K as [K _]. exists (h ++ entered p part).
      now rewrite K, app_nil_r, H, <- app_assoc.
Qed.

(* Hence a stack of two of them is first in, first out in both directions. *)
Corollary composition_stack_in_order M N t :
  Modules.conforms false M -> Modules.conforms false N ->
  stack straight straight (as_module M) (as_module N) t -> first_in_first_out t.
Proof.
  intros CM CN. apply straight_stack; try now apply composition_keeps_order. all: apply as_module_labelled.
Qed.
