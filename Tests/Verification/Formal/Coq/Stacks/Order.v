(* Order in a stack of two modules that may turn items round: within each path, and none across.

   A module takes items in and gives items out, above and below. It has paths, named as it likes: downwards, upwards, turning
   in either direction, several between the same two sides (the packets that wait for an answer are on another path than those
   that need none). What it promises is that each path is first in, first out, at every moment. An item is whatever is handed
   over at once: a packet, or a byte.

   A path of a stack is a sequence of paths of its two modules, of any length: an item may turn in the upper module, in the
   lower one, in both, many times. Proved: those that take the same path through the stack leave in the order in which they
   entered, and each as what it was; the stack is therefore a module like its parts, with these sequences for paths, so that
   stacks of any height are covered; nothing leaves that has not entered; and, by an example, nothing is promised across paths.

   Which item leaving a module is which that entered is not assumed: it is the one of the same number on that path (Ways.v).

   Not covered: what is on a path for ever (liveness); items without a path, which a module keeps for good or has made itself,
   of which nothing is claimed, so that a module that names no path promises no order; cutting and joining of buffers, unless
   bytes are the items; that the Swift modules have the paths that one would name. *)

From Coq Require Import List Lia PeanoNat.
From CleanQ Require Import Ways.
Import ListNotations.

Inductive side := Above | Below.

Definition other (s : side) : side := match s with Above => Below | Below => Above end.

Definition side_dec (s t : side) : {s = t} + {s <> t}.
Proof. decide equality. Defined.

(* The paths of a module: where each begins and where it ends. One that ends where it begins turns round. *)
Record paths := {
  path :> Type;
  path_dec : forall p q : path, {p = q} + {p <> q};
  from : path -> side;
  to : path -> side
}.

Section Order.
  Context {item : Type}.

  (* What can be seen of a module, and, for the proof only, by which path the item will leave or has come. None: the module
     keeps the item for good, or has made it. *)
  Inductive event (P : paths) :=
  | Enter (s : side) (x : item) (p : option P)
  | Leave (s : side) (x : item) (p : option P).
  Arguments Enter {P}.
  Arguments Leave {P}.

  Definition item_of {P} (e : event P) : item := match e with Enter _ x _ | Leave _ x _ => x end.
  Definition goes_by {P} (e : event P) : option P := match e with Enter _ _ p => p | Leave _ _ _ => None end.
  Definition came_by {P} (e : event P) : option P := match e with Enter _ _ _ => None | Leave _ _ p => p end.

  Definition entered {P : paths} (p : P) (t : list (event P)) : list item := items item_of (path_dec P) goes_by p t.
  Definition departed {P : paths} (p : P) (t : list (event P)) : list item := items item_of (path_dec P) came_by p t.

  Definition fits {P : paths} (e : event P) : Prop :=
    match e with Enter s _ (Some p) => from P p = s | Leave s _ (Some p) => to P p = s | _ => True end.

  (* Each path begins and ends where it should, and at every moment what has entered by it is, in order, what has left by it
     and what is still on it. *)
  Definition keeps_order {P : paths} (t : list (event P)) : Prop :=
    Forall fits t /\
    forall p past future, t = past ++ future -> exists held, entered p past = departed p past ++ held.

  (* Nothing is kept for good, nothing is made. *)
  Definition has_path {P} (e : event P) : Prop := match e with Enter _ _ p | Leave _ _ p => p <> None end.
  Definition labelled {P} (t : list (event P)) : Prop := Forall has_path t.

  (* A module is the set of its traces. *)
  Definition module (P : paths) := list (event P) -> Prop.
  Definition conforms {P} (M : module P) : Prop := forall t, M t -> keeps_order t.

  (* ---- The stack of two modules ---- *)

  Section Stack.
    Variables P Q : paths.

    (* What happens in a stack of an upper module with the paths P and a lower one with the paths Q. *)
    Inductive moment :=
    | TopIn (x : item) (p : option P)
    | TopOut (x : item) (p : option P)
    | Down (x : item) (p : option P) (q : option Q)  (* leaves the upper one by p and enters the lower one, to go by q *)
    | Up (x : item) (q : option Q) (p : option P)
    | BottomIn (x : item) (q : option Q)
    | BottomOut (x : item) (q : option Q).

    Definition what (m : moment) : item :=
      match m with TopIn x _ | TopOut x _ | Down x _ _ | Up x _ _ | BottomIn x _ | BottomOut x _ => x end.

    Definition came (m : moment) : option (P + Q) :=
      match m with
      | TopOut _ p | Down _ p _ => option_map inl p
      | BottomOut _ q | Up _ q _ => option_map inr q
      | TopIn _ _ | BottomIn _ _ => None
      end.

    Definition goes (m : moment) : option (P + Q) :=
      match m with
      | TopIn _ p | Up _ _ p => option_map inl p
      | BottomIn _ q | Down _ _ q => option_map inr q
      | TopOut _ _ | BottomOut _ _ => None
      end.

    Definition entry (m : moment) : bool := match m with TopIn _ _ | BottomIn _ _ => true | _ => false end.
    Definition exit (m : moment) : bool := match m with TopOut _ _ | BottomOut _ _ => true | _ => false end.

    (* What each module sees of it. *)
    Definition upper_sees (m : moment) : list (event P) :=
      match m with
      | TopIn x p => [Enter Above x p]
      | TopOut x p => [Leave Above x p]
      | Down x p _ => [Leave Below x p]
      | Up x _ p => [Enter Below x p]
      | _ => []
      end.

    Definition lower_sees (m : moment) : list (event Q) :=
      match m with
      | Down x _ q => [Enter Above x q]
      | Up x q _ => [Leave Above x q]
      | BottomIn x q => [Enter Below x q]
      | BottomOut x q => [Leave Below x q]
      | _ => []
      end.

    Definition upper (r : list moment) := flat_map upper_sees r.
    Definition lower (r : list moment) := flat_map lower_sees r.

    (* A path of the stack is the sequence of the modules' paths that an item takes, one after the other. *)
    Definition step_dec (v w : P + Q) : {v = w} + {v <> w}.
    Proof.
      destruct v as [p | q], w as [p' | q'].
      - destruct (path_dec P p p'); [left | right]; congruence.
      - right. discriminate.
      - right. discriminate.
      - destruct (path_dec Q q q'); [left | right]; congruence.
    Defined.

    Definition composite : paths := {|
      path := list (P + Q);
      path_dec := list_eq_dec step_dec;
      from ws := match ws with inl p :: _ => from P p | inr q :: _ => from Q q | [] => Above end;
      to ws := match rev ws with inl p :: _ => to P p | inr q :: _ => to Q q | [] => Above end
    |}.

    (* In the run r the item that enters the stack at moment i leaves it at moment j, and takes the path ws. *)
    Definition through (r : list moment) (ws : composite) (i j : nat) : Prop :=
      passage came goes step_dec entry exit r ws i j.

    (* What is seen from outside, where `fate` says which path what enters at i will have taken, and `source` which path what
       leaves at j has taken. *)
    Definition seen (fate source : option composite) (m : moment) : list (event composite) :=
      match m with
      | TopIn x _ => [Enter Above x fate]
      | TopOut x _ => [Leave Above x source]
      | BottomIn x _ => [Enter Below x fate]
      | BottomOut x _ => [Leave Below x source]
      | _ => []
      end.

    Definition seen_at (r : list moment) (fate source : nat -> option composite) (i : nat) : list (event composite) :=
      match nth_error r i with Some m => seen (fate i) (source i) m | None => [] end.

    Definition outside r fate source := flat_map (seen_at r fate source) (seq 0 (length r)).

    Definition told (r : list moment) (fate source : nat -> option composite) : Prop :=
      labels came goes step_dec entry exit r fate source.

    Definition stack (M : module P) (N : module Q) : module composite := fun t =>
      exists r fate source, M (upper r) /\ N (lower r) /\ told r fate source /\ t = outside r fate source.

    Lemma entry_came m : entry m = true -> came m = None.
    Proof. now destruct m. Qed.

    Lemma exit_goes m : exit m = true -> goes m = None.
    Proof. now destruct m. Qed.

    Lemma came_apart m w : came m = Some w -> goes m <> Some w.
    Proof. destruct m as [x p | x p | x [p |] [q |] | x [q |] [p |] | x q | x q]; simpl; congruence. Qed.

    Lemma upper_items p r :
      items what step_dec goes (inl p) r = entered p (upper r) /\ items what step_dec came (inl p) r = departed p (upper r).
    Proof.
      unfold entered, departed, items, upper. induction r as [| m r [IH IH']]; [easy |].
      simpl flat_map. rewrite !filter_app, !map_app, <- IH, <- IH'. unfold by_way at 1 3, step_dec.
      destruct m as [x [v |] | x [v |] | x [v |] [q |] | x [q |] [v |] | x [q |] | x [q |]]; simpl; unfold by_way; simpl; auto.
      all: destruct (path_dec P v p); simpl; auto.
    Qed.

    Lemma lower_items q r :
      items what step_dec goes (inr q) r = entered q (lower r) /\ items what step_dec came (inr q) r = departed q (lower r).
    Proof.
      unfold entered, departed, items, lower. induction r as [| m r [IH IH']]; [easy |].
      simpl flat_map. rewrite !filter_app, !map_app, <- IH, <- IH'. unfold by_way at 1 3, step_dec.
      destruct m as [x [p |] | x [p |] | x [p |] [v |] | x [v |] [p |] | x [v |] | x [v |]]; simpl; unfold by_way; simpl; auto.
      all: destruct (path_dec Q v q); simpl; auto.
    Qed.

    Lemma run_in_order r : keeps_order (upper r) -> keeps_order (lower r) -> in_order what came goes step_dec r.
    Proof.
      intros [_ U] [_ L] [p | q] past future ->.
      - destruct (upper_items p past) as [-> ->]. apply (U p _ (upper future)). apply flat_map_app.
      - destruct (lower_items q past) as [-> ->]. apply (L q _ (lower future)). apply flat_map_app.
    Qed.

    (* An item that takes a path through a stack of two modules that keep order leaves as what it was, after it has entered; and
       two that take the same path leave in the order in which they entered. *)
    Theorem same_path_same_order M N r ws i j :
      conforms M -> conforms N -> M (upper r) -> N (lower r) -> through r ws i j ->
      (i < j /\ exists m m', nth_error r i = Some m /\ nth_error r j = Some m' /\ what m = what m') /\
      forall i' j', through r ws i' j' -> (i < i' <-> j < j').
    Proof.
      intros CM CN U L ((m & E & S) & (m' & E' & D) & J). pose proof (run_in_order r (CM _ U) (CN _ L)) as O. split.
      - pose proof (journey_item _ _ _ _ _ O _ _ _ J) as (G & W). split; [| exact W]. enough (i <> j) by lia. intros ->.
        assert (m = m') as -> by congruence. now destruct m'.
      - intros i' j' (_ & _ & J'). exact (journey_order _ _ _ _ _ _ _ _ _ J J').
    Qed.

    Lemma seen_goes r fate source ws i : told r fate source ->
      items item_of (path_dec composite) goes_by ws (seen_at r fate source i) =
      if is_way step_dec (fate i) ws then map what (match nth_error r i with Some m => [m] | None => [] end) else [].
    Proof.
      intros [F _]. destruct (is_way step_dec (fate i) ws) eqn:W.
      - apply is_way_true in W. pose proof W as X. apply F in X. destruct X as (j & (m & E & S) & _). unfold seen_at.
        rewrite E. unfold items. destruct m; try discriminate; simpl; unfold by_way; simpl; rewrite W;
          now destruct (list_eq_dec step_dec ws ws).
      - unfold seen_at. destruct (nth_error r i) as [m |]; [| easy]. unfold items, is_way in *.
        destruct m; simpl; unfold by_way; simpl; auto; destruct (fate i) as [v |]; auto; now destruct (list_eq_dec step_dec v ws).
    Qed.

    Lemma seen_came r fate source ws j : told r fate source ->
      items item_of (path_dec composite) came_by ws (seen_at r fate source j) =
      if is_way step_dec (source j) ws then map what (match nth_error r j with Some m => [m] | None => [] end) else [].
    Proof.
      intros [_ F]. destruct (is_way step_dec (source j) ws) eqn:W.
      - apply is_way_true in W. pose proof W as X. apply F in X. destruct X as (i & _ & (m & E & S) & _). unfold seen_at.
        rewrite E. unfold items. destruct m; try discriminate; simpl; unfold by_way; simpl; rewrite W;
          now destruct (list_eq_dec step_dec ws ws).
      - unfold seen_at. destruct (nth_error r j) as [m |]; [| easy]. unfold items, is_way in *.
        destruct m; simpl; unfold by_way; simpl; auto; destruct (source j) as [v |]; auto; now destruct (list_eq_dec step_dec v ws).
    Qed.

    (* The items of the moments l. *)
    Definition pick (r : list moment) (l : list nat) : list item :=
      flat_map (fun i => map what (match nth_error r i with Some m => [m] | None => [] end)) l.

    Lemma picked f (g : nat -> list (event composite)) (label : nat -> option composite) ws r l :
      (forall i, items item_of (path_dec composite) f ws (g i) =
        if is_way step_dec (label i) ws then map what (match nth_error r i with Some m => [m] | None => [] end) else []) ->
      items item_of (path_dec composite) f ws (flat_map g l) = pick r (filter (fun i => is_way step_dec (label i) ws) l).
    Proof.
      intros E. induction l as [| i l IH]; [easy |]. simpl flat_map. unfold items in *.
      rewrite filter_app, map_app, IH, E. simpl. now destruct (is_way step_dec (label i) ws).
    Qed.

    Lemma pick_same r ws ins outs : in_order what came goes step_dec r -> Forall2 (through r ws) ins outs -> pick r ins = pick r outs.
    Proof.
      intros O. induction 1 as [| i j ins outs (_ & _ & J) F IH]; [easy |]. unfold pick in *. simpl. rewrite IH.
      destruct (journey_item _ _ _ _ _ O _ _ _ J) as (_ & m & m' & -> & -> & W). simpl. now rewrite W.
    Qed.

    Lemma seen_prefix r fate source n : forall a past future, flat_map (seen_at r fate source) (seq a n) = past ++ future ->
      exists k, past = flat_map (seen_at r fate source) (seq a k).
    Proof.
      induction n as [| n IH]; simpl; intros a past future E.
      - exists 0. symmetry in E. now apply app_eq_nil in E.
      - destruct past as [| e past]; [now exists 0 |].
        assert (W : seen_at r fate source a = [] \/ exists e, seen_at r fate source a = [e]).
        { unfold seen_at. destruct (nth_error r a) as [m |]; [destruct m |]; simpl; eauto. }
        destruct W as [W | (e' & W)]; rewrite W in E; simpl in E.
        + apply (IH (S a) (e :: past)) in E. destruct E as (k & ->). exists (S k). simpl. now rewrite W.
        + injection E as -> E. apply IH in E. destruct E as (k & ->). exists (S k). simpl. now rewrite W.
    Qed.

    Lemma seen_fits r fate source i : keeps_order (upper r) -> keeps_order (lower r) -> told r fate source ->
      Forall fits (seen_at r fate source i).
    Proof.
      intros [U _] [L _] [F T]. rewrite Forall_forall in U, L.
      assert (V : forall m, In m r -> (forall e, In e (upper_sees m) -> fits e) /\ (forall e, In e (lower_sees m) -> fits e)).
      { intros m M. split; intros e I; [apply U | apply L]; apply in_flat_map; eauto. }
      unfold seen_at. destruct (nth_error r i) as [m |] eqn:E; [| constructor].
      destruct (V m (nth_error_In _ _ E)) as [VU VL]. clear U L V.
      assert (G : forall ws, fate i = Some ws -> exists w front, ws = w :: front /\ goes m = Some w).
      { intros ws A. apply F in A. destruct A as (j & _ & _ & J). apply journey_first in J.
        destruct J as (w & front & -> & (m' & E' & G)). exists w, front. split; congruence. }
      assert (C : forall ws, source i = Some ws -> exists w front, ws = front ++ [w] /\ came m = Some w).
      { intros ws A. apply T in A. destruct A as (j & _ & _ & J). apply journey_shorter in J.
        destruct J as (front & k & w & -> & (_ & (m' & E' & C) & _) & _). exists w, front. split; congruence. }
      destruct m as [x [p |] | x [p |] | x p q | x q p | x [q |] | x [q |]]; simpl; constructor; auto; simpl.
      all: try (destruct (fate i) as [ws |]; [| easy]; destruct (G ws eq_refl) as (w & front & -> & [= <-])).
      all: try (destruct (source i) as [ws |]; [| easy]; destruct (C ws eq_refl) as (w & front & -> & [= <-]);
        rewrite rev_unit).
      - apply (VU (Enter Above x (Some p))). now left.
      - apply (VU (Leave Above x (Some p))). now left.
      - apply (VL (Enter Below x (Some q))). now left.
      - apply (VL (Leave Below x (Some q))). now left.
    Qed.

    (* The stack of two modules that keep order keeps order: at every moment what has entered by a path of the stack is, in
       order, what has left by it and what is still on it. *)
    Theorem stack_keeps_order M N : conforms M -> conforms N -> conforms (stack M N).
    Proof.
      intros CM CN t (r & fate & source & U & L & T & ->). pose proof (CM _ U) as KU. pose proof (CN _ L) as KL.
      pose proof (run_in_order r KU KL) as O. split.
      - apply Forall_flat_map, Forall_forall. intros i _. now apply seen_fits.
      - intros ws past future E. apply seen_prefix in E. destruct E as (n & ->).
        unfold entered, departed. rewrite (picked goes_by _ fate ws r), (picked came_by _ source ws r)
          by (intros i; now apply seen_goes || now apply seen_came).
        destruct (way_in_order what came goes step_dec entry exit entry_came r O fate source ws n T) as (ins & held & I & F).
        rewrite I. exists (pick r held). unfold pick at 1. rewrite flat_map_app. f_equal. now apply (pick_same r ws).
    Qed.

    (* Whatever the two modules do together is a run of the stack: the paths in it are always there to be told. *)
    Theorem stack_runs M N r :
      conforms M -> conforms N -> M (upper r) -> N (lower r) ->
      exists fate source, told r fate source /\ stack M N (outside r fate source).
    Proof.
      intros CM CN U L.
      destruct (labels_exist what came goes step_dec entry exit entry_came exit_goes came_apart r) as (fate & source & T).
      - exact (run_in_order r (CM _ U) (CN _ L)).
      - exists fate, source. split; [exact T |]. now exists r, fate, source.
    Qed.


    (* Where the modules neither keep items for good nor make any, everything that leaves the stack has entered it. *)
    Theorem whoever_leaves_has_entered M N r j :
      conforms M -> conforms N -> M (upper r) -> N (lower r) -> labelled (upper r) -> labelled (lower r) ->
      finishes exit r j -> exists ws i, through r ws i j.
    Proof.
      intros CM CN U L LU LL (m & E & X).
      assert (K : forall m, In m r -> (exit m = true -> came m <> None) /\ (goes m <> None -> entry m = true \/ came m <> None)).
      { clear m E X. unfold labelled in *. rewrite Forall_forall in LU, LL. intros m I.
        assert (VU : forall e, In e (upper_sees m) -> has_path e) by (intros e J; apply LU, in_flat_map; eauto).
        assert (VL : forall e, In e (lower_sees m) -> has_path e) by (intros e J; apply LL, in_flat_map; eauto).
        destruct m as [x p | x [p |] | x [p |] q | x [q |] p | x q | x [q |]]; simpl in *; split; intros; try discriminate; auto;
          try (right; discriminate).
        all: exfalso; first [refine (VU _ (or_introl eq_refl) eq_refl) | refine (VL _ (or_introl eq_refl) eq_refl)]. }
      destruct (came m) as [w |] eqn:C; [| now destruct (proj1 (K m (nth_error_In _ _ E)) X)].
      destruct (source_found what came goes step_dec entry came_apart r (run_in_order r (CM _ U) (CN _ L))) with (j := j) (w := w)
        as (ws & i & S & J).
      - intros m' v I G. destruct (proj2 (K m' I)) as [? | D]; [congruence | now left | right].
        destruct (came m') as [v' |]; [now exists v' | easy].
      - now exists m.
      - exists ws, i. split; [exact S |]. split; [now exists m | exact J].
    Qed.
  End Stack.
End Order.

(* ---- Nothing is promised across paths ---- *)

(* A path for each way of coming and going. *)
Definition any_path : paths := {|
  path := side * side; path_dec := ltac:(decide equality; apply side_dec); from := fst; to := snd
|}.

Definition whatever {item} : module (item := item) any_path := keeps_order.

Lemma whatever_conforms {item} : conforms (whatever (item := item)).
Proof. now intros t. Qed.

(* x enters before y, both from above, and both leave upwards: x turns in the lower module, y in the upper one. y leaves first. *)
Theorem none_across {item} (x y : item) : exists (r : list (moment (item := item) any_path any_path)) ws ws' i i' j j',
  whatever (upper any_path any_path r) /\ whatever (lower any_path any_path r) /\
  through any_path any_path r ws i j /\ through any_path any_path r ws' i' j' /\
  i < i' /\ j' < j /\ from (composite any_path any_path) ws = from _ ws' /\ to (composite any_path any_path) ws = to _ ws'.
Proof.
  set (A := any_path). set (way := fun s t => Some ((s, t) : A)).
  exists [TopIn A A x (way Above Below); TopIn A A y (way Above Above); TopOut A A y (way Above Above);
          Down A A x (way Above Below) (way Above Above); Up A A x (way Above Above) (way Below Above);
          TopOut A A x (way Below Above)].
  exists [inl ((Above, Below) : A); inr ((Above, Above) : A); inl ((Below, Above) : A)], [inl ((Above, Above) : A)], 0, 1, 5, 2.
  assert (K : forall (t : list (event (item := item) any_path)), Forall fits t ->
    (forall p n, n <= length t -> exists held, entered p (firstn n t) = departed p (firstn n t) ++ held) -> keeps_order t).
  { intros t F H. split; [exact F |]. intros p past future ->. specialize (H p (length past)).
    rewrite firstn_app, firstn_all, Nat.sub_diag, app_nil_r, app_length in H. apply H. lia. }
  split; [| split; [| split; [| split; [| repeat split; lia]]]].
  - apply K; [repeat constructor |]. intros [[|] [|]] n L; do 7 (destruct n as [| n]; [eexists; reflexivity |]); simpl in L; lia.
  - apply K; [repeat constructor |]. intros [[|] [|]] n L; do 3 (destruct n as [| n]; [eexists; reflexivity |]); simpl in L; lia.
  - split; [now eexists | split; [now eexists |]]. eapply journey_on with (k := 3); [| eapply journey_on with (k := 4)];
      [| | constructor]; (split; [now eexists | split; [now eexists | reflexivity]]).
  - split; [now eexists | split; [now eexists |]]. constructor. split; [now eexists | split; [now eexists | reflexivity]].
Qed.
