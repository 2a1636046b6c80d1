(* Queues that items go through one after the other: those that go through the same queues, in the same order, come out in the
   order in which they came in.

   A run is a list of moments. At each an item may come out of a queue, go into one, or both at once (it is handed over). The
   item that comes out of a queue as its k-th is the one that went in as its k-th; that they are the same is what first in,
   first out means. A way is a queue's name. Order.v makes modules and stacks of these. *)

From Coq Require Import List Lia PeanoNat Sorted Wf_nat.
Import ListNotations.

Section Network.
  Context {item moment way : Type}.
  Variable what : moment -> item.
  Variables came goes : moment -> option way.
  Variable way_dec : forall v w : way, {v = w} + {v <> w}.

  Definition by_way (f : moment -> option way) (w : way) (m : moment) : bool :=
    match f m with Some v => if way_dec v w then true else false | None => false end.

  (* The items that come out of w (or go into it), in order. *)
  Definition items (f : moment -> option way) (w : way) (r : list moment) : list item := map what (filter (by_way f w) r).

  (* Every queue is first in, first out, at every moment. *)
  Definition in_order (r : list moment) : Prop :=
    forall w past future, r = past ++ future -> exists held, items goes w past = items came w past ++ held.

  (* At moment i something comes out of w (or goes into it). *)
  Definition at_way (f : moment -> option way) (r : list moment) (i : nat) (w : way) : Prop :=
    exists m, nth_error r i = Some m /\ f m = Some w.

  (* How many have, before moment i. *)
  Definition count f w (r : list moment) (i : nat) : nat := length (filter (by_way f w) (firstn i r)).

  (* What goes into w at i comes out of it at j. *)
  Definition crossing (r : list moment) (w : way) (i j : nat) : Prop :=
    at_way goes r i w /\ at_way came r j w /\ count goes w r i = count came w r j.

  (* What goes into the first of the queues ws at i comes out of the last of them at j, handed over from each to the next. *)
  Inductive journey (r : list moment) : list way -> nat -> nat -> Prop :=
  | journey_last w i j : crossing r w i j -> journey r [w] i j
  | journey_on w ws i k j : crossing r w i k -> journey r ws k j -> journey r (w :: ws) i j.

  (* Between where items come in from outside and where they go out. *)
  Variables entry exit : moment -> bool.
  Hypothesis entry_came : forall m, entry m = true -> came m = None.
  Hypothesis exit_goes : forall m, exit m = true -> goes m = None.
  Hypothesis apart : forall m w, came m = Some w -> goes m <> Some w.

  Definition starts (r : list moment) (i : nat) : Prop := exists m, nth_error r i = Some m /\ entry m = true.
  Definition finishes (r : list moment) (j : nat) : Prop := exists m, nth_error r j = Some m /\ exit m = true.

  (* From outside to outside. *)
  Definition passage r ws i j : Prop := starts r i /\ finishes r j /\ journey r ws i j.

  (* For what comes in at i, and for what goes out at j: the way that it takes, if it comes to an end in r. *)
  Definition labels (r : list moment) (fate source : nat -> option (list way)) : Prop :=
    (forall i ws, fate i = Some ws <-> exists j, passage r ws i j) /\
    (forall j ws, source j = Some ws <-> exists i, passage r ws i j).

  Lemma by_way_true f w m : by_way f w m = true <-> f m = Some w.
  Proof.
    unfold by_way. destruct (f m) as [v |]; [destruct (way_dec v w) |]; split; congruence.
  Qed.

  Lemma at_way_dec f r i w : {at_way f r i w} + {~ at_way f r i w}.
  Proof.
    unfold at_way. destruct (nth_error r i) as [m |]; [| right; now intros (m & [=] & _)].
    destruct (by_way f w m) eqn:B.
    - left. exists m. now rewrite <- by_way_true.
    - right. intros (m' & [= <-] & E). apply by_way_true in E. congruence.
  Qed.

  Lemma at_way_bound f r i w : at_way f r i w -> i < length r.
  Proof. intros (m & E & _). apply nth_error_Some. congruence. Qed.

  Lemma at_way_same f r i v w : at_way f r i v -> at_way f r i w -> v = w.
  Proof. intros (m & E & F) (m' & E' & F'). congruence. Qed.

  Lemma firstn_next (r : list moment) : forall i m, nth_error r i = Some m -> firstn (S i) r = firstn i r ++ [m].
  Proof.
    induction r as [| m' r IH]; intros [| i] m; try discriminate.
    - now intros [= <-].
    - intros E. simpl in E. apply IH in E. change (m' :: firstn (S i) r = m' :: (firstn i r ++ [m])). now f_equal.
  Qed.

  Lemma count_next f w r i : at_way f r i w -> count f w r (S i) = S (count f w r i).
  Proof.
    intros (m & E & F). unfold count. rewrite (firstn_next _ _ _ E), filter_app, app_length. simpl.
    apply by_way_true in F. rewrite F. simpl. lia.
  Qed.

  Lemma count_step f w r i : count f w r i <= count f w r (S i) /\ (~ at_way f r i w -> count f w r (S i) = count f w r i).
  Proof.
    destruct (at_way_dec f r i w) as [A | A]; [rewrite (count_next _ _ _ _ A); split; [lia | tauto] |].
    enough (count f w r (S i) = count f w r i) by lia. unfold count. destruct (nth_error r i) as [m |] eqn:E.
    - rewrite (firstn_next _ _ _ E), filter_app, app_length. simpl. destruct (by_way f w m) eqn:B; simpl; [| lia].
      destruct A. exists m. now rewrite <- by_way_true.
    - apply nth_error_None in E. now rewrite !firstn_all2 by lia.
  Qed.

  Lemma count_grows f w r i j : i <= j -> count f w r i <= count f w r j.
  Proof. induction 1 as [| j _ IH]; [lia |]. pose proof (count_step f w r j). lia. Qed.

  Lemma count_past f w r i j : at_way f r i w -> i < j -> count f w r i < count f w r j.
  Proof. intros A L. pose proof (count_next _ _ _ _ A). pose proof (count_grows f w r (S i) j L). lia. Qed.

  (* Who enters the same queue first leaves it first. *)
  Lemma crossing_order r w i j i' j' : crossing r w i j -> crossing r w i' j' -> (i < i' <-> j < j').
  Proof.
    intros (G & C & E) (G' & C' & E'). split; intros L.
    - pose proof (count_past _ _ _ _ _ G L). destruct (Nat.lt_ge_cases j j') as [| K]; [assumption |].
      pose proof (count_grows came w r j' j K). lia.
    - pose proof (count_past _ _ _ _ _ C L). destruct (Nat.lt_ge_cases i i') as [| K]; [assumption |].
      pose proof (count_grows goes w r i' i K). lia.
  Qed.

  Lemma crossing_goes v w i j i' : forall r, crossing r v i j -> crossing r w i i' -> v = w.
  Proof. intros r (G & _) (G' & _). exact (at_way_same _ _ _ _ _ G G'). Qed.

  Lemma crossing_came v w i i' j : forall r, crossing r v i j -> crossing r w i' j -> v = w.
  Proof. intros r (_ & C & _) (_ & C' & _). exact (at_way_same _ _ _ _ _ C C'). Qed.

  (* The count-th of those who pass at w. *)
  Lemma count_finds f w r n : forall k, k < count f w r n -> {i | i < n /\ at_way f r i w /\ count f w r i = k}.
  Proof.
    induction n as [| n IH]; intros k L; [unfold count in L; simpl in L; lia |].
    destruct (Nat.eq_dec k (count f w r n)) as [-> | D].
    - exists n. destruct (at_way_dec f r n w) as [A | A]; [auto |]. apply (proj2 (count_step f w r n)) in A. lia.
    - destruct (IH k) as (i & B & A & E); [| exists i; auto].
      destruct (at_way_dec f r n w) as [A | A]; [apply count_next in A | apply (proj2 (count_step f w r n)) in A]; lia.
  Qed.

  Lemma count_items f w r i : count f w r i = length (items f w (firstn i r)).
  Proof. unfold count, items. now rewrite map_length. Qed.

  Lemma items_nth f w r n i m :
    nth_error r i = Some m -> f m = Some w -> i < n -> nth_error (items f w (firstn n r)) (count f w r i) = Some (what m).
  Proof.
    intros E F. induction 1 as [| n L IH].
    - unfold items, count. rewrite (firstn_next _ _ _ E), filter_app, map_app, nth_error_app2, map_length by now rewrite map_length.
      rewrite Nat.sub_diag. simpl. apply by_way_true in F. now rewrite F.
    - destruct (nth_error r n) as [m' |] eqn:E'.
      + unfold items in *. rewrite (firstn_next _ _ _ E'), filter_app, map_app, nth_error_app1; [exact IH |].
        apply nth_error_Some. congruence.
      + apply nth_error_None in E'. rewrite firstn_all2 in * by lia. exact IH.
  Qed.

  Section Ordered.
    Variable r : list moment.
    Hypothesis ordered : in_order r.

    Lemma ordered_now w n : exists held, items goes w (firstn n r) = items came w (firstn n r) ++ held.
    Proof. apply (ordered w _ (skipn n r)). symmetry. apply firstn_skipn. Qed.

    (* An item has entered when it leaves, and it is the same item. *)
    Lemma crossing_item w i j : crossing r w i j -> i <= j /\ exists m m',
      nth_error r i = Some m /\ nth_error r j = Some m' /\ what m = what m'.
    Proof.
      intros ((m & E & F) & (m' & E' & F') & C). destruct (ordered_now w (S j)) as [held H].
      assert (L : i < S j).
      { destruct (Nat.lt_ge_cases i (S j)) as [| L]; [assumption |]. apply (count_grows goes w) with (r := r) in L.
        rewrite (count_items goes w r (S j)), H, app_length, <- count_items, (count_next came) in L; [lia |]. now exists m'. }
      split; [lia |]. exists m, m'. repeat (split; [assumption |]).
      pose proof (items_nth goes w r (S j) i m E F L) as A.
      pose proof (items_nth came w r (S j) j m' E' F' ltac:(lia)) as B.
      rewrite H, C, nth_error_app1 in A; [congruence |]. apply nth_error_Some. congruence.
    Qed.

    (* Whoever leaves a queue has entered it. *)
    Lemma crossing_found w j : at_way came r j w -> {i | crossing r w i j}.
    Proof.
      intros A. destruct (count_finds goes w r (S j) (count came w r j)) as (i & _ & G & E).
      - destruct (ordered_now w (S j)) as [held H].
        rewrite (count_items goes w r (S j)), H, app_length, <- count_items, (count_next _ _ _ _ A). lia.
      - now exists i.
    Qed.

    (* ---- Several queues ---- *)

    Lemma journey_first ws i j : journey r ws i j -> exists w front, ws = w :: front /\ at_way goes r i w.
    Proof. intros [w i' j' (G & _) | w ws' i' k j' (G & _) _]; eauto. Qed.

    Lemma journey_came ws i j : journey r ws i j -> exists w, at_way came r j w.
    Proof. induction 1 as [w i j (_ & C & _) |]; eauto. Qed.

    Lemma journey_order ws i j i' j' : journey r ws i j -> journey r ws i' j' -> (i < i' <-> j < j').
    Proof.
      intros J. revert i' j'. induction J as [w i j C | w ws i k j C J IH]; intros i' j' J'; inversion J'; subst.
      - eauto using crossing_order.
      - match goal with X : journey r [] _ _ |- _ => inversion X end.
      - inversion J.
      - rewrite (crossing_order _ _ _ _ _ _ C ltac:(eassumption)). auto.
    Qed.

    Lemma journey_item ws i j : journey r ws i j -> i <= j /\ exists m m',
      nth_error r i = Some m /\ nth_error r j = Some m' /\ what m = what m'.
    Proof.
      induction 1 as [w i j C | w ws i k j C J (L & m & m' & E & E' & W)]; [eauto using crossing_item |].
      apply crossing_item in C. destruct C as (L' & n & n' & F & F' & V). split; [lia |]. exists n, m'.
      repeat (split; [assumption |]). congruence.
    Qed.

    Lemma journey_longer ws i k w j : journey r ws i k -> crossing r w k j -> journey r (ws ++ [w]) i j.
    Proof. induction 1; intros C; simpl; eauto using journey_last, journey_on. Qed.

    Lemma journey_shorter ws i j : journey r ws i j ->
      exists front k w, ws = front ++ [w] /\ crossing r w k j /\ (front = [] /\ k = i \/ journey r front i k).
    Proof.
      induction 1 as [w i j C | w ws i k j C J (front & k' & w' & -> & C' & F)]; [exists [], i, w; auto |].
      exists (w :: front), k', w'. repeat (split; [easy |]). right.
      destruct F as [[-> ->] | F]; eauto using journey_last, journey_on.
    Qed.

    Lemma crossing_entered w i i' j : crossing r w i j -> crossing r w i' j -> i = i'.
    Proof.
      intros C C'. pose proof (crossing_order _ _ _ _ _ _ C C'). pose proof (crossing_order _ _ _ _ _ _ C' C). lia.
    Qed.

    Lemma crossing_left w i j j' : crossing r w i j -> crossing r w i j' -> j = j'.
    Proof.
      intros C C'. pose proof (crossing_order _ _ _ _ _ _ C C'). pose proof (crossing_order _ _ _ _ _ _ C' C). lia.
    Qed.

    (* What comes in goes one way, and what goes out has come one way. *)
    Lemma passage_from_one ws ws' i j j' : passage r ws i j -> passage r ws' i j' -> ws = ws' /\ j = j'.
    Proof.
      intros (_ & D & J) (_ & D' & J'). revert ws' j' D' J'.
      assert (N : forall k w, finishes r k -> ~ at_way goes r k w).
      { intros k w (m & E & X) (m' & E' & F). apply exit_goes in X. congruence. }
      induction J as [w i j C | w ws i k j C J IH]; intros ws' j' D' J'; destruct J' as [w' i j' C' | w' ws' i k' j' C' J'];
        pose proof (crossing_goes _ _ _ _ _ _ C C') as <-; pose proof (crossing_left _ _ _ _ C C') as <-.
      - auto.
      - apply journey_first in J'. destruct J' as (v & _ & _ & A). now apply N in A.
      - apply journey_first in J. destruct J as (v & _ & _ & A). now apply N in A.
      - destruct (IH D ws' j' D' J') as [-> ->]. auto.
    Qed.

    Lemma passage_to_one ws ws' i i' j : starts r i -> starts r i' -> journey r ws i j -> journey r ws' i' j -> ws = ws' /\ i = i'.
    Proof.
      intros S S'. revert ws' j.
      assert (N : forall front k o, starts r k -> ~ journey r front o k).
      { intros front k o (m & E & X) J. apply journey_came in J. destruct J as (w & m' & E' & F).
        apply entry_came in X. congruence. }
      induction ws as [| w ws IH] using rev_ind; intros ws' j J J'; [inversion J |].
      apply journey_shorter in J, J'. destruct J as (front & k & v & E & C & F), J' as (front' & k' & v' & -> & C' & F').
      apply app_inj_tail in E. destruct E as [<- <-].
      pose proof (crossing_came _ _ _ _ _ _ C C') as <-. pose proof (crossing_entered _ _ _ _ C C') as <-.
      destruct F as [[-> ->] | F], F' as [[-> E] | F']; subst; auto.
      - now apply N in F'.
      - now apply N in F.
      - destruct (IH front' k F F') as [-> ->]. auto.
    Qed.

    Lemma starts_dec i : {starts r i} + {~ starts r i}.
    Proof.
      unfold starts. destruct (nth_error r i) as [m |]; [| right; now intros (m & [=] & _)].
      destruct (entry m) eqn:X; [left; eauto | right; intros (m' & [= <-] & E); congruence].
    Qed.

    Lemma finishes_dec j : {finishes r j} + {~ finishes r j}.
    Proof.
      unfold finishes. destruct (nth_error r j) as [m |]; [| right; now intros (m & [=] & _)].
      destruct (exit m) eqn:X; [left; eauto | right; intros (m' & [= <-] & E); congruence].
    Qed.

    Lemma came_at j : {w | at_way came r j w} + {forall w, ~ at_way came r j w}.
    Proof.
      unfold at_way. destruct (nth_error r j) as [m |]; [| right; now intros w (m & [=] & _)].
      destruct (came m) as [w |] eqn:C; [left; exists w; eauto | right; intros w (m' & [= <-] & E); congruence].
    Qed.

    (* Where what leaves at j has come from: back, queue by queue. *)
    Lemma source_of j : {x | starts r (snd x) /\ journey r (fst x) (snd x) j} + {forall ws i, starts r i -> ~ journey r ws i j}.
    Proof.
      induction j as [j IH] using (well_founded_induction_type lt_wf).
      destruct (came_at j) as [(w & A) | A];
        [| right; intros ws i _ J; apply journey_came in J; destruct J as (w & C); now apply A in C].
      destruct (crossing_found w j A) as (i & C). destruct (starts_dec i) as [S | S].
      { left. exists ([w], i). split; [exact S | now constructor]. }
      assert (L : i < j).
      { pose proof (proj1 (crossing_item _ _ _ C)). enough (i <> j) by lia. intros ->.
        destruct C as ((m & E & G) & (m' & E' & C) & _). apply apart in C. congruence. }
      destruct (IH i L) as [((ws, o) & S' & J) | N].
      - left. exists (ws ++ [w], o). split; [exact S' | eauto using journey_longer].
      - right. intros ws o S' J. apply journey_shorter in J. destruct J as (front & k & v & -> & C' & F).
        pose proof (crossing_came _ _ _ _ _ _ C C') as <-. pose proof (crossing_entered _ _ _ _ C C') as <-.
        destruct F as [[-> ->] | F]; [auto | exact (N _ _ S' F)].
    Qed.

    (* The way that ends at j; the way that begins at i. *)
    Lemma passage_to j : {x | passage r (fst x) (snd x) j} + {forall ws i, ~ passage r ws i j}.
    Proof.
      destruct (finishes_dec j) as [D | D]; [| right; now intros ws i (_ & E & _)].
      destruct (source_of j) as [(x & S & J) | N]; [left; exists x; now split | right; intros ws i (S & _ & J); exact (N _ _ S J)].
    Qed.

    Lemma passage_from i : {x | passage r (fst x) i (snd x)} + {forall ws j, ~ passage r ws i j}.
    Proof.
      enough (B : forall n, {x | passage r (fst x) i (snd x)} + {forall ws j, j < n -> ~ passage r ws i j}).
      { destruct (B (length r)) as [x | N]; [now left | right]. intros ws j P. refine (N ws j _ P).
        destruct P as (_ & (m & E & _) & _). apply nth_error_Some. congruence. }
      induction n as [| n [x | N]]; [right; lia | now left |].
      destruct (passage_to n) as [((ws, o) & P) | N'].
      - destruct (Nat.eq_dec o i) as [-> | D]; [left; now exists (ws, n) | right]. intros ws' j L P'.
        destruct (Nat.eq_dec j n) as [-> | D']; [| apply (N ws' j); [lia | assumption]].
        destruct P as (S & _ & J), P' as (S' & _ & J'). destruct (passage_to_one _ _ _ _ _ S S' J J'). auto.
      - right. intros ws j L P. destruct (Nat.eq_dec j n) as [-> | D]; [exact (N' _ _ P) | apply (N ws j); [lia | assumption]].
    Qed.

    Lemma labels_exist : exists fate source, labels r fate source.
    Proof.
      exists (fun i => match passage_from i with inleft x => Some (fst (proj1_sig x)) | inright _ => None end),
        (fun j => match passage_to j with inleft x => Some (fst (proj1_sig x)) | inright _ => None end).
      split; intros i ws.
      - destruct (passage_from i) as [((v, j) & P) | N]; simpl in *.
        + split; [intros [= <-]; eauto |]. intros (j' & P'). now destruct (passage_from_one _ _ _ _ _ P P') as [-> _].
        + split; [discriminate |]. intros (j & P). now apply N in P.
      - destruct (passage_to i) as [((v, o) & P) | N]; simpl in *.
        + split; [intros [= <-]; eauto |]. intros (o' & P'). destruct P as (S & _ & J), P' as (S' & _ & J').
          now destruct (passage_to_one _ _ _ _ _ S S' J J') as [-> _].
        + split; [discriminate |]. intros (j & P). now apply N in P.
    Qed.

    (* Where every item that leaves a queue and goes on has come from a queue or from outside, whoever finishes has started. *)
    Lemma source_found :
      (forall m w, In m r -> goes m = Some w -> entry m = true \/ exists v, came m = Some v) ->
      forall j w, at_way came r j w -> exists ws i, starts r i /\ journey r ws i j.
    Proof.
      intros K j. induction j as [j IH] using (well_founded_induction lt_wf). intros w A.
      destruct (crossing_found w j A) as (i & C). pose proof (proj1 (crossing_item _ _ _ C)) as L.
      destruct C as ((m & E & G) & D). destruct (K m w (nth_error_In _ _ E) G) as [S | (v & V)].
      - exists [w], i. split; [now exists m | constructor]. split; [now exists m | assumption].
      - assert (i < j). { enough (i <> j) by lia. intros ->. destruct D as ((m' & E' & C) & _). apply apart in C. congruence. }
        destruct (IH i ltac:(assumption) v ltac:(now exists m)) as (ws & o & S & J). exists (ws ++ [w]), o.
        split; [exact S |]. apply (journey_longer _ _ i); [exact J |]. split; [now exists m | assumption].
    Qed.

    (* ---- The order of those who take the same way, as lists ---- *)

    Lemma prefix_of_sorted (a b : list nat) :
      StronglySorted lt a -> StronglySorted lt b -> incl a b ->
      (forall x y, In x b -> In y a -> x < y -> In x a) -> exists rest, b = a ++ rest.
    Proof.
      intros A. revert b. induction A as [| y a A IH F]; intros b B I D; [now exists b |].
      destruct B as [| x b B G]; [now destruct (I y (or_introl eq_refl)) |]. rewrite Forall_forall in F, G.
      assert (x = y) as ->.
      { destruct (I y (or_introl eq_refl)) as [| Y]; [assumption |]. specialize (G y Y).
        destruct (D x y (or_introl eq_refl) (or_introl eq_refl) G) as [| X]; [auto |]. specialize (F x X). lia. }
      destruct (IH b B) as [rest ->]; [| | now exists rest].
      - intros z Z. destruct (I z (or_intror Z)) as [<- |]; [| assumption]. specialize (F _ Z). lia.
      - intros u v U V L. destruct (D u v (or_intror U) (or_intror V) L) as [<- |]; [| assumption].
        specialize (G _ U). lia.
    Qed.

    Lemma sorted_filter (f : nat -> bool) n : StronglySorted lt (filter f (seq 0 n)).
    Proof.
      generalize 0. induction n as [| n IH]; intros a; simpl; [constructor |].
      destruct (f a); [constructor; [apply IH |] | apply IH].
      apply Forall_forall. intros x I. apply filter_In in I. destruct I as [I _]. apply in_seq in I. lia.
    Qed.

    Definition is_way (l : option (list way)) (ws : list way) : bool :=
      match l with Some v => if list_eq_dec way_dec v ws then true else false | None => false end.

    Lemma is_way_true l ws : is_way l ws = true <-> l = Some ws.
    Proof. unfold is_way. destruct l as [v |]; [destruct (list_eq_dec way_dec v ws) |]; split; congruence. Qed.

    (* Before n, those who have entered on their way ws are those who have left by it, in order, and then some. *)
    Lemma way_in_order fate source ws n : labels r fate source ->
      exists ins held, filter (fun i => is_way (fate i) ws) (seq 0 n) = ins ++ held /\
        Forall2 (passage r ws) ins (filter (fun j => is_way (source j) ws) (seq 0 n)).
    Proof.
      intros [LF LS]. set (outs := filter (fun j => is_way (source j) ws) (seq 0 n)).
      assert (O : forall j, In j outs <-> j < n /\ source j = Some ws).
      { intros j. unfold outs. rewrite filter_In, in_seq, is_way_true. intuition lia. }
      assert (X : exists ins, Forall2 (passage r ws) ins outs).
      { assert (Y : forall j, In j outs -> exists i, passage r ws i j) by (intros j I; apply O in I; now apply LS).
        clear O. induction outs as [| j outs IH]; [now exists [] |].
        destruct (Y j (or_introl eq_refl)) as (i & P). destruct IH as (ins & F); [intros k I; apply Y; now right |].
        exists (i :: ins). now constructor. }
      destruct X as (ins & F).
      assert (I : forall i, In i ins <-> exists j, In j outs /\ passage r ws i j).
      { intros i. split.
        - intros I. clear - F I. induction F as [| a b ins outs P F IH]; [easy |].
          destruct I as [<- | I]; [exists b; simpl; auto | destruct (IH I) as (j & J & Q); exists j; simpl; auto].
        - intros (j & J & P). clear - F J P entry_came. induction F as [| a b ins outs Q F IH]; [easy |].
          destruct J as [<- | J]; [left | right; auto]. destruct P as (S & _ & T), Q as (S' & _ & T').
          now destruct (passage_to_one _ _ _ _ _ S' S T' T). }
      assert (A : StronglySorted lt ins).
      { assert (B : StronglySorted lt outs) by apply sorted_filter. clear - F B.
        induction F as [| a b ins outs (_ & _ & J) F IH]; [constructor |]. inversion B as [| c d B' G]; subst.
        constructor; [auto |]. clear - J F G. induction F as [| a' b' ins outs (_ & _ & J') F IH]; [constructor |].
        inversion G; subst. constructor; [| auto]. now apply (journey_order _ _ _ _ _ J J'). }
      destruct (prefix_of_sorted ins (filter (fun i => is_way (fate i) ws) (seq 0 n)) A (sorted_filter _ _)) as [held H].
      - intros i K. apply I in K. destruct K as (j & J & P). apply O in J. apply filter_In. rewrite in_seq, is_way_true, LF.
        destruct P as (S & D & P). pose proof (proj1 (journey_item _ _ _ P)). split; [lia |]. now exists j.
      - intros i i' K K' L. apply filter_In in K. rewrite in_seq, is_way_true, LF in K. destruct K as [_ (j & P)].
        apply I in K'. destruct K' as (j' & J' & P'). apply I. exists j. split; [| exact P]. apply O.
        destruct P as (S & D & P), P' as (S' & D' & P'). apply (journey_order _ _ _ _ _ P P') in L. apply O in J'.
        split; [lia |]. apply LS. exists i. now split.
      - now exists ins, held.
    Qed.
  End Ordered.
End Network.
