(* ForkPort and its BranchPorts as a module with an interface below and one for each branch. Definitions; what is proved of it
   is in Forks.v.

   A fork has queues, one for each way that a buffer can go through it, and books: which live buffers bear the note of a branch
   (LeaseNotes), how many were lent to each and not taken back (lentCount), and what the account of each branch says of those
   that came or went past the fork (FarSide.change), now and when it was looked at last.

   A call is as many steps as it handles packets, or empty buffers: `deliver` lends packets one after the other for as long as
   the branch may have more and has room, which is what it would do with each by itself. A refused call is no event; what it has
   done nevertheless, ending the leases of the packet that it refused, is a step that nobody sees (`refused`).

   A buffer is named here by its bytes. That it bears at most one note of the fork is not assumed: the first counts, as in
   `firstLease`. *)

From Coq Require Import List Bool ZArith Lia.
From CleanQ Require Export Trees.
Import ListNotations.

Inductive site := Below | User (i : nat).

(* The ways through a fork; each is a queue of runs, except that Received, Transmitted and so on hold one burst at most. *)
Inductive path :=
| Received (i : nat)      (* from below to the branch i: inbox *)
| Transmitted (i : nat)   (* from the branch i down: outbox *)
| Sent (i : nat)          (* buffers of what the branch i transmitted, back to it: sent *)
| Primed (i : nat)        (* empty buffers for the device of the branch i, at the start: priming *)
| Emptied (i : nat)       (* empty buffers from the branch i down: emptied *)
| Returned.               (* dropped, unclaimed, or lost: returned *)

Definition path_dec (p q : path) : {p = q} + {p <> q}.
Proof. decide equality; apply Nat.eq_dec. Defined.

Definition from (p : path) : site :=
  match p with Received _ | Sent _ | Primed _ | Returned => Below | Transmitted i | Emptied i => User i end.
Definition to (p : path) : site :=
  match p with Received i | Sent i | Primed i => User i | Transmitted _ | Emptied _ | Returned => Below end.

Definition run := list buffer.
Definition queues := path -> list run.

Definition queued (q : queues) (p : path) : list byte := flat_map all_bytes (q p).
Definition buffer_count (rs : list run) : nat := length (concat rs).

Definition change_queue (p : path) (rs : list run) (q : queues) : queues := fun p' => if path_dec p' p then rs else q p'.
Definition append (p : path) (rs : list run) (q : queues) : queues := change_queue p (q p ++ rs) q.

(* A buffer that goes back by itself. *)
Definition alone (b : buffer) : run :=
  [{| home := home b; offset := offset b; size := size b; valid_offset := valid_offset b; valid_size := valid_size b;
      is_last := true |}].

(* ---- Books ---- *)

Record books := {
  leases : list (list byte * nat);  (* the live buffers that bear a note, each with its branch *)
  lent : nat -> Z;                  (* BranchState.lentCount *)
  change : nat -> Z;                (* BranchState.change: what FarSide said when it was asked last *)
  actual : nat -> Z;                (* what it would say now *)
  to_prime : nat -> nat;            (* BranchState.primeCount *)
  splits : nat -> nat               (* not in the code: how often buffers of the branch were split *)
}.

Definition set {A} (f : nat -> A) (i : nat) (a : A) : nat -> A := fun j => if j =? i then a else f j.
Arguments set : simpl never.

Definition extent_dec := list_eq_dec byte_dec.

(* firstLease *)
Fixpoint note (l : list (list byte * nat)) (b : list byte) : option nat :=
  match l with [] => None | (c, i) :: l => if extent_dec c b then Some i else note l b end.
Fixpoint unnote (l : list (list byte * nat)) (b : list byte) : list (list byte * nat) :=
  match l with [] => [] | (c, i) :: l => if extent_dec c b then l else (c, i) :: unnote l b end.

(* The live buffers that bear the note of a branch: what it holds, with what it has sent and is not completed yet. *)
Definition held (k : books) (i : nat) : nat := length (filter (fun e => snd e =? i) (leases k)).

Definition with_leases (k : books) l v :=
  {| leases := l; lent := v; change := change k; actual := actual k; to_prime := to_prime k; splits := splits k |}.

(* lend, takeBackStale, settle *)
Definition lend (i : nat) (k : books) (b : buffer) : books :=
  with_leases k ((bytes b, i) :: leases k) (set (lent k) i (lent k i + 1)%Z).
Definition take_back (k : books) (b : buffer) : books :=
  match note (leases k) (bytes b) with
  | Some i => with_leases k (unnote (leases k) (bytes b)) (set (lent k) i (lent k i - 1)%Z)
  | None => k
  end.
Definition settle (i : nat) (k : books) (b : buffer) : books :=
  match note (leases k) (bytes b) with Some j => if j =? i then take_back k b else k | None => k end.

Definition with_prime (k : books) (i n : nat) :=
  {| leases := leases k; lent := lent k; change := change k; actual := actual k; to_prime := set (to_prime k) i n;
     splits := splits k |}.

(* What users do to buffers that are lent to them, past the fork: the accounts are told (FarSide), the fork is not. *)
Inductive past_the_fork (i : nat) : books -> books -> Prop :=
| splits_buffer k a b front back : leases k = front ++ (a ++ b, i) :: back ->
    past_the_fork i k {| leases := front ++ (a, i) :: (b, i) :: back; lent := lent k; change := change k;
      actual := set (actual k) i (actual k i + 1)%Z; to_prime := to_prime k; splits := set (splits k) i (S (splits k i)) |}
| joins_buffers k a b front back : leases k = front ++ (a, i) :: (b, i) :: back ->
    past_the_fork i k {| leases := front ++ (a ++ b, i) :: back; lent := lent k; change := change k;
      actual := set (actual k) i (actual k i - 1)%Z; to_prime := to_prime k; splits := splits k |}
| releases_buffer k a front back : leases k = front ++ (a, i) :: back ->
    past_the_fork i k {| leases := front ++ back; lent := lent k; change := change k;
      actual := set (actual k) i (actual k i - 1)%Z; to_prime := to_prime k; splits := splits k |}.

(* `advance` looks at the account of a branch. *)
Definition recount (k : books) (i : nat) : books :=
  {| leases := leases k; lent := lent k; change := set (change k) i (actual k i); actual := actual k; to_prime := to_prime k;
     splits := splits k |}.

(* ---- The fork ---- *)

Record fork := { table : buffer -> option nat; ways : queues; account : books }.

Section Fork.
  Variable capacity : nat.        (* Burst.capacity *)
  Variable limit : nat -> nat.    (* BranchState.limit: the branch's share, and on top of it what its own devices want *)
  Variable wanted : nat -> nat.   (* what its own devices want *)
  (* Whether n buffers may be lent to a branch: `lendable` below is what ships; Forks.v has mutants. *)
  Variable may_lend : books -> nat -> nat -> Prop.

  Definition lendable (k : books) (i n : nat) : Prop :=
    (Z.of_nat n <= Z.of_nat (limit i) - lent k i - change k i - Z.of_nat (to_prime k i))%Z.

  Definition room (q : queues) (p : path) (n : nat) : Prop := buffer_count (q p) + n <= capacity.

  (* A step, and the way by which what is taken will go, or by which what is given has come. *)
  Inductive forks : fork -> option (event site) -> option path -> fork -> Prop :=
  (* transmit: a packet goes to the branch that claims it, its leases of before ended; to no branch, or to one that has its
     share, or no room, it ends. *)
  | delivers t q k k' b p i : t b = Some i -> k' = fold_left take_back (b :: p) k ->
      may_lend k' i (length (b :: p)) -> room q (Received i) (length (b :: p)) ->
      forks {| table := t; ways := q; account := k |} (Some (Take Below (b :: p))) (Some (Received i))
        {| table := t; ways := append (Received i) [b :: p] q; account := fold_left (lend i) (b :: p) k' |}
  | ends t q k k' b p : k' = fold_left take_back (b :: p) k ->
      (forall i, t b = Some i -> ~ may_lend k' i (length (b :: p)) \/ ~ room q (Received i) (length (b :: p))) ->
      room q Returned (length (b :: p)) ->
      forks {| table := t; ways := q; account := k |} (Some (Take Below (b :: p))) (Some Returned)
        {| table := t; ways := append Returned (map alone (b :: p)) q; account := k' |}
  | refused t q k b :
      forks {| table := t; ways := q; account := k |} None None {| table := t; ways := q; account := take_back k b |}
  (* fill: to the branch that sent the buffer; without room there it is lost to the branch. One that no branch has goes to a
     device that still wants some, or back. *)
  | fills t q k b i : note (leases k) (bytes b) = Some i -> room q (Sent i) 1 ->
      forks {| table := t; ways := q; account := k |} (Some (Take Below [b])) (Some (Sent i))
        {| table := t; ways := append (Sent i) [alone b] q; account := k |}
  | fills_lost t q k b i : note (leases k) (bytes b) = Some i -> ~ room q (Sent i) 1 -> room q Returned 1 ->
      forks {| table := t; ways := q; account := k |} (Some (Take Below [b])) (Some Returned)
        {| table := t; ways := append Returned [alone b] q; account := take_back k b |}
  | primes t q k b i n : note (leases k) (bytes b) = None -> to_prime k i = S n -> room q Returned 1 ->
      forks {| table := t; ways := q; account := k |} (Some (Take Below [b])) (Some (Primed i))
        {| table := t; ways := append (Primed i) [alone b] q; account := lend i (with_prime k i n) b |}
  | primes_refused t q k b i n : note (leases k) (bytes b) = None -> to_prime k i = S n -> room q Returned 1 ->
      forks {| table := t; ways := q; account := k |} (Some (Take Below [b])) (Some Returned)
        {| table := t; ways := append Returned [alone b] q; account := take_back (lend i (with_prime k i n) b) b |}
  | fills_unwanted t q k b : note (leases k) (bytes b) = None -> (forall i, to_prime k i = 0) -> room q Returned 1 ->
      forks {| table := t; ways := q; account := k |} (Some (Take Below [b])) (Some Returned)
        {| table := t; ways := append Returned [alone b] q; account := k |}
  (* receive: whole packets of the branches; of an answer the lease ends here (`replies`), since it does not come back. *)
  | collects t q k i p rest replies : q (Transmitted i) = p :: rest ->
      forks {| table := t; ways := q; account := k |} (Some (Give Below p)) (Some (Transmitted i))
        {| table := t; ways := change_queue (Transmitted i) rest q; account := fold_left take_back (filter replies p) k |}
  (* complete *)
  | returns t q k p rest : q Returned = p :: rest ->
      forks {| table := t; ways := q; account := k |} (Some (Give Below p)) (Some Returned)
        {| table := t; ways := change_queue Returned rest q; account := k |}
  | takes_back t q k i p rest : q (Emptied i) = p :: rest ->
      forks {| table := t; ways := q; account := k |} (Some (Give Below p)) (Some (Emptied i))
        {| table := t; ways := change_queue (Emptied i) rest q; account := fold_left (settle i) p k |}
  (* BranchPort's receive, complete, transmit and fill; and the device at the right end of a branch is given what is for it. *)
  | branch_gives t q k i w p rest : In w [Received i; Sent i; Primed i] -> q w = p :: rest ->
      forks {| table := t; ways := q; account := k |} (Some (Give (User i) p)) (Some w)
        {| table := t; ways := change_queue w rest q; account := k |}
  | branch_takes t q k i w p : In w [Transmitted i; Emptied i] -> room q w (length p) ->
      forks {| table := t; ways := q; account := k |} (Some (Take (User i) p)) (Some w)
        {| table := t; ways := append w [p] q; account := k |}
  (* Set-up, claims that are made and withdrawn, and what happens past the fork. *)
  | registers s l : forks s (Some (Register Below l)) None s
  | deregisters s l : forks s (Some (Deregister Below l)) None s
  | claims t t' q k : forks {| table := t; ways := q; account := k |} None None {| table := t'; ways := q; account := k |}
  | passes t q k k' i : past_the_fork i k k' ->
      forks {| table := t; ways := q; account := k |} None None {| table := t; ways := q; account := k' |}
  | recounts t q k i :
      forks {| table := t; ways := q; account := k |} None None {| table := t; ways := q; account := recount k i |}.

  Definition opened : fork := {|
    table := fun _ => None; ways := fun _ => [];
    account := {| leases := []; lent := fun _ => 0%Z; change := fun _ => 0%Z; actual := fun _ => 0%Z; to_prime := wanted;
                  splits := fun _ => 0 |}
  |}.

  Definition fork_port : module site :=
    {| state := fork; start := opened; step := fun s e s' => exists way, forks s e way s' |}.
End Fork.
