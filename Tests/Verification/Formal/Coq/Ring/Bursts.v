(* Bursts: what RingLink does with many buffers at once is what it does with one after the other, and runs of buffers
   (packets that span buffers; the last carries LAST) go whole or not at all. *)

From Coq Require Import List Arith Bool Lia.
From CleanQ Require Import Sets Fifo Ring.
Import ListNotations.

(* ---- On the ring: one publication, or one for each buffer ---- *)

Section RingBursts.
  Context {A : Type}.
  Variables k m : nat.
  Hypothesis spare : m < k.

  (* RingLink.enqueue(_ burst:): all writes, then one publication. *)
  Definition enqueue_burst (r : ring A) (xs : list A) : ring A := publish k (write_all k m r 0 xs) (length xs).

  (* RingLink.dequeue(into:): all reads, then one publication. *)
  Definition dequeue_burst (r : ring A) (room : nat) : ring A * list A :=
    let count := min (available k r) room in
    (give_back k r count, map (read k m r) (seq 0 count)).

  Lemma write_all_after_publish xs : forall (r : ring A) c i,
    write_all k m (publish k r c) i xs = publish k (write_all k m r (c + i) xs) c.
  Proof.
    induction xs as [| x xs IH]; simpl; intros r c i; [reflexivity |].
    replace (write k m (publish k r c) i x) with (publish k (write k m r (c + i) x) c)
      by (unfold write, publish; simpl; now rewrite (add_add k)).
    rewrite IH. now rewrite <- plus_n_Sm.
  Qed.

  (* A burst of n buffers that fit is n single enqueues: the same ring, down to every slot, and each accepted. *)
  Theorem enqueue_burst_is_steps xs : forall (r : ring A) q,
    holds k m r q -> length q + length xs <= slot_count m ->
    ring_run k m r (map Enqueue xs) = (enqueue_burst r xs, map Accepted xs).
  Proof.
    unfold enqueue_burst. induction xs as [| x xs IH]; intros r q H F.
    - simpl. unfold publish. destruct H as (_ & H & _).
      rewrite (add_zero k) by (rewrite H; now apply add_bounded). now destruct r.
    - simpl in F. simpl. rewrite (holds_free k m spare _ _ H).
      destruct (Nat.ltb_spec 0 (slot_count m - length q)); [| lia].
      assert (H' : holds k m (publish k (write k m r 0 x) 1) (q ++ [x]))
        by (apply (holds_publish k m spare r q [x] H); simpl; lia).
      rewrite (IH _ _ H') by (rewrite app_length; simpl; lia).
      rewrite write_all_after_publish. simpl. f_equal. unfold publish. simpl. now rewrite (add_add k).
  Qed.

  Lemma read_after_give_back (r : ring A) c i : read k m (give_back k r c) i = read k m r (c + i).
  Proof. unfold read. simpl. now rewrite (add_add k). Qed.

  Lemma dequeues (count : nat) : forall (r : ring A) q,
    holds k m r q -> count <= length q ->
    ring_run k m r (repeat Dequeue count) =
      (give_back k r count, map Took (map (read k m r) (seq 0 count))).
  Proof.
    induction count as [| count IH]; intros r q H C.
    - simpl. unfold give_back. destruct H as (T & _). rewrite (add_zero k) by exact T. now destruct r.
    - simpl. rewrite (holds_available k m spare _ _ H). destruct (Nat.ltb_spec 0 (length q)); [| lia].
      pose proof (holds_give_back k m spare r q 1 H ltac:(lia)) as H'.
      rewrite (IH _ _ H') by (rewrite skipn_length; lia). f_equal.
      + unfold give_back. simpl. now rewrite (add_add k).
      + f_equal. rewrite <- seq_shift, !map_map. apply map_ext. intros i. now rewrite read_after_give_back.
  Qed.

  (* Taking a burst of up to `room` buffers is that many single dequeues, or as many as there are: the same ring, the same
     buffers in the same order. *)
  Theorem dequeue_burst_is_steps (r : ring A) q room :
    holds k m r q ->
    let (r', xs) := dequeue_burst r room in
    ring_run k m r (repeat Dequeue (min (length q) room)) = (r', map Took xs) /\
    xs = firstn room q /\ holds k m r' (skipn room q).
  Proof.
    intros H. unfold dequeue_burst. rewrite (holds_available k m spare _ _ H). split; [| split].
    - apply (dequeues _ _ q H). lia.
    - rewrite (holds_contents k m spare _ _ H) at 2. rewrite (holds_available k m spare _ _ H), firstn_map. f_equal.
      generalize 0. generalize (length q) as n. clear. intros n. revert room.
      induction n as [| n IH]; intros [| room] i; simpl; try reflexivity. now rewrite IH.
    - replace (skipn room q) with (skipn (min (length q) room) q).
      + apply holds_give_back; auto. lia.
      + destruct (le_lt_dec (length q) room).
        * rewrite Nat.min_l by assumption. now rewrite !skipn_all2.
        * now rewrite Nat.min_r by lia.
  Qed.

  (* A dequeued burst cannot tell two rings apart that differ outside [tail, head) only: no other slot is read. *)
  Theorem dequeue_burst_reads_inside (r s : ring A) room :
    same_inside k m r s -> snd (dequeue_burst r room) = snd (dequeue_burst s room).
  Proof.
    intros (H & T & S). unfold dequeue_burst. simpl.
    assert (E : available k s = available k r) by (unfold available; now rewrite H, T).
    rewrite E. apply map_ext_in. intros i I. apply in_seq in I. apply S. lia.
  Qed.
End RingBursts.

(* ---- Which buffers of a burst are taken ---- *)

Section Runs.
  (* Whether the buffer's region is registered: RegionTable.contains. *)
  Variable known : buffer -> bool.

  (* RingLink.enqueue(_ burst:): `known` stops at the first buffer of an unknown region... *)
  Fixpoint known_prefix (bs : list buffer) : list buffer :=
    match bs with
    | [] => []
    | b :: rest => if known b then b :: known_prefix rest else []
    end.

  (* ... and `taken` goes back to the last buffer that carries LAST. *)
  Fixpoint whole_runs (bs : list buffer) : list buffer :=
    match bs with
    | [] => []
    | b :: rest =>
        match whole_runs rest with
        | [] => if is_last b then [b] else []
        | taken => b :: taken
        end
    end.

  (* What is taken from a burst when `room` slots are free. *)
  Definition taken_of (room : nat) (bs : list buffer) : list buffer := whole_runs (known_prefix (firstn room bs)).

  (* The same run by run: the first run is enqueued if it is complete, known and fits, whole; then the next; the first that
     cannot be ends it. *)
  Definition acceptable (room : nat) (run : list buffer) : Prop :=
    is_run run = true /\ forallb known run = true /\ length run <= room.

  Inductive run_by_run : nat -> list buffer -> list buffer -> Prop :=
  | run_stops room bs :
      (forall run rest, bs = run ++ rest -> ~ acceptable room run) -> run_by_run room bs []
  | run_taken room run rest taken :
      acceptable room run -> run_by_run (room - length run) rest taken ->
      run_by_run room (run ++ rest) (run ++ taken).

  Lemma whole_runs_after run bs : is_run run = true -> whole_runs (run ++ bs) = run ++ whole_runs bs.
  Proof.
    induction run as [| b [| c run] IH]; intros R; [discriminate | |].
    - simpl in *. rewrite R. now destruct (whole_runs bs).
    - cbn [is_run] in R. apply andb_true_iff in R. destruct R as [_ R]. specialize (IH R).
      change (whole_runs ((b :: c :: run) ++ bs)) with
        (match whole_runs ((c :: run) ++ bs) with [] => if is_last b then [b] else [] | taken => b :: taken end).
      now rewrite IH.
  Qed.

  Lemma whole_runs_first bs : whole_runs bs <> [] -> exists run rest, bs = run ++ rest /\ is_run run = true.
  Proof.
    induction bs as [| b bs IH]; simpl; [congruence |]. intros N. destruct (is_last b) eqn:L.
    - exists [b], bs. auto.
    - destruct (whole_runs bs) as [| c taken]; [congruence |].
      destruct IH as (run & rest & -> & R); [discriminate |]. exists (b :: run), rest. split; [reflexivity |].
      cbn [is_run]. destruct run; [discriminate R |]. now rewrite L.
  Qed.

  Lemma known_prefix_after run bs : forallb known run = true -> known_prefix (run ++ bs) = run ++ known_prefix bs.
  Proof.
    induction run as [| b run IH]; simpl; [auto |]. rewrite andb_true_iff. intros [-> R]. now rewrite IH.
  Qed.

  Lemma known_prefix_split bs : exists rest, bs = known_prefix bs ++ rest /\ forallb known (known_prefix bs) = true.
  Proof.
    induction bs as [| b bs (rest & E & F)]; simpl; [exists []; auto |].
    destruct (known b) eqn:K; simpl; [| eauto]. exists rest. rewrite K, F. split; [now rewrite <- E | reflexivity].
  Qed.

  Lemma taken_after room run bs :
    acceptable room run -> taken_of room (run ++ bs) = run ++ taken_of (room - length run) bs.
  Proof.
    intros (R & K & L). unfold taken_of. rewrite firstn_app, firstn_all2 by exact L.
    now rewrite known_prefix_after, whole_runs_after.
  Qed.

  Lemma taken_first room bs :
    taken_of room bs <> [] -> exists run rest, bs = run ++ rest /\ acceptable room run.
  Proof.
    unfold taken_of. intros N. apply whole_runs_first in N. destruct N as (run & rest & E & R).
    destruct (known_prefix_split (firstn room bs)) as (rest' & E' & F). rewrite E in E', F.
    exists run, ((rest ++ rest') ++ skipn room bs). split.
    - rewrite app_assoc, (app_assoc run), <- E'. symmetry. apply firstn_skipn.
    - rewrite forallb_app, andb_true_iff in F. repeat split; [exact R | apply F |].
      apply (f_equal (@length _)) in E'. rewrite firstn_length, !app_length in E'. lia.
  Qed.

  (* One burst takes exactly what enqueueing run by run takes, whole runs and no part of one. *)
  Theorem burst_is_run_by_run room bs taken :
    run_by_run room bs taken <-> taken = taken_of room bs.
  Proof.
    split.
    - induction 1 as [room bs N | room run rest taken R _ IH].
      + destruct (taken_of room bs) eqn:T; [reflexivity |]. exfalso.
        destruct (taken_first room bs) as (run & rest & E & R); [now rewrite T |]. exact (N _ _ E R).
      + rewrite taken_after by exact R. now rewrite IH.
    - intros ->. remember (length bs) as n eqn:L. revert room bs L.
      induction n as [n IH] using lt_wf_ind. intros room bs L.
      destruct (taken_of room bs) eqn:T.
      + apply run_stops. intros run rest -> R. rewrite taken_after in T by exact R.
        apply app_eq_nil in T. destruct T as [-> _]. destruct R as [R _]. discriminate R.
      + rewrite <- T. destruct (taken_first room bs) as (run & rest & -> & R); [now rewrite T |].
        rewrite taken_after by exact R. apply run_taken; [exact R |].
        apply (IH (length rest)); [| reflexivity]. rewrite L, app_length.
        destruct R as [R _]. destruct run; [discriminate R | simpl; lia].
  Qed.

  (* What is not taken stays in the burst, in order: the taken buffers are a prefix of it, and no more than fit. *)
  Theorem burst_keeps_the_rest room bs :
    length (taken_of room bs) <= room /\ exists rest, bs = taken_of room bs ++ rest.
  Proof.
    pose proof (proj2 (burst_is_run_by_run room bs _) eq_refl) as H.
    induction H as [room bs | room run rest taken (_ & _ & L) _ [IHL [rest' E]]].
    - split; [simpl; lia | now exists bs].
    - rewrite app_length. split; [lia |]. exists rest'. rewrite <- app_assoc. now f_equal.
  Qed.
End Runs.

(* ---- Both together ---- *)

(* RingLink.enqueue(_ burst:) on a ring that holds q: the ring becomes what single enqueues of the taken buffers make it,
   none of them is refused, and the ring then holds q and behind it the taken runs. *)
Theorem ring_burst_is_single_steps k m known (r : ring buffer) q burst :
  m < k -> holds k m r q ->
  let taken := taken_of known (free k m r) burst in
  ring_run k m r (map Enqueue taken) = (enqueue_burst k m r taken, map Accepted taken) /\
  run_by_run known (free k m r) burst taken /\
  holds k m (enqueue_burst k m r taken) (q ++ taken).
Proof.
  intros S H taken.
  assert (F : length q + length taken <= slot_count m).
  { destruct (burst_keeps_the_rest known (free k m r) burst) as [L _]. fold taken in L.
    rewrite (holds_free k m S _ _ H) in L. destruct H as (_ & _ & B & _). lia. }
  split; [| split].
  - now apply (enqueue_burst_is_steps k m S taken r q).
  - now apply burst_is_run_by_run.
  - now apply (holds_publish k m S).
Qed.
