(* A device that names chains of several descriptors by the id of the first: the ledger of a virtqueue for what is sent.

   A chain is linked through the ledger's own entries, in private memory, each id naming the next; a chain may begin with a
   descriptor that carries a header and no buffer. Proved: whatever ids the device answers with, the links of what is out stay
   whole, every chain comes back whole and once, with its buffers in order, each id is free or in one chain, and no place is
   read as a buffer that has none. Transcribed: VirtqueueLedger.takeID, giveID, enterPart, link, enterHead, entry, takeChain;
   Virtqueue+Transmit.postChain. Ids.v is the same for chains of one descriptor, where lengths matter and links do not. *)

From Coq Require Import List Arith Bool Lia Permutation.
Import ListNotations.

Section Chains.
  Context {buffer : Type}.
  Variable size : nat.

  Record ledger := {
    free : list nat;                  (* ids, the oldest first *)
    next : nat -> nat;                (* Entry.next *)
    count : nat -> nat;               (* Entry.descriptorCount: 0 but for the head of a chain that is with the device *)
    bare : nat -> bool;               (* Entry.bareCount *)
    held : nat -> option buffer;      (* buffers: what is initialised *)
    faults : nat                      (* VirtqueueFaults *)
  }.

  Definition initial : ledger :=
    {| free := seq 0 size; next := fun _ => 0; count := fun _ => 0; bare := fun _ => false; held := fun _ => None; faults := 0 |}.

  Definition at_id {T} (f : nat -> T) (i : nat) (v : T) (j : nat) : T := if Nat.eq_dec i j then v else f j.

  (* link, for each id of a chain and the one behind it. *)
  Fixpoint link (f : nat -> nat) (ids : list nat) : nat -> nat :=
    match ids with
    | i :: rest => match rest with j :: _ => link (at_id f i j) rest | [] => f end
    | [] => f
    end.

  (* enterPart, for each buffer of a chain. *)
  Fixpoint enter (f : nat -> option buffer) (ids : list nat) (bs : list buffer) : nat -> option buffer :=
    match ids, bs with
    | i :: ids, b :: bs => enter (at_id f i (Some b)) ids bs
    | _, _ => f
    end.

  Definition loaded_of (is_bare : bool) (ids : list nat) : list nat := if is_bare then tl ids else ids.

  (* postChain: the ids are the oldest free ones; None where there are not enough, and the buffers stay with the caller. *)
  Definition post (l : ledger) (bs : list buffer) (is_bare : bool) : option ledger :=
    let n := length bs + (if is_bare then 1 else 0) in
    if (0 <? length bs) && (n <=? length (free l)) then
      match firstn n (free l) with
      | [] => None
      | head :: rest =>
          Some {| free := skipn n (free l);
                  next := link (next l) (head :: rest);
                  count := at_id (count l) head n;
                  bare := at_id (bare l) head is_bare;
                  held := enter (held l) (loaded_of is_bare (head :: rest)) bs;
                  faults := faults l |}
      end
    else None.

  (* The ids of a chain: as many as its head says, each the next of the one before. *)
  Fixpoint walk (f : nat -> nat) (n id : nat) : list nat :=
    match n with 0 => [] | S n => id :: walk f n (f id) end.

  Definition members (l : ledger) (head : nat) : list nat := walk (next l) (count l head) head.
  Definition loaded (l : ledger) (head : nat) : list nat := loaded_of (bare l head) (members l head).
  Definition contents (f : nat -> option buffer) (ids : list nat) : list buffer :=
    flat_map (fun i => match f i with Some b => [b] | None => [] end) ids.

  (* One used element: entry, and takeChain where it names the head of a chain that is out. Else it is counted. *)
  Definition used (l : ledger) (id : nat) : ledger * list (list buffer) :=
    if (id <? size) && (0 <? count l id) then
      ({| free := free l ++ members l id; next := next l; count := at_id (count l) id 0; bare := bare l;
          held := fun i => if in_dec Nat.eq_dec i (loaded l id) then None else held l i; faults := faults l |},
       [contents (held l) (loaded l id)])
    else
      ({| free := free l; next := next l; count := count l; bare := bare l; held := held l; faults := S (faults l) |}, []).

  (* A history: the chains that were posted, and what came back. *)
  Inductive history : list (list buffer) -> list (list buffer) -> ledger -> Prop :=
  | history_start : history [] [] initial
  | history_post posted back l bs is_bare l' :
      history posted back l -> post l bs is_bare = Some l' -> history (posted ++ [bs]) back l'
  | history_used posted back l id l' got :
      history posted back l -> used l id = (l', got) -> history posted (back ++ got) l'.

  (* VirtqueueLedger.heads: the chains that are with the device; and what takeAll makes of them. *)
  Definition heads (l : ledger) : list nat := filter (fun i => 0 <? count l i) (seq 0 size).
  Definition with_device (l : ledger) : list (list buffer) := map (fun h => contents (held l) (loaded l h)) (heads l).

  (* ---- Links and places ---- *)

  Lemma at_id_same {T} (f : nat -> T) i v : at_id f i v i = v.
  Proof. unfold at_id. now destruct (Nat.eq_dec i i). Qed.

  Lemma at_id_other {T} (f : nat -> T) i v j : j <> i -> at_id f i v j = f j.
  Proof. unfold at_id. destruct (Nat.eq_dec i j); congruence. Qed.

  Lemma link_other ids : forall f i, ~ In i ids -> link f ids i = f i.
  Proof.
    induction ids as [| j [| k rest] IH]; intros f i N; try reflexivity. change (link (at_id f j k) (k :: rest) i = f i).
    rewrite IH by (intros I; apply N; now right). apply at_id_other. intros ->. apply N. now left.
  Qed.

  Lemma enter_other ids : forall f bs i, ~ In i ids -> enter f ids bs i = f i.
  Proof.
    induction ids as [| j ids IH]; intros f [| b bs] i N; try reflexivity. simpl.
    rewrite IH by (intros I; apply N; now right). apply at_id_other. intros ->. apply N. now left.
  Qed.

  Lemma walk_ext f g n : forall id, (forall i, In i (walk f n id) -> g i = f i) -> walk g n id = walk f n id.
  Proof.
    induction n as [| n IH]; intros id E; [reflexivity |]. simpl in *. rewrite (E id) by auto. f_equal. auto.
  Qed.

  Lemma walk_link head rest : forall f,
    NoDup (head :: rest) -> walk (link f (head :: rest)) (length (head :: rest)) head = head :: rest.
  Proof.
    revert head. induction rest as [| j rest IH]; intros head f N; [reflexivity |].
    inversion N as [| ? ? H N']; subst.
    change (walk (link f (head :: j :: rest)) (length (head :: j :: rest)) head)
      with (head :: walk (link (at_id f head j) (j :: rest)) (length (j :: rest)) (link (at_id f head j) (j :: rest) head)).
    rewrite link_other by exact H. rewrite at_id_same. f_equal. now apply IH.
  Qed.

  Lemma enter_places ids : forall f bs,
    NoDup ids -> length ids = length bs -> Forall2 (fun i b => enter f ids bs i = Some b) ids bs.
  Proof.
    induction ids as [| i ids IH]; intros f [| b bs] N L; try discriminate; constructor; inversion N as [| ? ? H N']; subst; simpl.
    - rewrite enter_other by exact H. apply at_id_same.
    - apply IH; auto.
  Qed.

  Lemma contents_of f ids bs : Forall2 (fun i b => f i = Some b) ids bs -> contents f ids = bs.
  Proof. induction 1 as [| i b ids bs E F IH]; [reflexivity |]. unfold contents in *. simpl. now rewrite E, IH. Qed.

  Lemma entered_only ids : forall f bs i b, enter f ids bs i = Some b -> In i ids \/ f i = Some b.
  Proof.
    induction ids as [| j ids IH]; intros f [| c bs] i b E; auto. simpl in E.
    destruct (IH _ _ _ _ E) as [I | I]; [left; now right |].
    unfold at_id in I. destruct (Nat.eq_dec j i); [left; now left | auto].
  Qed.

  (* ---- What holds whatever the device says ---- *)

  (* A chain that is out: its ids, whether the first carries no buffer, and its buffers. *)
  Record chain := { ids : list nat; is_bare : bool; run : list buffer }.

  Definition fits (l : ledger) (c : chain) : Prop :=
    exists head, hd_error (ids c) = Some head /\ members l head = ids c /\ 0 < count l head /\ bare l head = is_bare c /\
      Forall2 (fun i b => held l i = Some b) (loaded_of (is_bare c) (ids c)) (run c).

  Record sound (l : ledger) (cs : list chain) : Prop := {
    once : Permutation (free l ++ flat_map ids cs) (seq 0 size);
    fitting : forall c, In c cs -> fits l c;
    headed : forall i, 0 < count l i -> exists c, In c cs /\ hd_error (ids c) = Some i;
    nothing_else : forall i b, held l i = Some b -> exists c, In c cs /\ In i (loaded_of (is_bare c) (ids c))
  }.

  Lemma loaded_in b (l : list nat) i : In i (loaded_of b l) -> In i l.
  Proof. destruct b, l; simpl; auto. Qed.

  Lemma head_in (l : list nat) i : hd_error l = Some i -> In i l.
  Proof. destruct l; [discriminate |]. intros E. injection E as ->. now left. Qed.

  Lemma sound_initial : sound initial [].
  Proof. split; simpl; [now rewrite app_nil_r | tauto | lia | discriminate]. Qed.

  Lemma nodup_of l cs : sound l cs -> NoDup (free l ++ flat_map ids cs).
  Proof. intros S. apply (Permutation_NoDup (Permutation_sym (once _ _ S))), seq_NoDup. Qed.

  Lemma apart (l m : list nat) : NoDup (l ++ m) -> forall x, In x l -> In x m -> False.
  Proof.
    induction l as [| y l IH]; simpl; intros N x I J; [tauto |]. inversion N as [| ? ? H N']; subst.
    destruct I as [-> | I]; [apply H, in_app_iff; auto | eauto].
  Qed.

  Lemma nodup_right (l m : list nat) : NoDup (l ++ m) -> NoDup m.
  Proof. induction l as [| y l IH]; simpl; [auto |]. intros N. inversion N; auto. Qed.

  Lemma nodup_left (l m : list nat) : NoDup (l ++ m) -> NoDup l.
  Proof. intros N. apply (nodup_right m). now apply (Permutation_NoDup (Permutation_app_comm l m)). Qed.

  (* Steps that leave a chain's ids alone leave the chain as it is. *)
  Lemma fits_kept l l' c :
    fits l c ->
    (forall i, In i (ids c) -> next l' i = next l i /\ count l' i = count l i /\ bare l' i = bare l i /\
       (In i (loaded_of (is_bare c) (ids c)) -> held l' i = held l i)) ->
    fits l' c.
  Proof.
    intros (head & H & M & P & B & F) K. exists head. pose proof (K head (head_in _ _ H)) as (_ & KC & KB & _).
    split; [exact H |]. split; [| split; [lia | split; [congruence |]]].
    - unfold members. rewrite KC, (walk_ext (next l)); [exact M |].
      intros i I. unfold members in M. rewrite M in I. apply (K i I).
    - assert (E : forall i, In i (loaded_of (is_bare c) (ids c)) -> held l' i = held l i)
        by (intros i I; apply (K i (loaded_in _ _ _ I)), I).
      clear - F E. induction F as [| i b is bs FE F IH]; constructor.
      + rewrite E by now left. exact FE.
      + apply IH. intros j J. apply E. now right.
  Qed.

  Lemma sound_post l cs bs is_bare l' :
    sound l cs -> post l bs is_bare = Some l' -> exists c, run c = bs /\ sound l' (c :: cs).
  Proof.
    intros S E. pose proof (nodup_of _ _ S) as N. unfold post in E.
    set (n := length bs + (if is_bare then 1 else 0)) in *.
    destruct ((0 <? length bs) && (n <=? length (free l))) eqn:C; [| discriminate].
    apply andb_true_iff in C. rewrite Nat.ltb_lt, Nat.leb_le in C. destruct C as [C1 C2].
    destruct (firstn n (free l)) as [| head rest] eqn:F; [discriminate |]. injection E as <-.
    assert (Q : free l = (head :: rest) ++ skipn n (free l)) by (rewrite <- F; symmetry; apply firstn_skipn).
    assert (L : length (head :: rest) = n) by (rewrite <- F; apply firstn_length_le, C2).
    remember (skipn n (free l)) as left eqn:Hl. clear Hl F.
    rewrite Q in N. rewrite <- app_assoc in N.
    pose proof (nodup_left _ _ N) as NI.
    assert (A : forall i, In i (head :: rest) -> forall d, In d cs -> In i (ids d) -> False).
    { intros i I d D J. apply (apart _ _ N i I). apply in_app_iff. right. apply in_flat_map. eauto. }
    assert (NL : NoDup (loaded_of is_bare (head :: rest)))
      by (destruct is_bare; [simpl; now inversion NI | exact NI]).
    assert (LL : length (loaded_of is_bare (head :: rest)) = length bs)
      by (destruct is_bare; simpl in *; lia).
    exists {| ids := head :: rest; is_bare := is_bare; run := bs |}. split; [reflexivity |]. split; simpl.
    - rewrite <- (once _ _ S), Q. simpl. rewrite <- !app_assoc. rewrite !app_comm_cons.
      rewrite (Permutation_app_comm left), <- app_assoc. apply Permutation_app_head, Permutation_app_comm.
    - intros c [<- | D].
      + exists head. simpl. split; [reflexivity |]. split; [| split; [| split]].
        * unfold members. simpl count. simpl next. rewrite at_id_same, <- L. now apply walk_link.
        * rewrite at_id_same. simpl in L. lia.
        * apply at_id_same.
        * now apply enter_places.
      + apply (fits_kept l); [now apply (fitting _ _ S) |]. intros i I.
        assert (O : ~ In i (head :: rest)) by (intros J; exact (A i J c D I)).
        assert (Oh : i <> head) by (intros ->; apply O; now left).
        cbn [next count bare held]. split; [exact (link_other (head :: rest) _ _ O) |].
        split; [now apply at_id_other |]. split; [now apply at_id_other |].
        intros _. apply enter_other. intros J. apply O. exact (loaded_in _ _ _ J).
    - intros i P. unfold at_id in P. destruct (Nat.eq_dec head i) as [<- |].
      + eexists. split; [now left | reflexivity].
      + destruct (headed _ _ S i P) as (c & D & H). exists c. auto.
    - intros i b H. destruct (entered_only _ _ _ _ _ H) as [I | I].
      + eexists. split; [now left | exact I].
      + destruct (nothing_else _ _ S i b I) as (c & D & J). exists c. auto.
  Qed.

  Lemma sound_used l cs id l' got :
    sound l cs -> used l id = (l', got) ->
    exists cs', Permutation (map run cs) (got ++ map run cs') /\ sound l' cs'.
  Proof.
    intros S E. unfold used in E. destruct ((id <? size) && (0 <? count l id)) eqn:C.
    2: { injection E as <- <-. exists cs. split; [reflexivity |]. destruct S as [O F H N]. now split. }
    apply andb_true_iff in C. rewrite !Nat.ltb_lt in C. destruct C as [_ P]. injection E as <- <-.
    destruct (headed _ _ S id P) as (c & D & Hc).
    destruct (fitting _ _ S c D) as (head & Hh & M & _ & B & F).
    assert (head = id) as -> by congruence. clear Hh.
    assert (LD : loaded l id = loaded_of (is_bare c) (ids c)) by (unfold loaded; now rewrite M, B).
    apply in_split in D. destruct D as (c1 & c2 & ->).
    pose proof (nodup_of _ _ S) as N.
    assert (Q : Permutation (flat_map ids (c1 ++ c :: c2)) (ids c ++ flat_map ids (c1 ++ c2))).
    { rewrite !flat_map_app. simpl. rewrite !app_assoc. apply Permutation_app_tail, Permutation_app_comm. }
    assert (A : forall d, In d (c1 ++ c2) -> forall i, In i (ids c) -> In i (ids d) -> False).
    { intros d D i I J. apply nodup_right in N. apply (Permutation_NoDup Q) in N.
      apply (apart _ _ N i I). apply in_flat_map. eauto. }
    exists (c1 ++ c2). split.
    - rewrite !map_app. simpl. rewrite LD, (contents_of _ _ _ F). symmetry. apply Permutation_middle.
    - split; simpl.
      + rewrite M, <- app_assoc, <- Q. exact (once _ _ S).
      + intros d D. apply (fits_kept l).
        { apply (fitting _ _ S). apply in_app_iff in D. apply in_app_iff. simpl. tauto. }
        intros i I. cbn [next count bare held]. split; [reflexivity |].
        split; [apply at_id_other; intros ->; exact (A d D id (head_in _ _ Hc) I) |]. split; [reflexivity |].
        intros _. destruct (in_dec Nat.eq_dec i (loaded l id)) as [J |]; [| reflexivity].
        exfalso. rewrite LD in J. exact (A d D i (loaded_in _ _ _ J) I).
      + intros i Pi. unfold at_id in Pi. destruct (Nat.eq_dec id i) as [| Ne]; [lia |].
        destruct (headed _ _ S i Pi) as (d & D & Hd). exists d. split; [| exact Hd].
        apply in_app_iff in D. simpl in D. apply in_app_iff. destruct D as [D | [<- | D]]; auto. congruence.
      + intros i b H. destruct (in_dec Nat.eq_dec i (loaded l id)) as [| J]; [discriminate |].
        destruct (nothing_else _ _ S i b H) as (d & D & I). exists d. split; [| exact I].
        apply in_app_iff in D. simpl in D. apply in_app_iff. destruct D as [D | [<- | D]]; auto.
        rewrite LD in J. contradiction.
  Qed.

  Lemma history_sound posted back l :
    history posted back l -> exists cs, sound l cs /\ Permutation posted (back ++ map run cs).
  Proof.
    induction 1 as [| posted back l bs is_bare l' H (cs & S & P) E | posted back l id l' got H (cs & S & P) E].
    - exists []. split; [apply sound_initial | reflexivity].
    - destruct (sound_post _ _ _ _ _ S E) as (c & <- & S'). exists (c :: cs). split; [exact S' |]. simpl.
      rewrite P, <- app_assoc. apply Permutation_app_head, Permutation_sym, Permutation_cons_append.
    - destruct (sound_used _ _ _ _ _ S E) as (cs' & Q & S'). exists cs'. split; [exact S' |].
      now rewrite P, Q, app_assoc.
  Qed.

  Definition first (c : chain) : nat := hd 0 (ids c).

  Lemma first_of l cs c : sound l cs -> In c cs -> hd_error (ids c) = Some (first c).
  Proof.
    intros S D. destruct (fitting _ _ S c D) as (h & H & _). unfold first. destruct (ids c); [discriminate | reflexivity].
  Qed.

  (* The heads that the ledger finds are those of the chains that are out. *)
  Lemma heads_of l cs : sound l cs -> Permutation (map first cs) (heads l).
  Proof.
    intros S. apply NoDup_Permutation.
    - pose proof (nodup_right _ _ (nodup_of _ _ S)) as N.
      assert (E : forall c, In c cs -> In (first c) (ids c)) by (intros c D; apply head_in, (first_of l cs c S D)).
      clear - N E. induction cs as [| c cs IH]; [constructor |]. simpl in *. constructor.
      + intros I. apply in_map_iff in I. destruct I as (d & F & D). apply (apart _ _ N (first c)); [apply E; now left |].
        apply in_flat_map. exists d. split; [exact D |]. rewrite <- F. apply E. now right.
      + apply IH; [exact (nodup_right _ _ N) | auto].
    - apply NoDup_filter, seq_NoDup.
    - intros i. unfold heads. rewrite filter_In, Nat.ltb_lt, in_map_iff. split.
      + intros (c & <- & D). pose proof (first_of l cs c S D) as H. split.
        * apply (Permutation_in _ (once _ _ S)), in_app_iff. right. apply in_flat_map. exists c. split; [exact D | now apply head_in].
        * destruct (fitting _ _ S c D) as (h & Hh & _ & P & _). congruence.
      + intros [_ P]. destruct (headed _ _ S i P) as (c & D & H). exists c. split; [| exact D].
        pose proof (first_of l cs c S D). congruence.
  Qed.

  (* ---- The theorems ---- *)

  (* Whatever the device says, every id is free or in one chain that is with the device, and in one place of it: no id is
     given out that is out, and no chain runs into another or into itself. *)
  Theorem chain_ids_once posted back l :
    history posted back l -> Permutation (free l ++ flat_map (members l) (heads l)) (seq 0 size).
  Proof.
    intros H. destruct (history_sound _ _ _ H) as (cs & S & _). rewrite <- (once _ _ S). apply Permutation_app_head.
    rewrite <- (heads_of _ _ S). rewrite flat_map_concat_map, map_map, <- flat_map_concat_map.
    rewrite !flat_map_concat_map. erewrite map_ext_in; [reflexivity |]. intros c D.
    destruct (fitting _ _ S c D) as (h & Hh & M & _). pose proof (first_of l cs c S D). congruence.
  Qed.

  (* Whatever the device says, what was posted is, each chain once, with its buffers in their order, what came back and what
     is still with the device: none is lost, none torn, none comes back twice. *)
  Theorem chains_come_back_whole posted back l :
    history posted back l -> Permutation posted (back ++ with_device l).
  Proof.
    intros H. destruct (history_sound _ _ _ H) as (cs & S & P). rewrite P. apply Permutation_app_head.
    unfold with_device. rewrite <- (heads_of _ _ S), map_map. erewrite map_ext_in; [reflexivity |]. intros c D.
    destruct (fitting _ _ S c D) as (h & Hh & M & _ & B & F). pose proof (first_of l cs c S D).
    assert (h = first c) as -> by congruence. unfold loaded. rewrite M, B. symmetry. exact (contents_of _ _ _ F).
  Qed.

  (* Every place that a chain is read from holds a buffer, and no id that is given out again still has one: nothing is moved out
     that is not there, nothing overwritten that is. *)
  Theorem places_are_filled posted back l :
    history posted back l ->
    (forall head i, In head (heads l) -> In i (loaded l head) -> exists b, held l i = Some b) /\
    (forall i, In i (free l) -> held l i = None).
  Proof.
    intros H. destruct (history_sound _ _ _ H) as (cs & S & _). split.
    - intros head i I J. apply (Permutation_in _ (Permutation_sym (heads_of _ _ S))), in_map_iff in I.
      destruct I as (c & <- & D). destruct (fitting _ _ S c D) as (h & Hh & M & _ & B & F).
      pose proof (first_of l cs c S D). assert (h = first c) as -> by congruence.
      unfold loaded in J. rewrite M, B in J. clear - F J.
      induction F as [| k b is bs E F IH]; [destruct J |]. destruct J as [<- | J]; eauto.
    - intros i I. destruct (held l i) as [b |] eqn:E; [exfalso | reflexivity].
      destruct (nothing_else _ _ S i b E) as (c & D & J). apply (apart _ _ (nodup_of _ _ S) i I).
      apply in_flat_map. exists c. split; [exact D | exact (loaded_in _ _ _ J)].
  Qed.

  (* An id that the queue does not have, or that heads no chain that is out (one from the middle of a chain, say), is counted
     and changes nothing. *)
  Theorem chain_lies_cost_nothing l id :
    size <= id \/ count l id = 0 ->
    used l id = ({| free := free l; next := next l; count := count l; bare := bare l; held := held l; faults := S (faults l) |}, []).
  Proof.
    intros H. unfold used. destruct (Nat.ltb_spec id size), (Nat.ltb_spec 0 (count l id)); simpl; try reflexivity. lia.
  Qed.
End Chains.

(* It does something: of a queue of four ids, a packet of two buffers behind a bare header goes out and comes back whole, after
   the device has named an id from the middle of it and one that does not exist. *)
Theorem chain_comes_back :
  exists l l', @post nat (initial 4) [10; 20] true = Some l /\
    used 4 (fst (used 4 (fst (used 4 l 1)) 7)) 0 = (l', [[10; 20]]) /\ free l' = [3; 0; 1; 2] /\ faults l' = 2.
Proof. eexists. eexists. repeat split. Qed.
