(* One direction of a queue as a sequence: what every implementation of it is compared with.

   A direction holds at most `capacity` elements; elements leave in the order in which they came. The theorem at the end
   says so for every history: what was accepted is what was taken followed by what is still there, in order. *)

From Coq Require Import List Arith Lia.
Import ListNotations.

Section Fifo.
  Context {A : Type}.
  Variable capacity : nat.

  (* Hands one element over; None where the direction is full. RingLink.enqueue(_ buffer:). *)
  Definition enqueue (q : list A) (x : A) : option (list A) :=
    if length q <? capacity then Some (q ++ [x]) else None.

  (* Takes the oldest element; None where there is none. RingLink.dequeue(). *)
  Definition dequeue (q : list A) : option (A * list A) :=
    match q with
    | [] => None
    | x :: rest => Some (x, rest)
    end.

  (* Hands several elements over, all of them or none. *)
  Definition enqueue_all (q : list A) (xs : list A) : option (list A) :=
    if length q + length xs <=? capacity then Some (q ++ xs) else None.

  (* Takes as many elements as are there, at most `room`. RingLink.dequeue(into:). *)
  Definition dequeue_many (q : list A) (room : nat) : list A * list A := (firstn room q, skipn room q).

  (* One call from outside, and what it answers. *)
  Inductive call := Enqueue (x : A) | Dequeue.
  Inductive answer := Accepted (x : A) | Full (x : A) | Took (x : A) | Empty.

  Definition step (q : list A) (c : call) : list A * answer :=
    match c with
    | Enqueue x => match enqueue q x with Some q' => (q', Accepted x) | None => (q, Full x) end
    | Dequeue => match dequeue q with Some (x, q') => (q', Took x) | None => (q, Empty) end
    end.

  (* All calls of a history, one after the other. *)
  Fixpoint run (q : list A) (calls : list call) : list A * list answer :=
    match calls with
    | [] => (q, [])
    | c :: rest =>
        let (q', a) := step q c in
        let (q'', answers) := run q' rest in
        (q'', a :: answers)
    end.

  (* The elements that a history accepted, and those that it gave out, each in order. *)
  Definition accepted (answers : list answer) : list A :=
    flat_map (fun a => match a with Accepted x => [x] | _ => [] end) answers.
  Definition taken (answers : list answer) : list A :=
    flat_map (fun a => match a with Took x => [x] | _ => [] end) answers.

  Lemma step_conserves q c q' a :
    step q c = (q', a) -> q ++ accepted [a] = taken [a] ++ q'.
  Proof.
    destruct c as [x |]; simpl.
    - unfold enqueue. destruct (length q <? capacity); intros E; injection E as <- <-; simpl;
        now rewrite ?app_nil_r.
    - destruct q as [| x q]; simpl; intros E; injection E as <- <-; simpl; now rewrite ?app_nil_r.
  Qed.

  Lemma run_conserves calls : forall q q' answers,
    run q calls = (q', answers) -> q ++ accepted answers = taken answers ++ q'.
  Proof.
    induction calls as [| c calls IH]; simpl; intros q q' answers E.
    - injection E as <- <-. simpl. now rewrite app_nil_r.
    - destruct (step q c) as [q1 a] eqn:S, (run q1 calls) as [q2 rest] eqn:R.
      injection E as <- <-.
      apply step_conserves in S. apply IH in R.
      replace (accepted (a :: rest)) with (accepted [a] ++ accepted rest)
        by (unfold accepted; now rewrite <- flat_map_app).
      replace (taken (a :: rest)) with (taken [a] ++ taken rest)
        by (unfold taken; now rewrite <- flat_map_app).
      now rewrite app_assoc, S, <- app_assoc, R, app_assoc.
  Qed.

  (* I3, order: what was accepted is, in order, what was taken and then what is still in the queue. Nothing is lost,
     invented, repeated or overtaken. *)
  Theorem fifo_order calls q answers :
    run [] calls = (q, answers) -> accepted answers = taken answers ++ q.
  Proof. exact (run_conserves calls [] q answers). Qed.

  Lemma step_bounded q c q' a : length q <= capacity -> step q c = (q', a) -> length q' <= capacity.
  Proof.
    intros B. destruct c as [x |]; simpl.
    - unfold enqueue. destruct (Nat.ltb_spec (length q) capacity); intros E; injection E as <- <-;
        rewrite ?app_length; simpl; lia.
    - destruct q as [| x q]; simpl in *; intros E; injection E as <- <-; simpl; lia.
  Qed.

  (* I4, bound: a direction never holds more than its capacity. *)
  Theorem fifo_bounded calls : forall q q' answers,
    length q <= capacity -> run q calls = (q', answers) -> length q' <= capacity.
  Proof.
    induction calls as [| c calls IH]; simpl; intros q q' answers B E.
    - now injection E as <- <-.
    - destruct (step q c) as [q1 a] eqn:S, (run q1 calls) as [q2 rest] eqn:R. injection E as <- <-.
      exact (IH _ _ _ (step_bounded _ _ _ _ B S) R).
  Qed.
End Fifo.

Arguments call A : clear implicits.
Arguments answer A : clear implicits.
