(** * What the contract promises towards a hostile peer

    Whatever the shared words contain and whenever they change: dequeue yields only what was lent [dequeue_safe], nothing is
    lost [conservation_exclusion], a region once retired is never yielded again [retired_never], and when the peer has gone
    everything comes home [gone_returns_all]; a peer that plays by the rules is served [honest_accepted]. From
    [HostileInvariant]. Last, why each word is fetched once: a second fetch is unsafe [double_fetch_unsafe]. *)

From Coq Require Import ZArith List Lia Bool Permutation.
From CleanQ Require Export HostileInvariant.
Import ListNotations.
Open Scope Z_scope.

Section Our_side.

Context {us : our_side}.
Let n_positive : 0 < n := n_positive.
Let n_divides : (n | 2 ^ 32) := n_divides.

(** *** What the contract promises *)

(** I1 and I2, for what we can observe: a byte of a registered region is in exactly one of owned and lent, and in one
    extent of it; any other byte is in neither. *)
Theorem conservation_exclusion s b : reachable s ->
  (registered (table s) b = 1 /\
     (count (owned s) b = 1 /\ count (lent s) b = 0 \/ count (owned s) b = 0 /\ count (lent s) b = 1))
  \/ (registered (table s) b = 0 /\ count (owned s) b = 0 /\ count (lent s) b = 0).
Proof.
  intros Hr. apply reachable_invariant in Hr. pose proof (accounted s Hr b).
  pose proof (count_nonneg (owned s) b). pose proof (count_nonneg (lent s) b).
  pose proof (registered_range (table s) b). lia.
Qed.

(** Whatever the peer does, what dequeue yields is in bounds of a region that is live at the generation named, was lent in
    every byte and owned in none, and no two of a burst share a byte. Afterwards it is owned. *)
Theorem dequeue_safe env now s room s' got :
  reachable s -> fst (execute env now (dequeue s room)) = (s', got) ->
  (forall d, In d got ->
     (exists bytes, lookup (table s) (raw d) = Some bytes /\ in_bounds d bytes)
     /\ forall b, has (extent_of d) b = true ->
          count (owned s) b = 0 /\ count (lent s) b = 1 /\ count (owned s') b = 1 /\ count (lent s') b = 0)
  /\ forall b, count (map extent_of got) b <= 1.
Proof.
  intros Hr E. apply reachable_invariant in Hr.
  destruct (dequeue_runs env now s room) as (s1 & got1 & k & E1 & Hm & _). rewrite E1 in E. simpl in E.
  injection E as -> ->. destruct Hm as [T R O L C N P Q W].
  assert (Hrange : forall b, count (owned s) b + count (lent s) b <= 1).
  { intros b. rewrite (accounted s Hr b). apply registered_range. }
  split.
  - intros d Hd. rewrite Forall_forall in C. destruct (C d Hd) as (Hw & bytes & Hl & Hf). split.
    + exists bytes. split; [ assumption | ]. apply fault_exact; try assumption.
      unfold lookup in Hl. destruct (_ && _); [ | discriminate ]. injection Hl as <-. apply (sizes_are_words s Hr).
    + intros b Hb.
      assert (1 <= count (map extent_of got) b) by (apply count_in with (e := extent_of d); [ now apply in_map | assumption ]).
      specialize (Hrange b). specialize (O b). specialize (L b).
      pose proof (count_nonneg (owned s) b). pose proof (count_nonneg (lent s') b). lia.
  - intros b. specialize (Hrange b). specialize (L b).
    pose proof (count_nonneg (owned s) b). pose proof (count_nonneg (lent s') b). lia.
Qed.

(** Nothing is lost, byte by byte: what is yielded moves from lent to owned, all else stays where it is. *)
Theorem dequeue_moves env now s room s' got :
  fst (execute env now (dequeue s room)) = (s', got) ->
  table s' = table s /\ forall b,
    count (owned s') b = count (owned s) b + count (map extent_of got) b
    /\ count (lent s') b = count (lent s) b - count (map extent_of got) b.
Proof.
  destruct (dequeue_runs env now s room) as (s1 & got1 & k & E1 & Hm & _). rewrite E1. simpl. intros E.
  injection E as -> ->. destruct Hm as [T R O L C N P Q W]. split; [ assumption | ]. intros b. rewrite O, L. lia.
Qed.

(** A descriptor that is rejected leaves the ledger and the table as they were, and is counted. *)
Theorem rejected_unchanged s d f : verdict s d = inl f ->
  snd (accept s d) = [] /\ owned (fst (accept s d)) = owned s /\ lent (fst (accept s d)) = lent s
  /\ table (fst (accept s d)) = table s /\ rejected (fst (accept s d)) = rejected s + 1.
Proof. intros V. unfold accept. rewrite V. simpl. auto. Qed.

(** So does a call that yields nothing. *)
Theorem nothing_yielded_unchanged env now s room s' :
  fst (execute env now (dequeue s room)) = (s', []) -> owned s' = owned s /\ lent s' = lent s /\ table s' = table s.
Proof.
  destruct (dequeue_runs env now s room) as (s1 & got1 & k & E1 & Hm & _). rewrite E1. simpl. intros E.
  injection E as -> ->. destruct (nothing_for_nothing _ _ _ Hm eq_refl). repeat split; auto. apply (same_table _ _ _ Hm).
Qed.

(** An enqueue that is refused changes nothing of the ledger; one that is accepted lends exactly its bytes. *)
Theorem enqueue_moves env now s d s' accepted :
  words d -> fst (execute env now (enqueue s d)) = (s', accepted) ->
  (accepted = false -> owned s' = owned s /\ lent s' = lent s)
  /\ (accepted = true -> forall b,
        count (owned s') b = count (owned s) b - Z.b2z (has (extent_of d) b)
        /\ count (lent s') b = count (lent s) b + Z.b2z (has (extent_of d) b)).
Proof.
  intros Hd E. destruct (enqueue_runs env now s d Hd) as (s1 & a & E1 & _ & _ & _ & Hno & Hyes). rewrite E1 in E.
  injection E as -> ->. split; [ assumption | ]. intros Ha b. destruct (Hyes Ha) as (-> & T & (_ & bytes & _ & Hf)).
  pose proof (fault_none_size _ _ Hd Hf) as Hsize. simpl.
  rewrite (take_exact (extent_of d) (owned s) (owned s')) by (simpl; lia || assumption). lia.
Qed.

Lemma retired_for_ever s s' id : steps s s' -> In id (retired s) -> In id (retired s').
Proof.
  induction 1 as [ | s s1 s2 Hs IH Hstep ]; intros Hin; [ assumption | ]. specialize (IH Hin).
  destruct Hstep; [ | | exact IH | exact IH | now right | exact IH ].
  - destruct (dequeue_runs env now s0 room) as (s' & got & k & E & Hm & _). rewrite E. simpl.
    now rewrite (same_retired _ _ _ Hm).
  - destruct (enqueue_runs env now s0 d H) as (s' & a & E & _ & R & _). rewrite E. simpl. now rewrite R.
Qed.

(** An id that was retired never names a buffer again, whatever took its slot in the table. *)
Theorem retired_never env now s s' room d id :
  reachable s -> In id (retired s) -> steps s s' ->
  In d (snd (fst (execute env now (dequeue s' room)))) -> raw d <> id.
Proof.
  intros Hr Hin Hsteps Hd Eid. pose proof (retired_for_ever _ _ _ Hsteps Hin) as Hin'.
  pose proof (steps_invariant _ _ Hsteps (reachable_invariant _ Hr)) as Hinv.
  destruct (dequeue_runs env now s' room) as (s1 & got & k & E & Hm & _). rewrite E in Hd. simpl in Hd.
  pose proof (all_checked _ _ _ Hm) as C. rewrite Forall_forall in C. destruct (C d Hd) as (_ & bytes & Hl & _).
  rewrite Eid, (retired_dead _ Hinv _ Hin') in Hl. discriminate.
Qed.

(** When the peer is declared gone, every byte of every region is owned, once; and nothing that is still in shared memory
    yields anything, then or until something is lent again. *)
Theorem gone_returns_all s : reachable s ->
  lent (gone s) = [] /\ forall b, count (owned (gone s)) b = registered (table s) b.
Proof.
  intros Hr. apply reachable_invariant in Hr. split; [ reflexivity | ]. intros b. simpl. rewrite count_app.
  apply (accounted s Hr).
Qed.

Theorem nothing_lent_nothing_yielded env now s room : lent s = [] ->
  snd (fst (execute env now (dequeue s room))) = [].
Proof.
  intros Hl. destruct (dequeue_runs env now s room) as (s1 & got & k & E & Hm & _). rewrite E. simpl.
  destruct got as [ | d got ]; [ reflexivity | exfalso ].
  pose proof (lent_loses _ _ _ Hm (raw d, offset d)) as H. rewrite Hl in H. simpl in H.
  pose proof (all_checked _ _ _ Hm) as C. inversion C as [ | ? ? (Hw & bytes & _ & Hf) ]; subst.
  pose proof (fault_none_size _ _ Hw Hf).
  replace (has (extent_of d) (raw d, offset d)) with true in H by (symmetry; apply has_iff; simpl; lia).
  simpl in H. pose proof (count_nonneg (lent s1) (raw d, offset d)).
  pose proof (count_nonneg (map extent_of got) (raw d, offset d)). lia.
Qed.

(** The checks are not so strict that nothing passes: a peer that returns, in the next slot, a buffer that was lent to it
    is served. *)
Theorem honest_accepted env now s d bytes :
  reachable s -> words d -> lookup (table s) (raw d) = Some bytes -> in_bounds d bytes ->
  In (extent_of d) (lent s) -> further d (lent s) = true ->
  (forall time, env time Head_cursor = own_tail s + 1) ->
  (forall time, map (fun f => env time (Slot (own_tail s mod n) f)) all_fields
                = [raw d; offset d; byte_count d; valid_offset d; valid_byte_count d; flags d]) ->
  snd (fst (execute env now (dequeue s 1))) = [d].
Proof.
  intros Hr Hd Hl Hb Hin Hfurther Hhead Hslot. apply reachable_invariant in Hr.
  assert (Hf : fault_of d bytes = None).
  { apply fault_exact; try assumption. unfold lookup in Hl. destruct (_ && _); [ | discriminate ].
    injection Hl as <-. apply (sizes_are_words s Hr). }
  destruct (take_own _ _ Hin) as [others Ht].
  assert (V : verdict s d = inr others) by (unfold verdict; now rewrite Hl, Hf, Ht, Hfurther).
  unfold dequeue. cbn [execute width]. rewrite Hhead.
  assert (E : sub 32 (cut 32 (own_tail s + 1)) (own_tail s) = 1).
  { unfold sub, cut. rewrite Zminus_mod_idemp_l. replace (own_tail s + 1 - own_tail s) with 1 by lia. reflexivity. }
  rewrite E. destruct (Z.ltb_spec n 1); [ lia | ].
  change (Z.to_nat (Z.min 1 1)) with 1%nat. cbn [take_slots]. unfold fetch_descriptor. cbn [execute width].
  destruct Hd as (H1 & H2 & H3 & H4 & H5 & H6).
  pose proof (fun time => f_equal (fun l => nth 0 l 0) (Hslot time)) as F0.
  pose proof (fun time => f_equal (fun l => nth 1 l 0) (Hslot time)) as F1.
  pose proof (fun time => f_equal (fun l => nth 2 l 0) (Hslot time)) as F2.
  pose proof (fun time => f_equal (fun l => nth 3 l 0) (Hslot time)) as F3.
  pose proof (fun time => f_equal (fun l => nth 4 l 0) (Hslot time)) as F4.
  pose proof (fun time => f_equal (fun l => nth 5 l 0) (Hslot time)) as F5.
  cbn [nth map all_fields] in F0, F1, F2, F3, F4, F5.
  rewrite F0, F1, F2, F3, F4, F5, !cut_of_word by assumption.
  replace (Descriptor _ _ _ _ _ _) with d by (now destruct d).
  unfold accept. rewrite V. reflexivity.
Qed.

End Our_side.

(** ** 7. Why each word is fetched once *)

(** Checks the private copy, then goes back to shared memory for the length: CVE-2026-93683 and its like. *)
Definition double_fetch (bytes : Z) : program (option descriptor) :=
  fetch_descriptor 0 (fun d =>
    match fault_of d bytes with
    | Some _ => Done None
    | None => Fetch (Slot 0 Byte_count_field) (fun again =>
        Done (Some (Descriptor (raw d) (offset d) again (valid_offset d) (valid_byte_count d) (flags d))))
    end).

Theorem double_fetch_unsafe bytes : 1 <= bytes < 2 ^ 32 - 1 ->
  exists env d, fst (execute env 0 (double_fetch bytes)) = Some d /\ ~ in_bounds d bytes.
Proof.
  intros Hb.
  exists (fun time a => match a with
                        | Slot _ Byte_count_field => if (time <? 6)%nat then 1 else 2 ^ 32 - 1
                        | _ => 0
                        end).
  exists (Descriptor 0 0 (2 ^ 32 - 1) 0 0 0). split.
  - unfold double_fetch, fetch_descriptor. cbn [execute width Nat.ltb Nat.leb].
    change (cut 64 0) with 0. change (cut 32 0) with 0. change (cut 32 1) with 1.
    assert (E : fault_of (Descriptor 0 0 1 0 0 0) bytes = None).
    { apply fault_exact; unfold words, in_bounds, word; simpl; lia. }
    rewrite E. reflexivity.
  - unfold in_bounds. cbn [byte_count offset valid_offset valid_byte_count flags]. lia.
Qed.
