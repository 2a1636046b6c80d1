(* The four sets as one family of sets that is a partition of K, and that bytes which move, come or go keep it one. What
   SetInvariant.v rests on. *)

From Coq Require Import List Arith Bool Lia Permutation.
From CleanQ Require Export SetModel.
Import ListNotations.

Inductive place := Owned (a : agent) | InFlight (a : agent).

Definition place_dec (p q : place) : {p = q} + {p <> q}.
Proof. decide equality; apply agent_dec. Defined.

Definition set_at (s : state) (p : place) : byte -> bool :=
  match p with Owned a => own (base s) a | InFlight a => transit s a end.

Definition covers (K : byte -> Prop) (f : place -> byte -> bool) : Prop :=
  forall x, K x <-> exists p, f p x = true.
Definition disjoint (f : place -> byte -> bool) : Prop :=
  forall p q x, f p x = true -> f q x = true -> p = q.

(* Bytes that move from one set to another leave both properties as they are. *)
Lemma partition_move K f g p q l :
  covers K f -> disjoint f -> p <> q ->
  (forall x, In x l -> f p x = true) ->
  (forall x, g p x = minus (f p) l x) -> (forall x, g q x = plus (f q) l x) ->
  (forall r x, r <> p -> r <> q -> g r x = f r x) ->
  covers K g /\ disjoint g.
Proof.
  intros C D N L P Q R.
  assert (G : forall r x, g r x = true <->
                (f r x = true /\ (r = p -> ~ In x l)) \/ (r = q /\ In x l)).
  { intros r x. destruct (place_dec r p) as [-> | Np]; [| destruct (place_dec r q) as [-> | Nq]].
    - rewrite P, minus_in. intuition congruence.
    - rewrite Q, plus_in. intuition.
    - rewrite R by assumption. intuition. }
  split.
  - intros x. rewrite (C x). split; intros [r H].
    + destruct (in_dec byte_dec x l).
      * exists q. apply G. auto.
      * exists r. apply G. auto.
    + apply G in H. destruct H as [[H _] | [-> H]]; eauto.
  - intros r r' x H H'. apply G in H, H'.
    destruct H as [[H HN] | [-> H]], H' as [[H' HN'] | [-> H']]; eauto.
    + pose proof (D _ _ _ H (L _ H')). tauto.
    + pose proof (D _ _ _ H' (L _ H)). tauto.
Qed.

(* New bytes come to one set. *)
Lemma partition_grow K K' f g p l :
  covers K f -> disjoint f ->
  (forall x, In x l -> ~ K x) -> (forall x, K' x <-> K x \/ In x l) ->
  (forall x, g p x = plus (f p) l x) -> (forall r x, r <> p -> g r x = f r x) ->
  covers K' g /\ disjoint g.
Proof.
  intros C D F E P R.
  assert (G : forall r x, g r x = true <-> f r x = true \/ (r = p /\ In x l)).
  { intros r x. destruct (place_dec r p) as [-> | N].
    - rewrite P, plus_in. intuition.
    - rewrite R by assumption. intuition. }
  split.
  - intros x. rewrite E, (C x). split.
    + intros [[r H] | I]; [exists r | exists p]; apply G; auto.
    + intros [r H]. apply G in H. destruct H as [H | [_ I]]; eauto.
  - intros r r' x H H'. apply G in H, H'.
    destruct H as [H | [-> H]], H' as [H' | [-> H']]; eauto; exfalso.
    + apply (F x H'), C. eauto.
    + apply (F x H), C. eauto.
Qed.

(* Bytes of one set go. *)
Lemma partition_shrink K K' f g p l :
  covers K f -> disjoint f ->
  (forall x, In x l -> f p x = true) -> (forall x, K' x <-> K x /\ ~ In x l) ->
  (forall x, g p x = minus (f p) l x) -> (forall r x, r <> p -> g r x = f r x) ->
  covers K' g /\ disjoint g.
Proof.
  intros C D L E P R.
  assert (G : forall r x, g r x = true <-> f r x = true /\ ~ In x l).
  { intros r x. destruct (place_dec r p) as [-> | N].
    - now rewrite P, minus_in.
    - rewrite R by assumption. split; [| tauto]. intros H. split; [assumption |].
      intros I. apply N. exact (D _ _ _ H (L _ I)). }
  split.
  - intros x. rewrite E, (C x). split.
    + intros [[r H] I]. exists r. apply G. auto.
    + intros [r H]. apply G in H. destruct H. eauto.
  - intros r r' x H H'. apply G in H, H'. apply (D r r' x); tauto.
Qed.

Lemma at_agent_same {T} (f : agent -> T) a v : at_agent f a v a = v.
Proof. unfold at_agent. now destruct (agent_dec a a). Qed.

Lemma at_agent_other {T} (f : agent -> T) a v b : b <> a -> at_agent f a v b = f b.
Proof. unfold at_agent. destruct (agent_dec a b); congruence. Qed.

Lemma other_differs a : other a <> a.
Proof. destruct a; discriminate. Qed.
