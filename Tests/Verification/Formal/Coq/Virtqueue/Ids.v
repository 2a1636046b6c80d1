(* A device that names buffers by id: the ledger of a virtqueue, for chains of one descriptor.

   VirtqueueLedger keeps in private memory which ids are out, and with which buffer and how many bytes each. The device
   answers with ids and lengths, in shared memory, and may answer anything at any time: here a list of any pairs of numbers,
   and an index that is any number. Transcribed: VirtqueueLedger.takeID, giveID, enter, entry, takeSingle, takeAll;
   SplitRing.nextUsed; Virtqueue+Receive. Each element is one load of one word (id and length), which is checked and used as
   it was fetched: that is what makes it a pair here.

   Not here: chains of several descriptors (Chains.v), the packed ring's wrap marks (PackedRing.v), elements that stand for a
   batch (VIRTIO_F_IN_ORDER), and the addresses that are written for the device, to which no check comes back. *)

From Coq Require Import List Arith Lia Permutation.
Import ListNotations.

Section Ids.
  Context {buffer : Type}.
  (* VirtqueueLedger.size, and the values of an index. *)
  Variables size modulus : nat.

  Record ledger := {
    free : list nat;                        (* ids, the oldest first *)
    out : list (nat * (buffer * nat));      (* id, and the buffer with the bytes that the device may write *)
    faults : nat                            (* VirtqueueFaults *)
  }.

  Definition initial : ledger := {| free := seq 0 size; out := []; faults := 0 |}.

  (* postEmpty: the buffer goes out under the oldest free id; None where there is none, and it stays with the caller. *)
  Definition post (l : ledger) (b : buffer) (n : nat) : option ledger :=
    match free l with
    | [] => None
    | id :: rest => Some {| free := rest; out := (id, (b, n)) :: out l; faults := faults l |}
    end.

  Fixpoint remove (id : nat) (es : list (nat * (buffer * nat))) : option ((buffer * nat) * list (nat * (buffer * nat))) :=
    match es with
    | [] => None
    | (i, e) :: rest =>
        if Nat.eq_dec i id then Some (e, rest)
        else match remove id rest with Some (f, others) => Some (f, (i, e) :: others) | None => None end
    end.

  (* One used element. An id that the queue does not have, or that is not out, is counted; a length beyond what was given is
     counted, and the buffer comes back with no valid byte. *)
  Definition used (l : ledger) (id said : nat) : ledger * list (buffer * nat) :=
    match remove id (out l) with
    | None => ({| free := free l; out := out l; faults := S (faults l) |}, [])
    | Some ((b, n), others) =>
        if said <=? n then ({| free := free l ++ [id]; out := others; faults := faults l |}, [(b, said)])
        else ({| free := free l ++ [id]; out := others; faults := S (faults l) |}, [(b, 0)])
    end.

  Fixpoint used_all (l : ledger) (elements : list (nat * nat)) : ledger * list (buffer * nat) :=
    match elements with
    | [] => (l, [])
    | (id, said) :: rest =>
        let (l', got) := used l id said in
        let (l'', more) := used_all l' rest in (l'', got ++ more)
    end.

  (* One call: the index that was fetched is believed only as far as something is out, and no more elements are looked at
     than it says, nor than the call has room for. *)
  Definition reap (l : ledger) (next fetched room : nat) (elements : list (nat * nat)) : ledger * list (buffer * nat) :=
    let claimed := (fetched + modulus - next) mod modulus in
    if claimed <=? length (out l) then used_all l (firstn (min claimed room) elements)
    else ({| free := free l; out := out l; faults := S (faults l) |}, []).

  Inductive step : ledger -> list buffer -> list (buffer * nat) -> ledger -> Prop :=
  | step_post l b n l' : post l b n = Some l' -> step l [b] [] l'
  | step_reap l next fetched room elements l' got :
      reap l next fetched room elements = (l', got) -> step l [] got l'.

  (* A history: what was posted, and what came back. *)
  Inductive history : list buffer -> list (buffer * nat) -> ledger -> Prop :=
  | history_start : history [] [] initial
  | history_step posted back l p g l' : history posted back l -> step l p g l' -> history (posted ++ p) (back ++ g) l'.

  Definition buffers_out (l : ledger) : list buffer := map (fun e => fst (snd e)) (out l).

  (* ---- Proofs ---- *)

  (* Every id is free or out, and in one place. *)
  Definition ids (l : ledger) : list nat := free l ++ map fst (out l).

  Lemma remove_permutes id es : forall e others,
    remove id es = Some (e, others) -> Permutation es ((id, e) :: others).
  Proof.
    induction es as [| [i f] es IH]; simpl; intros e others E; [discriminate |].
    destruct (Nat.eq_dec i id) as [-> |]; [injection E as <- <-; reflexivity |].
    destruct (remove id es) as [[g rest] |]; [| discriminate]. injection E as <- <-.
    rewrite (IH g rest eq_refl). apply perm_swap.
  Qed.

  Lemma used_exact l id said l' got :
    used l id said = (l', got) ->
    Permutation (ids l) (ids l') /\ Permutation (buffers_out l) (map fst got ++ buffers_out l').
  Proof.
    unfold used, ids, buffers_out. destruct (remove id (out l)) as [[[b n] others] |] eqn:R.
    - apply remove_permutes in R.
      assert (I : Permutation (free l ++ map fst (out l)) ((free l ++ [id]) ++ map fst others))
        by (rewrite <- app_assoc; apply Permutation_app_head; rewrite R; reflexivity).
      assert (B : Permutation (map (fun e => fst (snd e)) (out l)) (b :: map (fun e => fst (snd e)) others))
        by (rewrite R; reflexivity).
      destruct (said <=? n); intros E; injection E as <- <-; simpl; auto.
    - intros E. injection E as <- <-. simpl. auto.
  Qed.

  Lemma used_all_exact elements : forall l l' got,
    used_all l elements = (l', got) ->
    Permutation (ids l) (ids l') /\ Permutation (buffers_out l) (map fst got ++ buffers_out l') /\
    length got <= length elements.
  Proof.
    induction elements as [| [id said] rest IH]; simpl; intros l l' got E.
    - injection E as <- <-. simpl. auto.
    - destruct (used l id said) as [l1 g] eqn:U, (used_all l1 rest) as [l2 more] eqn:A. injection E as <- <-.
      assert (L : length g <= 1)
        by (unfold used in U; destruct (remove id (out l)) as [[[b n] others] |];
            [destruct (said <=? n) |]; injection U as _ <-; simpl; lia).
      destruct (used_exact _ _ _ _ _ U) as [I1 B1], (IH _ _ _ A) as (I2 & B2 & L2).
      rewrite map_app, app_length. split; [now rewrite I1 |]. split; [| lia].
      rewrite B1, B2. now rewrite app_assoc.
  Qed.

  Lemma reap_exact l next fetched room elements l' got :
    reap l next fetched room elements = (l', got) ->
    Permutation (ids l) (ids l') /\ Permutation (buffers_out l) (map fst got ++ buffers_out l') /\
    length got <= min room (length (out l)).
  Proof.
    unfold reap. destruct (Nat.leb_spec ((fetched + modulus - next) mod modulus) (length (out l))) as [C | C].
    - intros E. destruct (used_all_exact _ _ _ _ E) as (I & B & L). rewrite firstn_length in L.
      split; [exact I |]. split; [exact B | lia].
    - intros E. injection E as <- <-. simpl. split; [reflexivity |]. split; [reflexivity | lia].
  Qed.

  (* Whatever the device says, every id is free or out, and none is both or twice: no id is given out that is out. *)
  Theorem ids_once posted back l : history posted back l -> Permutation (ids l) (seq 0 size) /\ NoDup (ids l).
  Proof.
    intros H. enough (P : Permutation (ids l) (seq 0 size))
      by (split; [exact P | apply (Permutation_NoDup (Permutation_sym P)), seq_NoDup]).
    induction H as [| posted back l p g l' H IH S]; [unfold ids; simpl; now rewrite app_nil_r |].
    rewrite <- IH. destruct S as [l b n l' P | l next fetched room elements l' got R].
    - unfold post in P. destruct (free l) as [| id rest] eqn:F; [discriminate |]. injection P as <-.
      unfold ids. simpl. rewrite F. simpl. symmetry. apply Permutation_middle.
    - symmetry. apply (reap_exact _ _ _ _ _ _ _ R).
  Qed.

  (* Whatever the device says, what was posted is, each buffer once, what came back and what is still out: none is lost,
     none comes back twice, none that was not lent. *)
  Theorem lent_comes_back_once posted back l :
    history posted back l -> Permutation posted (map fst back ++ buffers_out l).
  Proof.
    induction 1 as [| posted back l p g l' H IH S]; [reflexivity |]. rewrite map_app.
    destruct S as [l b n l' P | l next fetched room elements l' got R].
    - unfold post in P. destruct (free l) as [| id rest]; [discriminate |]. injection P as <-.
      unfold buffers_out in *. simpl. rewrite app_nil_r, IH, <- app_assoc.
      apply Permutation_app_head, Permutation_app_comm.
    - destruct (reap_exact _ _ _ _ _ _ _ R) as (_ & B & _). rewrite app_nil_r, IH, B. now rewrite app_assoc.
  Qed.

  (* One call yields no more than it has room for, and than is out. *)
  Theorem work_bounded l next fetched room elements l' got :
    reap l next fetched room elements = (l', got) -> length got <= min room (length (out l)).
  Proof. intros R. apply (reap_exact _ _ _ _ _ _ _ R). Qed.

  (* A buffer never comes back with more valid bytes than the device was given room for. *)
  Theorem length_bounded l id said l' b valid :
    used l id said = (l', [(b, valid)]) -> exists n, In (id, (b, n)) (out l) /\ valid <= n.
  Proof.
    unfold used. destruct (remove id (out l)) as [[[c n] others] |] eqn:R; [| discriminate].
    apply remove_permutes in R. intros E. exists n. assert (c = b) as -> by (destruct (said <=? n); now injection E).
    split; [apply (Permutation_in _ (Permutation_sym R)); now left |].
    destruct (Nat.leb_spec said n); injection E as _ <-; lia.
  Qed.

  (* A lie costs no buffer: an id that is not out, and an index that claims more than is out, leave everything where it is. *)
  Theorem lies_cost_nothing l id said next fetched room elements :
    (~ In id (map fst (out l)) -> used l id said = ({| free := free l; out := out l; faults := S (faults l) |}, [])) /\
    (length (out l) < (fetched + modulus - next) mod modulus ->
     reap l next fetched room elements = ({| free := free l; out := out l; faults := S (faults l) |}, [])).
  Proof.
    split.
    - intros N. unfold used. destruct (remove id (out l)) as [[[b n] others] |] eqn:R; [| reflexivity].
      exfalso. apply N. apply remove_permutes in R. apply in_map_iff. exists (id, (b, n)). split; [reflexivity |].
      apply (Permutation_in _ (Permutation_sym R)). now left.
    - intros C. unfold reap. destruct (Nat.leb_spec ((fetched + modulus - next) mod modulus) (length (out l))); [lia | reflexivity].
  Qed.
End Ids.
