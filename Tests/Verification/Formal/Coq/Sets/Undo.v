(* Undoing a registration of which a later step failed, on a lower layer say: it is as if it had never been made, and the region
   can be registered again, which after a deregister it cannot (Sets.retired_for_ever). From SetInvariant.v. *)

From Coq Require Import List Arith Bool Lia.
From CleanQ Require Export SetInvariant.
Import ListNotations.

(* RegionTable.undoInsert: the entry goes, and the id is not retired; `before` is what the slot's latest generation was. *)
Definition undo (l : ledger) (a : agent) (r : region) (count before : nat) : ledger :=
  {| table := at_slot (table l) (slot r) None;
     latest := at_slot (latest l) (slot r) before;
     own := at_agent (own l) a (minus (own l a) (range r 0 count));
     held := held l |}.

Theorem register_undone s a r count l :
  reachable s -> register (base s) a r count = (l, Done) ->
  let u := undo l a r count (latest (base s) (slot r)) in
  (forall i, table u i = table (base s) i) /\ (forall i, latest u i = latest (base s) i) /\
  (forall b x, own u b x = own (base s) b x) /\ held u = held (base s) /\ snd (register u a r count) = Done.
Proof.
  intros R E. apply reachable_good in R. unfold register in E.
  destruct (table (base s) (slot r)) eqn:T; [discriminate |].
  destruct (generation r <=? latest (base s) (slot r)) eqn:G; [discriminate |]. injection E as <-.
  assert (N : forall x, In x (range r 0 count) -> own (base s) a x = false).
  { intros x I. apply in_range in I. destruct I as [F _]. apply not_true_iff_false. intros O.
    assert (K : registered (base s) x) by (apply (conserved _ R); exists (Owned a); exact O).
    unfold registered, size_of in K. now rewrite F, T in K. }
  unfold undo. simpl. split; [| split; [| split; [| split]]].
  - intros i. unfold at_slot. destruct (Nat.eq_dec (slot r) i) as [<- |]; auto.
  - intros i. unfold at_slot. destruct (Nat.eq_dec (slot r) i) as [<- |]; reflexivity.
  - intros b x. unfold at_agent. destruct (agent_dec a a); [| congruence]. destruct (agent_dec a b) as [<- |]; [| reflexivity].
    apply eq_true_iff_eq. rewrite minus_in, plus_in. split; [tauto |]. intros O. split; [auto |].
    intros I. rewrite (N x I) in O. discriminate.
  - reflexivity.
  - unfold register, at_slot. simpl. destruct (Nat.eq_dec (slot r) (slot r)); [| congruence]. now rewrite G.
Qed.
