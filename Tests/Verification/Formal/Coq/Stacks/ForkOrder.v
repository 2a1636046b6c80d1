(* Order in a fork and in the trees that are made of forks: each way through a fork is a path as Order.v has it, so that what is
   proved there for stacks holds. All users of a fork together are what is above it: the ways of different branches are
   different paths.

   Byte by byte, as in Straight.v. *)

From Coq Require Import List.
From CleanQ Require Import Ways Order.
From CleanQ Require Trees ForkModel Forks.
Import ListNotations.

Definition side_of (s : ForkModel.site) : side := match s with ForkModel.Below => Below | ForkModel.User _ => Above end.

Definition fork_paths : paths := {|
  path := ForkModel.path; path_dec := ForkModel.path_dec;
  from := fun p => side_of (ForkModel.from p); to := fun p => side_of (ForkModel.to p)
|}.

Notation events := (list (event (item := Bytes.byte) fork_paths)).

(* What a step shows of the bytes that it moves, with the way by which they go or have come. *)
Definition shown (e : option (Trees.event ForkModel.site)) (way : option ForkModel.path) : events :=
  match e with
  | Some (Trees.Take s p) => map (fun x => Enter fork_paths (side_of s) x way) (Bytes.all_bytes p)
  | Some (Trees.Give s p) => map (fun x => Leave fork_paths (side_of s) x way) (Bytes.all_bytes p)
  | _ => []
  end.

Inductive traced capacity wanted may_lend : events -> ForkModel.fork -> Prop :=
| traced_start : traced capacity wanted may_lend [] (ForkModel.opened wanted)
| traced_step t s e way s' : traced capacity wanted may_lend t s -> ForkModel.forks capacity may_lend s e way s' ->
    traced capacity wanted may_lend (t ++ shown e way) s'.

(* The fork as a module of Order.v. *)
Definition as_module capacity wanted may_lend : module fork_paths := fun t => exists s, traced capacity wanted may_lend t s.

Lemma entered_app (p : fork_paths) (t u : events) :
  entered p (t ++ u) = entered p t ++ entered p u /\ departed p (t ++ u) = departed p t ++ departed p u.
Proof. unfold entered, departed, items. now rewrite !filter_app, !map_app. Qed.

Lemma bytes_moved s (w p : fork_paths) (l : list Bytes.byte) :
  entered p (map (fun x => Enter fork_paths s x (Some w)) l) = (if ForkModel.path_dec p w then l else []) /\
  departed p (map (fun x => Enter fork_paths s x (Some w)) l) = [] /\
  entered p (map (fun x => Leave fork_paths s x (Some w)) l) = [] /\
  departed p (map (fun x => Leave fork_paths s x (Some w)) l) = (if ForkModel.path_dec p w then l else []).
Proof.
  unfold entered, departed, items. simpl path_dec. induction l as [| x l (A & B & C & D)].
  - now destruct (ForkModel.path_dec p w).
  - cbn [map filter]. unfold by_way in *. cbn [goes_by came_by item_of map] in *.
    destruct (ForkModel.path_dec w p) as [E | N], (ForkModel.path_dec p w) as [E' | N']; try congruence; cbn [map item_of];
      rewrite ?A, ?B, ?C, ?D; auto.
Qed.

(* The same after a trace. *)
Lemma taken_after (t : events) s (w : fork_paths) l (p : fork_paths) :
  entered p (t ++ map (fun x => Enter fork_paths s x (Some w)) l) = entered p t ++ (if ForkModel.path_dec p w then l else []) /\
  departed p (t ++ map (fun x => Enter fork_paths s x (Some w)) l) = departed p t.
Proof.
  destruct (entered_app p t (map (fun x => Enter fork_paths s x (Some w)) l)) as [-> ->].
  destruct (bytes_moved s w p l) as (-> & -> & _). now rewrite app_nil_r.
Qed.

Lemma given_after (t : events) s (w : fork_paths) l (p : fork_paths) :
  entered p (t ++ map (fun x => Leave fork_paths s x (Some w)) l) = entered p t /\
  departed p (t ++ map (fun x => Leave fork_paths s x (Some w)) l) = departed p t ++ (if ForkModel.path_dec p w then l else []).
Proof.
  destruct (entered_app p t (map (fun x => Leave fork_paths s x (Some w)) l)) as [-> ->].
  destruct (bytes_moved s w p l) as (_ & _ & -> & ->). now rewrite app_nil_r.
Qed.

(* A step puts what it takes at the end of the way that it names, and takes what it gives from the front of it. *)
Lemma moved capacity may_lend s e way s' : ForkModel.forks capacity may_lend s e way s' ->
  match e with
  | Some (Trees.Take i p) => exists w, way = Some w /\ ForkModel.from w = i /\ forall v,
      ForkModel.queued (ForkModel.ways s') v =
      ForkModel.queued (ForkModel.ways s) v ++ if ForkModel.path_dec v w then Bytes.all_bytes p else []
  | Some (Trees.Give i p) => exists w, way = Some w /\ ForkModel.to w = i /\ forall v,
      ForkModel.queued (ForkModel.ways s) v =
      (if ForkModel.path_dec v w then Bytes.all_bytes p else []) ++ ForkModel.queued (ForkModel.ways s') v
  | _ => ForkModel.ways s' = ForkModel.ways s
  end.
Proof.
  intros F. inversion F; subst; simpl; auto; (eexists; split; [reflexivity |]).
  all: try (split; [reflexivity |]; intros v;
    change ([ForkModel.alone b]) with (map ForkModel.alone [b]);
    try change (ForkModel.alone b :: map ForkModel.alone p) with (map ForkModel.alone (b :: p));
    rewrite Forks.queued_append, ?Forks.bytes_alone; destruct (ForkModel.path_dec v _) as [-> |];
    simpl; rewrite ?app_nil_r; reflexivity).
  all: try (split; [reflexivity |]; intros v; rewrite Forks.queued_changed; destruct (ForkModel.path_dec v _) as [-> |];
    [unfold ForkModel.queued; match goal with H : _ = _ :: _ |- _ => now rewrite H end | reflexivity]).
  - match goal with H : In w _ |- _ => rename H into J end.
    split; [destruct J as [<- | [<- | [<- | []]]]; reflexivity |]. intros v. rewrite Forks.queued_changed.
    destruct (ForkModel.path_dec v _) as [-> |];
      [unfold ForkModel.queued; match goal with H : _ = _ :: _ |- _ => now rewrite H end | reflexivity].
  - match goal with H : In w _ |- _ => rename H into J end.
    split; [destruct J as [<- | [<- | []]]; reflexivity |]. intros v. rewrite Forks.queued_append.
    destruct (ForkModel.path_dec v _) as [-> |]; simpl; now rewrite ?app_nil_r.
Qed.

(* Each way through a fork is first in, first out, at every moment: that of received packets to each branch, of what each
   transmits, of free buffers to each and from each, and of what is returned. *)
Theorem fork_keeps_order capacity wanted may_lend : conforms (as_module capacity wanted may_lend).
Proof.
  intros t (s & X).
  enough (K : keeps_order t /\ forall p : fork_paths, entered p t = departed p t ++ ForkModel.queued (ForkModel.ways s) p)
    by apply K.
  induction X as [| t s e way s' X [[F O] Q] H].
  { split; [| reflexivity]. split; [constructor |]. intros p past future E. symmetry in E. apply app_eq_nil in E.
    destruct E as [-> _]. now exists []. }
  apply moved in H.
  assert (U : ForkModel.ways s' = ForkModel.ways s -> shown e way = [] ->
    keeps_order (t ++ shown e way) /\
    forall p : fork_paths, entered p (t ++ shown e way) = departed p (t ++ shown e way) ++ ForkModel.queued (ForkModel.ways s') p).
  { intros W Z. rewrite W, Z, app_nil_r. now split. }
  destruct e as [[i p | i p | i l | i l] |]; auto; clear U; destruct H as (w & -> & S & M); simpl.
  - assert (G : Forall fits (map (fun x => Enter fork_paths (side_of i) x (Some (w : fork_paths))) (Bytes.all_bytes p))).
    { apply Forall_map, Forall_forall. intros x _. simpl. now rewrite S. }
    split; [split |].
    + apply Forall_app. now split.
    + intros v past future E. apply app_eq_app in E. destruct E as (m & [(E & _) | (-> & E)]); [now apply (O v past m) |].
      apply map_eq_app in E. destruct E as (l1 & l2 & _ & <- & _).
      destruct (taken_after t (side_of i) w l1 v) as [A B].
      exists (ForkModel.queued (ForkModel.ways s) v ++ if ForkModel.path_dec v w then l1 else []).
      refine (eq_trans A _). refine (eq_trans _ (eq_sym (f_equal (fun d => d ++ _) B))). now rewrite Q, <- app_assoc.
    + intros v. destruct (taken_after t (side_of i) w (Bytes.all_bytes p) v) as [A B].
      refine (eq_trans A _). refine (eq_trans _ (eq_sym (f_equal (fun d => d ++ _) B))). now rewrite Q, M, <- app_assoc.
  - assert (G : Forall fits (map (fun x => Leave fork_paths (side_of i) x (Some (w : fork_paths))) (Bytes.all_bytes p))).
    { apply Forall_map, Forall_forall. intros x _. simpl. now rewrite S. }
    split; [split |].
    + apply Forall_app. now split.
    + intros v past future E. apply app_eq_app in E. destruct E as (m & [(E & _) | (-> & E)]); [now apply (O v past m) |].
      apply map_eq_app in E. destruct E as (l1 & l2 & L & <- & _).
      destruct (given_after t (side_of i) w l1 v) as [A B].
      exists ((if ForkModel.path_dec v w then l2 else []) ++ ForkModel.queued (ForkModel.ways s') v).
      refine (eq_trans A _). refine (eq_trans _ (eq_sym (f_equal (fun d => d ++ _) B))). rewrite Q, M, L.
      destruct (ForkModel.path_dec v w); now rewrite <- ?app_assoc.
    + intros v. destruct (given_after t (side_of i) w (Bytes.all_bytes p) v) as [A B].
      refine (eq_trans A _). refine (eq_trans _ (eq_sym (f_equal (fun d => d ++ _) B))). now rewrite Q, M, <- app_assoc.
Qed.

(* A tree: whatever keeps order on the users of a fork, all of them together, and whatever does below it, makes with the fork
   what keeps order; its paths are sequences of ways through the three (Order.same_path_same_order). *)
Corollary tree_keeps_order capacity wanted may_lend P Q (M : module P) (N : module Q) :
  conforms M -> conforms N ->
  conforms (stack P (composite fork_paths Q) M (stack fork_paths Q (as_module capacity wanted may_lend) N)).
Proof. intros CM CN. apply stack_keeps_order; [exact CM |]. apply stack_keeps_order; [apply fork_keeps_order | exact CN]. Qed.
