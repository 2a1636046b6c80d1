(* Modules, what it is for one to conform, and stacks of two: the definitions that Composition.v is about.

   A module is a queue built on a queue: it has an interface above and one below (StackedPort, `lower`). What a module may
   do is stated byte by byte by a ledger of who has what: the user above, the side below, or the module itself, which has
   two sequences, one on its way down and one on its way up.

   Assumed: the environment is honest, that is, the user above enqueues only bytes that it owns, the side below hands up
   only bytes that were handed down to it, and regions are registered from above, fresh, and deregistered only with every
   byte above. In a stack the middle interface needs no such assumption: each module is the other's environment, and that
   they are honest to each other is proved.

   What is handed over, at either interface, is a whole run. A dequeue that takes buffers one by one takes a run apart; that
   its buffers then follow each other is Sequences.first_in_first_out.

   Not covered: liveness (a module that never does anything conforms), flags other than LAST and the valid parts of buffers (a
   module may rewrite them; ownership is per byte), capacity, and registration from below. A refused operation is no event. *)

From Coq Require Import List Bool Lia Permutation.
From CleanQ Require Export Sets.
Import ListNotations.

(* ---- What happens at the two interfaces of a module ---- *)

(* What is handed over is a run, the buffers of one packet, of which the last one and no other carries LAST. *)
Inductive event :=
| EnqueueAbove (p : list buffer)  (* the user hands the run p to the module *)
| DequeueAbove (p : list buffer)  (* the module hands p to the user *)
| EnqueueBelow (p : list buffer)  (* the module hands p to the queue below *)
| DequeueBelow (p : list buffer)  (* the queue below hands p to the module *)
| Register (l : list byte)        (* passes through the module: both interfaces see it *)
| Deregister (l : list byte).

(* What is outside of a module: K, the bytes owned above, the bytes below. *)
Record account := { known : byte -> bool; above : byte -> bool; below : byte -> bool }.

(* With what is inside, the oldest first: bytes on the way down, bytes on the way up. *)
Record world := { outside : account; down : list byte; up : list byte }.

Definition inside (w : world) : list byte := down w ++ up w.

Definition no_account : account := {| known := fun _ => false; above := fun _ => false; below := fun _ => false |}.
Definition empty_world : world := {| outside := no_account; down := []; up := [] |}.

(* What the environment has to keep to. *)
Definition permitted (a : account) (e : event) : Prop :=
  match e with
  | EnqueueAbove p => is_run p = true /\ NoDup (all_bytes p) /\ forall x, In x (all_bytes p) -> above a x = true
  | DequeueBelow p => is_run p = true /\ NoDup (all_bytes p) /\ forall x, In x (all_bytes p) -> below a x = true
  | Register l => forall x, In x l -> known a x = false
  | Deregister l => forall x, In x l -> above a x = true
  | DequeueAbove _ | EnqueueBelow _ => True
  end.

Definition move (a : account) (e : event) : account :=
  match e with
  | EnqueueAbove p => {| known := known a; above := minus (above a) (all_bytes p); below := below a |}
  | DequeueAbove p => {| known := known a; above := plus (above a) (all_bytes p); below := below a |}
  | EnqueueBelow p => {| known := known a; above := above a; below := plus (below a) (all_bytes p) |}
  | DequeueBelow p => {| known := known a; above := above a; below := minus (below a) (all_bytes p) |}
  | Register l => {| known := plus (known a) l; above := plus (above a) l; below := below a |}
  | Deregister l => {| known := minus (known a) l; above := minus (above a) l; below := below a |}
  end.

(* What the module has to keep to: what it gives out is a whole run, and the oldest that it has in that direction. *)
Definition effect (w : world) (e : event) (w' : world) : Prop :=
  outside w' = move (outside w) e /\
  match e with
  | EnqueueAbove p => down w' = down w ++ all_bytes p /\ up w' = up w
  | DequeueAbove p => is_run p = true /\ down w' = down w /\ up w = all_bytes p ++ up w'
  | EnqueueBelow p => is_run p = true /\ down w = all_bytes p ++ down w' /\ up w' = up w
  | DequeueBelow p => down w' = down w /\ up w' = up w ++ all_bytes p
  | Register _ | Deregister _ => down w' = down w /\ up w' = up w
  end.

Record module := {
  state : Type;
  start : state;
  (* None: a step that nobody sees. *)
  step : state -> option event -> state -> Prop
}.

Section Composition.
  (* Whether modules may turn bytes round: hand a packet back that they do not send (a drop), or answer one that they do not
     deliver (an echo). All theorems hold for either. Without turns order is strict in both directions. With turns I1, I2 and
     "no byte twice" hold, but no order is claimed: bytes that turn twice may come back at another place. *)
  Variable turns : bool.

  (* Inside a module, unseen: some bytes on the way down turn round, or some on the way up. Splitting and merging buffers
     changes no byte's place and needs no step. *)
  Inductive silent (w : world) : world -> Prop :=
  | silent_same : silent w w
  | silent_down a x c d e v :
      turns = true -> silent w v -> down v = a ++ x ++ c -> up v = d ++ e ->
      silent w {| outside := outside v; down := a ++ c; up := d ++ x ++ e |}
  | silent_up a c d x e v :
      turns = true -> silent w v -> down v = a ++ c -> up v = d ++ x ++ e ->
      silent w {| outside := outside v; down := a ++ x ++ c; up := d ++ e |}.

  (* A module conforms when a relation between its states and ledgers holds at the start and is kept: every step of the
     module is, as long as the environment keeps to what it has to, a step of the ledger. *)
  Definition simulates (M : module) (R : state M -> world -> Prop) : Prop :=
    R (start M) empty_world /\
    forall s w e s', R s w -> step M s e s' ->
      match e with
      | None => exists w', silent w w' /\ R s' w'
      | Some e => permitted (outside w) e -> exists v w', silent w v /\ effect v e w' /\ R s' w'
      end.

  Definition conforms (M : module) : Prop := exists R, simulates M R.

  (* ---- The stack of two modules ---- *)

  (* M on N: what M gives down is what N takes from above, and the reverse, unseen from outside; registration passes through
     both. *)
  Inductive stack_step (M N : module) : state M * state N -> option event -> state M * state N -> Prop :=
  | upper_takes s s' t p :
      step M s (Some (EnqueueAbove p)) s' -> stack_step M N (s, t) (Some (EnqueueAbove p)) (s', t)
  | upper_gives s s' t p :
      step M s (Some (DequeueAbove p)) s' -> stack_step M N (s, t) (Some (DequeueAbove p)) (s', t)
  | lower_gives s t t' p :
      step N t (Some (EnqueueBelow p)) t' -> stack_step M N (s, t) (Some (EnqueueBelow p)) (s, t')
  | lower_takes s t t' p :
      step N t (Some (DequeueBelow p)) t' -> stack_step M N (s, t) (Some (DequeueBelow p)) (s, t')
  | both_register s s' t t' l :
      step M s (Some (Register l)) s' -> step N t (Some (Register l)) t' ->
      stack_step M N (s, t) (Some (Register l)) (s', t')
  | both_deregister s s' t t' l :
      step M s (Some (Deregister l)) s' -> step N t (Some (Deregister l)) t' ->
      stack_step M N (s, t) (Some (Deregister l)) (s', t')
  | pass_down s s' t t' p :
      step M s (Some (EnqueueBelow p)) s' -> step N t (Some (EnqueueAbove p)) t' ->
      stack_step M N (s, t) None (s', t')
  | pass_up s s' t t' p :
      step M s (Some (DequeueBelow p)) s' -> step N t (Some (DequeueAbove p)) t' ->
      stack_step M N (s, t) None (s', t')
  | upper_alone s s' t : step M s None s' -> stack_step M N (s, t) None (s', t)
  | lower_alone s t t' : step N t None t' -> stack_step M N (s, t) None (s, t').

  Definition stack (M N : module) : module :=
    {| state := state M * state N; start := (start M, start N); step := stack_step M N |}.

  (* ---- What conforming means for what can be seen ---- *)

  (* An execution in an honest environment: the events so far, and the account that follows from them alone. *)
  Inductive execution (M : module) : state M -> list event -> account -> Prop :=
  | execution_start : execution M (start M) [] no_account
  | execution_unseen s es a s' : execution M s es a -> step M s None s' -> execution M s' es a
  | execution_event s es a e s' :
      execution M s es a -> permitted a e -> step M s (Some e) s' -> execution M s' (es ++ [e]) (move a e).

  (* What went in and what came out, byte by byte, in order, downwards and upwards. *)
  Definition down_in (es : list event) := flat_map (fun e => match e with EnqueueAbove p => all_bytes p | _ => [] end) es.
  Definition down_out (es : list event) := flat_map (fun e => match e with EnqueueBelow p => all_bytes p | _ => [] end) es.
  Definition up_in (es : list event) := flat_map (fun e => match e with DequeueBelow p => all_bytes p | _ => [] end) es.
  Definition up_out (es : list event) := flat_map (fun e => match e with DequeueAbove p => all_bytes p | _ => [] end) es.

  Definition in_order (es : list event) (w : world) : Prop :=
    down_in es = down_out es ++ down w /\ up_in es = up_out es ++ up w.

  (* What went in, in either direction, is what came out and what is inside. *)
  Definition in_balance (es : list event) (w : world) : Prop :=
    Permutation (down_in es ++ up_in es) (down_out es ++ up_out es ++ inside w).

End Composition.
