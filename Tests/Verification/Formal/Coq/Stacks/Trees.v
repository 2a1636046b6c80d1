(* Trees: modules with any number of interfaces (a fork has one below and one for each of its users), and such modules joined:
   an interface of one stands on an interface of the other. Two that conform make one that conforms (joined_conforms), so that
   trees of any shape and height do: layers on each branch of a fork, a fork on layers, a fork on a branch of a fork, and joins.
   What conforming means at every interface: gives_what_it_has, in_balance, whole_packets_everywhere.

   As in Modules.v what a module may do is stated by a ledger of where each byte is: at one of the interfaces, or in the module.
   A byte is at one place by construction (I1, I2); that this is what happened is what in_balance says of the events. Order is
   not stated here, it is that of Order.v, path by path. Regions are registered at any interface, fresh, and deregistered with
   every byte at the interface where that is done; all modules of a tree learn of it.

   Assumed: who is at an outer interface hands over whole runs of bytes that are there. Between two modules of a tree that is
   proved. Not covered: as in Modules.v, but for registration from below. *)

From Coq Require Import List Bool Lia.
From CleanQ Require Export Sets.
Import ListNotations.

(* What happens at the interfaces S of a module. *)
Inductive event (S : Type) :=
| Take (s : S) (p : list buffer)       (* who is at s hands the run p to the module *)
| Give (s : S) (p : list buffer)       (* the module hands p to who is at s *)
| Register (s : S) (l : list byte)
| Deregister (s : S) (l : list byte).
Arguments Take {S}. Arguments Give {S}. Arguments Register {S}. Arguments Deregister {S}.

(* Where a byte is. *)
Inductive place (S : Type) :=
| Unknown       (* of no region that is registered *)
| At (s : S)    (* with who is at the interface s *)
| Inside.
Arguments Unknown {S}. Arguments At {S}. Arguments Inside {S}.

Record module (S : Type) := {
  state : Type;
  start : state;
  (* None: a step that nobody sees. *)
  step : state -> option (event S) -> state -> Prop
}.
Arguments state {S}. Arguments start {S}. Arguments step {S}.

Section Trees.
  Context {S : Type}.
  Definition ledger := byte -> place S.

  Definition nothing : ledger := fun _ => Unknown.
  Definition put (l : list byte) (v : place S) (w : ledger) : ledger := fun x => if mem l x then v else w x.
  Definition all (w : ledger) (l : list byte) (v : place S) : Prop := forall x, In x l -> w x = v.

  (* What an event does to the ledger. *)
  Definition move (w : ledger) (e : event S) : ledger :=
    match e with
    | Take _ p => put (all_bytes p) Inside w
    | Give s p => put (all_bytes p) (At s) w
    | Register s l => put l (At s) w
    | Deregister _ l => put l Unknown w
    end.

  (* What the environment has to keep to. *)
  Definition permitted (w : ledger) (e : event S) : Prop :=
    match e with
    | Take s p => is_run p = true /\ NoDup (all_bytes p) /\ all w (all_bytes p) (At s)
    | Register _ l => all w l Unknown
    | Deregister s l => all w l (At s)
    | Give _ _ => True
    end.

  (* What the module has to keep to: it gives whole runs of bytes that are in it, none twice. *)
  Definition kept (w : ledger) (e : event S) : Prop :=
    match e with
    | Give _ p => is_run p = true /\ NoDup (all_bytes p) /\ all w (all_bytes p) Inside
    | _ => True
    end.

  (* A module conforms when a relation between its states and ledgers holds at the start and is kept by every step. *)
  Definition simulates (M : module S) (R : state M -> ledger -> Prop) : Prop :=
    R (start M) nothing /\
    forall s w e s', R s w -> step M s e s' ->
      match e with
      | None => R s' w
      | Some e => permitted w e -> kept w e /\ R s' (move w e)
      end.

  Definition conforms (M : module S) : Prop := exists R, simulates M R.

  (* An execution in an honest environment: the events so far, and the ledger that follows from them alone. *)
  Inductive execution (M : module S) : state M -> list (event S) -> ledger -> Prop :=
  | execution_start : execution M (start M) [] nothing
  | execution_unseen s es w s' : execution M s es w -> step M s None s' -> execution M s' es w
  | execution_event s es w e s' :
      execution M s es w -> permitted w e -> step M s (Some e) s' -> execution M s' (es ++ [e]) (move w e).

  Lemma simulated M R s es w : simulates M R -> execution M s es w -> R s w.
  Proof.
    intros [R0 RS]. induction 1 as [| s es w s' X IH H | s es w e s' X IH P H]; [exact R0 | exact (RS _ _ _ _ IH H) |].
    exact (proj2 (RS _ _ _ _ IH H P)).
  Qed.

  (* Whatever a conforming module gives, at whichever interface, is whole runs of bytes that are in it then, no byte twice. *)
  Theorem gives_what_it_has M s es w t p s' :
    conforms M -> execution M s es w -> step M s (Some (Give t p)) s' ->
    is_run p = true /\ NoDup (all_bytes p) /\ all w (all_bytes p) Inside.
  Proof.
    intros [R [R0 RS]] X H. exact (proj1 (RS _ _ _ _ (simulated _ _ _ _ _ (conj R0 RS) X) H I)).
  Qed.

  Definition taken (es : list (event S)) := flat_map (fun e => match e with Take _ p => all_bytes p | _ => [] end) es.
  Definition given (es : list (event S)) := flat_map (fun e => match e with Give _ p => all_bytes p | _ => [] end) es.

  Definition count (l : list byte) (x : byte) : nat := count_occ byte_dec l x.

  Lemma count_once l x : NoDup l -> count l x = if mem l x then 1 else 0.
  Proof.
    intros N. unfold count, mem. destruct (in_dec byte_dec x l) as [J | J]; [| now apply count_occ_not_In].
    apply (NoDup_count_occ byte_dec) with (x := x) in N. apply (count_occ_In byte_dec) in J. lia.
  Qed.

  (* Byte by byte what a conforming module took is what it gave and what is in it, and in it nothing is twice; over all
     interfaces together, whatever goes where. *)
  Theorem in_balance M s es w :
    conforms M -> execution M s es w ->
    forall x, count (taken es) x = count (given es) x + match w x with Inside => 1 | _ => 0 end.
  Proof.
    intros [R C] X x. induction X as [| s es w s' X IH H | s es w e s' X IH P H]; [reflexivity | exact IH |].
    pose proof (proj1 (proj2 C _ _ _ _ (simulated _ _ _ _ _ C X) H P)) as K. clear H X.
    unfold taken, given in *. rewrite !flat_map_app. simpl. rewrite !app_nil_r. unfold count in *. rewrite !count_occ_app, IH.
    destruct e as [t p | t p | t l | t l]; simpl in *; unfold put, all in *.
    - destruct P as (_ & N & P). apply (count_once _ x) in N. unfold count in N. rewrite N.
      destruct (mem (all_bytes p) x) eqn:J; [| lia]. apply mem_in in J. rewrite (P _ J). lia.
    - destruct K as (_ & N & K). apply (count_once _ x) in N. unfold count in N. rewrite N.
      destruct (mem (all_bytes p) x) eqn:J; [| lia]. apply mem_in in J. rewrite (K _ J). lia.
    - destruct (mem l x) eqn:J; [| lia]. apply mem_in in J. rewrite (P _ J). lia.
    - destruct (mem l x) eqn:J; [| lia]. apply mem_in in J. rewrite (P _ J). lia.
  Qed.

  (* Packets: what is handed over, at whichever interface, is whole runs. *)
  Theorem whole_packets_everywhere M s es w t p :
    conforms M -> execution M s es w -> In (Take t p) es \/ In (Give t p) es -> is_run p = true.
  Proof.
    intros [R C] X. induction X as [| s es w s' X IH H | s es w e s' X IH P H]; [now intros [[] | []] | exact IH |].
    pose proof (proj1 (proj2 C _ _ _ _ (simulated _ _ _ _ _ C X) H P)) as K. intros J. rewrite !in_app_iff in J. simpl in J.
    destruct J as [[J | [-> | []]] | [J | [-> | []]]]; auto; [apply P | apply K].
  Qed.
End Trees.
Arguments ledger : clear implicits.

(* ---- Two modules joined ---- *)

Section Join.
  Context {S T : Type}.
  Variables (M : module S) (N : module T) (m : S) (n : T).

  (* M at its interface m on N at n: what M gives there N takes, and the reverse, unseen from outside. The other interfaces of
     both are those of the whole. *)
  Inductive join_step : state M * state N -> option (event (S + T)) -> state M * state N -> Prop :=
  | upper_takes s s' t i p : i <> m -> step M s (Some (Take i p)) s' -> join_step (s, t) (Some (Take (inl i) p)) (s', t)
  | upper_gives s s' t i p : i <> m -> step M s (Some (Give i p)) s' -> join_step (s, t) (Some (Give (inl i) p)) (s', t)
  | lower_takes s t t' j p : j <> n -> step N t (Some (Take j p)) t' -> join_step (s, t) (Some (Take (inr j) p)) (s, t')
  | lower_gives s t t' j p : j <> n -> step N t (Some (Give j p)) t' -> join_step (s, t) (Some (Give (inr j) p)) (s, t')
  | upper_registers s s' t t' i l : i <> m -> step M s (Some (Register i l)) s' -> step N t (Some (Register n l)) t' ->
      join_step (s, t) (Some (Register (inl i) l)) (s', t')
  | upper_deregisters s s' t t' i l : i <> m -> step M s (Some (Deregister i l)) s' -> step N t (Some (Deregister n l)) t' ->
      join_step (s, t) (Some (Deregister (inl i) l)) (s', t')
  | lower_registers s s' t t' j l : j <> n -> step M s (Some (Register m l)) s' -> step N t (Some (Register j l)) t' ->
      join_step (s, t) (Some (Register (inr j) l)) (s', t')
  | lower_deregisters s s' t t' j l : j <> n -> step M s (Some (Deregister m l)) s' -> step N t (Some (Deregister j l)) t' ->
      join_step (s, t) (Some (Deregister (inr j) l)) (s', t')
  | passes_down s s' t t' p : step M s (Some (Give m p)) s' -> step N t (Some (Take n p)) t' -> join_step (s, t) None (s', t')
  | passes_up s s' t t' p : step M s (Some (Take m p)) s' -> step N t (Some (Give n p)) t' -> join_step (s, t) None (s', t')
  | upper_alone s s' t : step M s None s' -> join_step (s, t) None (s', t)
  | lower_alone s t t' : step N t None t' -> join_step (s, t) None (s, t').

  Definition join : module (S + T) :=
    {| state := state M * state N; start := (start M, start N); step := join_step |}.

  (* Where a byte is for the upper module, for the lower one, and for the whole. At the interface between them each takes for
     the other's what the other has, inside and at its other interfaces. *)
  Inductive glued : place S -> place T -> place (S + T) -> Prop :=
  | both_unknown : glued Unknown Unknown Unknown
  | in_upper : glued Inside (At n) Inside
  | in_lower : glued (At m) Inside Inside
  | at_upper i : i <> m -> glued (At i) (At n) (At (inl i))
  | at_lower j : j <> n -> glued (At m) (At j) (At (inr j)).

  Definition joined (R : state M -> ledger S -> Prop) (Q : state N -> ledger T -> Prop)
      (st : state M * state N) (w : ledger (S + T)) : Prop :=
    exists u l, R (fst st) u /\ Q (snd st) l /\ forall x, glued (u x) (l x) (w x).

  Ltac at_each_byte G :=
    intros x; specialize (G x); unfold move, put; try match goal with |- context [mem ?p x] =>
      let J := fresh "J" in destruct (mem p x) eqn:J; [apply mem_in in J | assumption] end.

  (* Composition: two conforming modules joined conform. Neither is assumed to be honest to the other. *)
  Theorem joined_conforms : conforms M -> conforms N -> conforms join.
  Proof.
    intros [R [R0 RS]] [Q [Q0 QS]]. exists (joined R Q). split.
    { exists nothing, nothing. repeat split; [assumption | assumption | constructor]. }
    intros [s t] w e st' (u & l & RU & QL & G) H. simpl in RU, QL.
    (* What the environment of the whole may do it may do to the module, or modules, that see it. *)
    assert (U : forall p i, all w p (At (inl i)) -> all u p (At i) /\ all l p (At n)).
    { intros p i A. split; intros x J; specialize (A x J); specialize (G x); rewrite A in G; now inversion G. }
    assert (L : forall p j, all w p (At (inr j)) -> all u p (At m) /\ all l p (At j)).
    { intros p j A. split; intros x J; specialize (A x J); specialize (G x); rewrite A in G; now inversion G. }
    assert (X : forall p, all w p Unknown -> all u p Unknown /\ all l p Unknown).
    { intros p A. split; intros x J; specialize (A x J); specialize (G x); rewrite A in G; now inversion G. }
    assert (I : forall p, all u p Inside -> all w p Inside /\ all l p (At n)).
    { intros p A. split; intros x J; specialize (A x J); specialize (G x); rewrite A in G; now inversion G. }
    assert (J : forall p, all l p Inside -> all w p Inside /\ all u p (At m)).
    { intros p A. split; intros x J; specialize (A x J); specialize (G x); rewrite A in G; now inversion G. }
    inversion H; subst; clear H.
    - intros (P1 & P2 & P3). destruct (U _ _ P3) as (PU & PL).
      edestruct (RS _ _ _ _ RU ltac:(eassumption)) as [_ RU']; [simpl; eauto |]. split; [exact Logic.I |].
      eexists _, l. split; [exact RU' |]. split; [exact QL |]. at_each_byte G. rewrite (PL _ J0). constructor.
    - intros _. edestruct (RS _ _ _ _ RU ltac:(eassumption) Logic.I) as [(K1 & K2 & K3) RU']. destruct (I _ K3) as [KW KL].
      split; [simpl; auto |]. eexists _, l. split; [exact RU' |]. split; [exact QL |].
      at_each_byte G. rewrite (KL _ J0). now constructor.
    - intros (P1 & P2 & P3). destruct (L _ _ P3) as (PU & PL).
      edestruct (QS _ _ _ _ QL ltac:(eassumption)) as [_ QL']; [simpl; eauto |]. split; [exact Logic.I |].
      eexists u, _. split; [exact RU |]. split; [exact QL' |]. at_each_byte G. rewrite (PU _ J0). constructor.
    - intros _. edestruct (QS _ _ _ _ QL ltac:(eassumption) Logic.I) as [(K1 & K2 & K3) QL']. destruct (J _ K3) as [KW KU].
      split; [simpl; auto |]. eexists u, _. split; [exact RU |]. split; [exact QL' |].
      at_each_byte G. rewrite (KU _ J0). now constructor.
    - intros P. destruct (X _ P) as [PU PL].
      edestruct (RS _ _ _ _ RU ltac:(eassumption) PU) as [_ RU']. edestruct (QS _ _ _ _ QL ltac:(eassumption) PL) as [_ QL'].
      split; [exact Logic.I |]. eexists _, _. split; [exact RU' |]. split; [exact QL' |]. at_each_byte G. now constructor.
    - intros P. destruct (U _ _ P) as (PU & PL).
      edestruct (RS _ _ _ _ RU ltac:(eassumption) PU) as [_ RU']. edestruct (QS _ _ _ _ QL ltac:(eassumption) PL) as [_ QL'].
      split; [exact Logic.I |]. eexists _, _. split; [exact RU' |]. split; [exact QL' |]. at_each_byte G. now constructor.
    - intros P. destruct (X _ P) as [PU PL].
      edestruct (RS _ _ _ _ RU ltac:(eassumption) PU) as [_ RU']. edestruct (QS _ _ _ _ QL ltac:(eassumption) PL) as [_ QL'].
      split; [exact Logic.I |]. eexists _, _. split; [exact RU' |]. split; [exact QL' |]. at_each_byte G. now constructor.
    - intros P. destruct (L _ _ P) as (PU & PL).
      edestruct (RS _ _ _ _ RU ltac:(eassumption) PU) as [_ RU']. edestruct (QS _ _ _ _ QL ltac:(eassumption) PL) as [_ QL'].
      split; [exact Logic.I |]. eexists _, _. split; [exact RU' |]. split; [exact QL' |]. at_each_byte G. now constructor.
    - edestruct (RS _ _ _ _ RU ltac:(eassumption) Logic.I) as [(K1 & K2 & K3) RU']. destruct (I _ K3) as [KW KL].
      edestruct (QS _ _ _ _ QL ltac:(eassumption)) as [_ QL']; [simpl; eauto |].
      eexists _, _. split; [exact RU' |]. split; [exact QL' |]. at_each_byte G. rewrite (KW _ J0). constructor.
    - edestruct (QS _ _ _ _ QL ltac:(eassumption) Logic.I) as [(K1 & K2 & K3) QL']. destruct (J _ K3) as [KW KU].
      edestruct (RS _ _ _ _ RU ltac:(eassumption)) as [_ RU']; [simpl; eauto |].
      eexists _, _. split; [exact RU' |]. split; [exact QL' |]. at_each_byte G. rewrite (KW _ J0). constructor.
    - exists u, l. split; [| auto]. exact (RS _ _ _ _ RU ltac:(eassumption)).
    - exists u, l. split; [auto |]. split; [| auto]. exact (QS _ _ _ _ QL ltac:(eassumption)).
  Qed.
End Join.
