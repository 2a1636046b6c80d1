(** * A hostile peer

    The peer may write anything into any shared word at any moment, between any two of our steps. What we keep to
    ourselves, it cannot touch: our cursors, the table of regions, and a ledger of what we own and of what we have lent
    out. The shared memory is therefore no part of the state here: each fetch of a shared word yields whatever an
    arbitrary function of time and address says ([environment]), cut to the width of the word. All theorems hold for every
    such function; a peer that adapts to what we do is one of them.

    Proved, for every reachable state and every environment:
    - [Descriptor.fault(regionByteCount:)], in machine arithmetic, says exactly the bounds of the contract   [fault_exact]
    - each shared word is fetched at most once in a call, and their number is bounded           [fetched_once], [bounded]
    - dequeue yields only buffers in bounds of a region that is live at exactly the generation named, all of whose bytes
      were lent out and none of which we owned, no two of a burst sharing a byte                         [dequeue_safe]
    - every byte of every region is in exactly one of owned and lent (I1, I2)                   [conservation_exclusion]
    - a call that yields nothing changes neither; a descriptor rejected loses nothing   [rejected_unchanged], [dequeue_moves]
    - a region once retired is never yielded again                                                       [retired_never]
    - when the peer is declared gone, everything lent is owned                                          [gone_returns_all]
    - a peer that plays by the rules is served                                                         [honest_accepted]

    What is transcribed from code that exists: [Descriptor.fault], [RegionTable.buffer(_:)], [RegionID]'s comparison and
    the cursor arithmetic. The ledger and the checks of the peer's cursors are what a queue towards an untrusted peer has
    to add; [RingLink] itself trusts its peer and does neither. Regions that the peer registers are not modelled.

    Proved too is that two usual programs are not safe: the sum that wraps [naive_sum_unsafe] and the second fetch
    [double_fetch_unsafe]. *)

From Coq Require Import ZArith List Lia Bool Permutation.
Import ListNotations.
Open Scope Z_scope.
Local Arguments Z.add : simpl never.
Local Arguments Z.sub : simpl never.
Local Arguments Z.pow : simpl never.
Local Arguments Z.modulo : simpl never.

Ltac parts := repeat match goal with |- _ /\ _ => split end.

(** ** 1. Machine words *)

Definition word (width x : Z) : Prop := 0 <= x < 2 ^ width.

(** [&-] of the unsigned types. *)
Definition sub (width a b : Z) : Z := (a - b) mod 2 ^ width.

(** Cutting to a width: what makes a word of any number. *)
Definition cut (width x : Z) : Z := x mod 2 ^ width.

Lemma cut_word width x : 0 <= width -> word width (cut width x).
Proof. intros. apply Z.mod_pos_bound. now apply Z.pow_pos_nonneg. Qed.

Lemma cut_of_word width x : word width x -> cut width x = x.
Proof. intros. now apply Z.mod_small. Qed.

Lemma sub_word width a b : 0 <= width -> word width (sub width a b).
Proof. intros. apply Z.mod_pos_bound. now apply Z.pow_pos_nonneg. Qed.

(** A subtraction that follows the comparison which makes it safe does not wrap. *)
Lemma sub_exact width a b : word width a -> word width b -> b <= a -> sub width a b = a - b.
Proof. unfold word, sub. intros. apply Z.mod_small. lia. Qed.

(** ** 2. The check of a descriptor *)

(** [Descriptor]; [raw] is [region.rawValue]: bits 0-15 the slot, bits 16-63 the generation. *)
Record descriptor := Descriptor {
  raw : Z; offset : Z; byte_count : Z; valid_offset : Z; valid_byte_count : Z; flags : Z
}.

(** Any tuple of machine words: all that is known of what comes from the peer. *)
Definition words (d : descriptor) : Prop :=
  word 64 (raw d) /\ word 64 (offset d) /\ word 32 (byte_count d) /\ word 32 (valid_offset d)
  /\ word 32 (valid_byte_count d) /\ word 32 (flags d).

Inductive fault := Empty | Outside_region | Valid_outside_buffer | Unknown_flags | Unknown_region | Not_lent.

(** [OptionSet.isSubset(of:)], with [BufferFlags.all]. *)
Definition known_flags (f : Z) : bool := Z.land f 3 =? f.

(** [Descriptor.fault(regionByteCount:)], line by line. *)
Definition fault_of (d : descriptor) (region_bytes : Z) : option fault :=
  if byte_count d =? 0 then Some Empty
  else if (region_bytes <? offset d) || (sub 64 region_bytes (offset d) <? byte_count d) then Some Outside_region
  else if (byte_count d <? valid_offset d) || (sub 32 (byte_count d) (valid_offset d) <? valid_byte_count d)
  then Some Valid_outside_buffer
  else if negb (known_flags (flags d)) then Some Unknown_flags
  else None.

(** The contract, in numbers that cannot overflow. *)
Definition in_bounds (d : descriptor) (region_bytes : Z) : Prop :=
  0 < byte_count d
  /\ offset d + byte_count d <= region_bytes
  /\ valid_offset d + valid_byte_count d <= byte_count d
  /\ flags d < 4.

Lemma known_flags_exact f : 0 <= f -> known_flags f = true <-> f < 4.
Proof.
  intros. unfold known_flags. rewrite Z.eqb_eq. change 3 with (Z.ones 2). rewrite Z.land_ones by lia.
  change (2 ^ 2) with 4. split; intros.
  - pose proof (Z.mod_pos_bound f 4). lia.
  - apply Z.mod_small. lia.
Qed.

(** The check as coded is the bounds of the contract: no overflow, nothing let through, nothing refused. *)
Theorem fault_exact d region_bytes : words d -> word 64 region_bytes ->
  fault_of d region_bytes = None <-> in_bounds d region_bytes.
Proof.
  intros (_ & Ho & Hb & Hvo & Hvb & Hf) Hr. unfold fault_of, in_bounds.
  pose proof (known_flags_exact (flags d) ltac:(unfold word in Hf; lia)) as Hk.
  destruct (Z.eqb_spec (byte_count d) 0); [ split; [ discriminate | lia ] | ].
  destruct (Z.ltb_spec region_bytes (offset d)); simpl.
  { unfold word in *. split; [ discriminate | lia ]. }
  rewrite sub_exact by assumption.
  destruct (Z.ltb_spec (region_bytes - offset d) (byte_count d)); [ split; [ discriminate | lia ] | ].
  destruct (Z.ltb_spec (byte_count d) (valid_offset d)); simpl.
  { unfold word in *. split; [ discriminate | lia ]. }
  rewrite sub_exact by assumption.
  destruct (Z.ltb_spec (byte_count d - valid_offset d) (valid_byte_count d)); [ split; [ discriminate | lia ] | ].
  unfold word in *. destruct (known_flags (flags d)); simpl.
  - split; [ | reflexivity ]. intros _. destruct Hk as [Hk _]. specialize (Hk eq_refl). lia.
  - split; [ discriminate | ]. intros (_ & _ & _ & Hlt). destruct Hk as [_ Hk]. specialize (Hk Hlt). discriminate.
Qed.

(** The sum in machine arithmetic, as in the published C code: one byte at 2^64 - 1 passes for any region. *)
Definition naive_check (d : descriptor) (region_bytes : Z) : bool :=
  cut 64 (offset d + byte_count d) <=? region_bytes.

Theorem naive_sum_unsafe : exists d, words d /\
  forall region_bytes, word 64 region_bytes -> naive_check d region_bytes = true /\ ~ in_bounds d region_bytes.
Proof.
  exists (Descriptor 0 (2 ^ 64 - 1) 1 0 0 0). split.
  - unfold words, word; simpl; lia.
  - intros r Hr. unfold naive_check, in_bounds, word in *. cbn [offset byte_count]. split; [ | lia ].
    apply Z.leb_le. change (cut 64 (2 ^ 64 - 1 + 1)) with 0. lia.
Qed.

(** ** 3. Bytes and extents *)

(** A byte of a region: the id, generation included, and the place. *)
Definition byte := (Z * Z)%type.

Record extent := Extent { region : Z; start : Z; size : Z }.

Definition extent_of (d : descriptor) : extent := Extent (raw d) (offset d) (byte_count d).

Definition has (e : extent) (b : byte) : bool :=
  (fst b =? region e) && (start e <=? snd b) && (snd b <? start e + size e).

(** How often a list of extents has a byte: disjointness and coverage are equations about it. *)
Fixpoint count (es : list extent) (b : byte) : Z :=
  match es with
  | [] => 0
  | e :: rest => Z.b2z (has e b) + count rest b
  end.

Lemma has_iff e b : has e b = true <-> fst b = region e /\ start e <= snd b < start e + size e.
Proof. unfold has. rewrite !andb_true_iff, Z.eqb_eq, Z.leb_le, Z.ltb_lt. tauto. Qed.

Lemma b2z_range x : 0 <= Z.b2z x <= 1.
Proof. destruct x; cbn; lia. Qed.

Lemma count_nonneg es b : 0 <= count es b.
Proof. induction es as [ | e es IH ]; simpl; [ lia | pose proof (b2z_range (has e b)); lia ]. Qed.

Lemma count_app es fs b : count (es ++ fs) b = count es b + count fs b.
Proof. induction es; simpl; lia. Qed.

Lemma count_in es e b : In e es -> has e b = true -> 1 <= count es b.
Proof.
  induction es as [ | x es IH ]; simpl; [ tauto | ]. intros [ -> | Hin ] Hh.
  - rewrite Hh. pose proof (count_nonneg es b). simpl. lia.
  - specialize (IH Hin Hh). pose proof (b2z_range (has x b)). lia.
Qed.

Lemma count_positive es b : 1 <= count es b -> exists e, In e es /\ has e b = true.
Proof.
  induction es as [ | e es IH ]; simpl; [ lia | ]. intros H. destruct (has e b) eqn:E.
  - exists e. auto.
  - simpl in H. destruct (IH H) as (x & ? & ?). eauto.
Qed.

Lemma count_permutation es fs b : Permutation es fs -> count es b = count fs b.
Proof. induction 1; simpl; lia. Qed.

(** Cutting an extent in two, and joining two neighbours, moves no byte: [Buffer.split(at:)], [Buffer.merge(_:)]. *)
Lemma has_split r s a c b : 0 <= a -> 0 <= c ->
  Z.b2z (has (Extent r s (a + c)) b) = Z.b2z (has (Extent r s a) b) + Z.b2z (has (Extent r (s + a) c) b).
Proof.
  intros. unfold has. simpl. destruct (fst b =? r); simpl; [ | reflexivity ].
  destruct (Z.leb_spec s (snd b)), (Z.ltb_spec (snd b) (s + (a + c))), (Z.ltb_spec (snd b) (s + a)),
    (Z.leb_spec (s + a) (snd b)), (Z.ltb_spec (snd b) (s + a + c)); simpl; lia.
Qed.

(** *** Taking a part out of what is lent *)

Definition within (e g : extent) : bool :=
  (region e =? region g) && (start g <=? start e) && (start e + size e <=? start g + size g).

Definition piece (r s a : Z) : list extent := if a =? 0 then [] else [Extent r s a].

(** What is left of [g] when [e] is taken out. *)
Definition remainders (e g : extent) : list extent :=
  piece (region g) (start g) (start e - start g)
  ++ piece (region g) (start e + size e) (start g + size g - (start e + size e)).

(** Looks for the lent extent that holds all of [e], takes [e] out and keeps the rest. *)
Fixpoint take (e : extent) (lent : list extent) : option (list extent) :=
  match lent with
  | [] => None
  | g :: rest =>
      if within e g then Some (remainders e g ++ rest)
      else match take e rest with Some others => Some (g :: others) | None => None end
  end.

Lemma count_piece r s a b : count (piece r s a) b = Z.b2z (has (Extent r s a) b).
Proof.
  unfold piece. destruct (Z.eqb_spec a 0) as [ -> | ]; simpl; [ | lia ].
  replace (has (Extent r s 0) b) with false; [ reflexivity | ]. symmetry. apply not_true_is_false.
  rewrite has_iff. simpl. lia.
Qed.

Lemma remainders_exact e g b : 0 <= size e -> within e g = true ->
  Z.b2z (has g b) = Z.b2z (has e b) + count (remainders e g) b.
Proof.
  unfold within, remainders. rewrite !andb_true_iff, Z.eqb_eq, !Z.leb_le. intros Hs ((Hr & Hl) & Hh).
  rewrite count_app, !count_piece. destruct e as [r s z], g as [r' s' z']. simpl in *. subst r'.
  replace z' with ((s - s') + (z + (s' + z' - (s + z)))) at 1 by lia.
  rewrite (has_split r s' (s - s') (z + (s' + z' - (s + z))) b) by lia. replace (s' + (s - s')) with s by lia.
  rewrite (has_split r s z) by lia. lia.
Qed.

(** Taking is exact: byte by byte, what was lent is what was taken and what is left. *)
Lemma take_exact e lent others : 0 <= size e -> take e lent = Some others ->
  forall b, count lent b = Z.b2z (has e b) + count others b.
Proof.
  intros Hs. revert others. induction lent as [ | g rest IH ]; simpl; intros others E b; [ discriminate | ].
  destruct (within e g) eqn:Hw.
  - injection E as <-. rewrite count_app, (remainders_exact e g b Hs Hw). lia.
  - destruct (take e rest) as [others' | ]; [ | discriminate ]. injection E as <-. simpl.
    rewrite (IH others' eq_refl b). lia.
Qed.

Lemma take_own e lent : In e lent -> exists others, take e lent = Some others.
Proof.
  induction lent as [ | g rest IH ]; simpl; [ tauto | ]. intros [ -> | Hin ].
  - replace (within e e) with true; [ eauto | ]. symmetry. unfold within.
    rewrite !andb_true_iff, Z.eqb_eq, !Z.leb_le. lia.
  - destruct (within e g); [ eauto | ]. destruct (IH Hin) as [others ->]. eauto.
Qed.

(** All extents have at least one byte, in [es] and so in what is left. *)
Definition nonempty (es : list extent) : Prop := Forall (fun e => 0 < size e) es.

Lemma remainders_nonempty e g : within e g = true -> nonempty (remainders e g).
Proof.
  unfold within, remainders, piece. rewrite !andb_true_iff, Z.eqb_eq, !Z.leb_le. intros ((_ & H1) & H2).
  apply Forall_app. split.
  - destruct (Z.eqb_spec (start e - start g) 0); constructor; simpl; try lia; constructor.
  - destruct (Z.eqb_spec (start g + size g - (start e + size e)) 0); constructor; simpl; try lia; constructor.
Qed.

Lemma take_nonempty e lent others : take e lent = Some others -> nonempty lent -> nonempty others.
Proof.
  revert others. induction lent as [ | g rest IH ]; simpl; intros others E H; [ discriminate | ]. inversion H; subst.
  destruct (within e g) eqn:Hw.
  - injection E as <-. apply Forall_app. split; [ now apply remainders_nonempty | assumption ].
  - destruct (take e rest) as [others' | ]; [ | discriminate ]. injection E as <-. constructor; auto. now apply IH.
Qed.

(** ** 4. The table of regions *)

(** [RegionTable.Entry]: [base] 0 is no memory. *)
Record entry := Entry { entry_id : Z; base : Z; entry_bytes : Z }.

Definition no_entry := Entry 0 0 0.

Definition slot_of (id : Z) : Z := Z.land id 63.

(** [RegionTable.buffer(_:)]: one entry, by the low bits, and a comparison of all 64 bits of the id. *)
Definition lookup (table : Z -> entry) (id : Z) : option Z :=
  let e := table (slot_of id) in
  if (entry_id e =? id) && negb (base e =? 0) then Some (entry_bytes e) else None.

Definition set_entry (table : Z -> entry) (s : Z) (e : entry) : Z -> entry :=
  fun s' => if s' =? s then e else table s'.

(** How often K, the union of the registered regions, has a byte: 1 or 0. *)
Definition registered (table : Z -> entry) (b : byte) : Z :=
  match lookup table (fst b) with
  | Some bytes => Z.b2z ((0 <=? snd b) && (snd b <? bytes))
  | None => 0
  end.

(** ** 5. Programs that fetch shared words *)

Inductive field := Region_field | Offset_field | Byte_count_field | Valid_offset_field | Valid_byte_count_field
  | Flags_field.

(** [RingMemory.head], [RingMemory.tail], [RingMemory.slots]. *)
Inductive address := Head_cursor | Tail_cursor | Slot (index : Z) (f : field).

Definition width (a : address) : Z :=
  match a with Slot _ Region_field | Slot _ Offset_field => 64 | _ => 32 end.

(** A program on private memory whose only contact with shared memory is to fetch one word after another. *)
Inductive program (A : Type) :=
| Done (a : A)
| Fetch (a : address) (go_on : Z -> program A).
Arguments Done {A} a.
Arguments Fetch {A} a go_on.

(** What shared memory holds, by time and address: whatever the peer likes. *)
Definition environment := nat -> address -> Z.

(** The result, and which words were fetched. Time passes with each fetch, and the peer may use it. *)
Fixpoint execute {A} (env : environment) (now : nat) (p : program A) : A * list address :=
  match p with
  | Done a => (a, [])
  | Fetch a go_on =>
      let (result, fetched) := execute env (S now) (go_on (cut (width a) (env now a))) in
      (result, a :: fetched)
  end.

Definition all_fields :=
  [Region_field; Offset_field; Byte_count_field; Valid_offset_field; Valid_byte_count_field; Flags_field].

(** One slot, each word once, into a private copy: the six may be of six different moments. *)
Definition fetch_descriptor {A} (index : Z) (go_on : descriptor -> program A) : program A :=
  Fetch (Slot index Region_field) (fun r =>
  Fetch (Slot index Offset_field) (fun o =>
  Fetch (Slot index Byte_count_field) (fun n =>
  Fetch (Slot index Valid_offset_field) (fun vo =>
  Fetch (Slot index Valid_byte_count_field) (fun vn =>
  Fetch (Slot index Flags_field) (fun f =>
  go_on (Descriptor r o n vo vn f))))))).

Lemma execute_fetch_descriptor {A} env now index (go_on : descriptor -> program A) : exists d, words d /\
  execute env now (fetch_descriptor index go_on) =
    (fst (execute env (6 + now) (go_on d)),
     map (Slot index) all_fields ++ snd (execute env (6 + now) (go_on d))).
Proof.
  exists (Descriptor (cut 64 (env now (Slot index Region_field)))
            (cut 64 (env (1 + now)%nat (Slot index Offset_field)))
            (cut 32 (env (2 + now)%nat (Slot index Byte_count_field)))
            (cut 32 (env (3 + now)%nat (Slot index Valid_offset_field)))
            (cut 32 (env (4 + now)%nat (Slot index Valid_byte_count_field)))
            (cut 32 (env (5 + now)%nat (Slot index Flags_field)))). split.
  - unfold words. cbn [raw offset byte_count valid_offset valid_byte_count flags].
    repeat split; try apply (cut_word 64); try apply (cut_word 32); lia.
  - unfold fetch_descriptor. cbn [execute width plus].
    destruct (execute env _ (go_on _)) as [result fetched]. reflexivity.
Qed.

(** ** 6. Our side *)

Section Our_side.

(** Slots of the ring, [slotCount]. *)
Variable n : Z.
Hypothesis n_positive : 0 < n.
Hypothesis n_word : n < 2 ^ 32.
Hypothesis n_divides : (n | 2 ^ 32).

(** Any further check that an implementation likes to make: that the very buffer lent comes back, uncut; that flags are
    such; that a run is whole. Nothing below depends on it except that it is made on the private copy. *)
Variable further : descriptor -> list extent -> bool.

(** All of it private. *)
Record state := State {
  table : Z -> entry;
  retired : list Z;
  owned : list extent;
  lent : list extent;
  own_head : Z;
  own_tail : Z;
  rejected : Z
}.

(** What comes out of the private copy of one slot: nothing but the checks decides. *)
Definition verdict (s : state) (d : descriptor) : fault + list extent :=
  match lookup (table s) (raw d) with
  | None => inl Unknown_region
  | Some bytes =>
      match fault_of d bytes with
      | Some f => inl f
      | None =>
          match take (extent_of d) (lent s) with
          | Some others => if further d (lent s) then inr others else inl Not_lent
          | None => inl Not_lent
          end
      end
  end.

(** Takes one slot. Whatever it held, the cursor moves on: a bad descriptor is passed over and counted. *)
Definition accept (s : state) (d : descriptor) : state * list descriptor :=
  match verdict s d with
  | inr others =>
      (State (table s) (retired s) (extent_of d :: owned s) others (own_head s) (cut 32 (own_tail s + 1)) (rejected s),
       [d])
  | inl _ =>
      (State (table s) (retired s) (owned s) (lent s) (own_head s) (cut 32 (own_tail s + 1)) (rejected s + 1), [])
  end.

(** [RingConsumer.read(at:)] and [RingLink.take(_:)], for [remaining] slots; [got] is what the call has yielded so far. *)
Fixpoint take_slots (remaining : nat) (s : state) (got : list descriptor) : program (state * list descriptor) :=
  match remaining with
  | O => Done (s, got)
  | S r =>
      fetch_descriptor (own_tail s mod n) (fun d =>
        let (s', new) := accept s d in take_slots r s' (got ++ new))
  end.

Definition count_rejection (s : state) : state :=
  State (table s) (retired s) (owned s) (lent s) (own_head s) (own_tail s) (rejected s + 1).

(** [RingConsumer.availableCount(wanted:)] and [RingLink.dequeue(into:)], with a cursor that is not taken on trust: a head
    that claims more than the ring has slots is a fault, and nothing is taken. [room] bounds the work of the call. *)
Definition dequeue (s : state) (room : Z) : program (state * list descriptor) :=
  Fetch Head_cursor (fun h =>
    let available := sub 32 h (own_tail s) in
    if n <? available then Done (count_rejection s, [])
    else take_slots (Z.to_nat (Z.min available room)) s []).

(** [RingProducer.freeCount(wanted:)] and [RingLink.enqueue(_:)]: the buffer is one that we own, and the peer's cursor is
    not taken on trust either. The descriptor written is in memory that is the peer's to rewrite, so that writing it
    leaves no trace in this model; the ledger keeps what was lent. *)
Definition enqueue (s : state) (d : descriptor) : program (state * bool) :=
  match lookup (table s) (raw d) with
  | None => Done (s, false)
  | Some bytes =>
      match fault_of d bytes, take (extent_of d) (owned s) with
      | None, Some others =>
          Fetch Tail_cursor (fun t =>
            let used := sub 32 (own_head s) t in
            if n <? used then Done (count_rejection s, false)
            else if used =? n then Done (s, false)
            else Done (State (table s) (retired s) others (extent_of d :: lent s) (cut 32 (own_head s + 1)) (own_tail s)
                         (rejected s), true))
      | _, _ => Done (s, false)
      end
  end.

(** The peer is declared gone: everything it held goes back to its owner. *)
Definition gone (s : state) : state :=
  State (table s) (retired s) (owned s ++ lent s) [] (own_head s) (own_tail s) (rejected s).

Inductive step : state -> state -> Prop :=
| step_dequeue s env now room : step s (fst (fst (execute env now (dequeue s room))))
| step_enqueue s env now d : words d -> step s (fst (fst (execute env now (enqueue s d))))
| step_gone s : step s (gone s)
(** [RegionTable.insert(_:)]: the entry is free, the id was never used ([RegionDirectory.make] counts generations). *)
| step_register s id memory bytes :
    id <> 0 -> memory <> 0 -> 0 < bytes -> word 64 bytes ->
    table s (slot_of id) = no_entry -> ~ In id (retired s) ->
    step s (State (set_entry (table s) (slot_of id) (Entry id memory bytes)) (retired s)
              (Extent id 0 bytes :: owned s) (lent s) (own_head s) (own_tail s) (rejected s))
(** [RegionTable.remove(_:)]: no byte of it is elsewhere; the id is dead for ever. *)
| step_deregister s id bytes :
    lookup (table s) id = Some bytes -> (forall b, fst b = id -> count (lent s) b = 0) ->
    step s (State (set_entry (table s) (slot_of id) no_entry) (id :: retired s)
              (filter (fun e => negb (region e =? id)) (owned s)) (lent s) (own_head s) (own_tail s) (rejected s))
(** Splitting, merging, and ordering what we own as we like: byte by byte it stays what it is. See [has_split]. *)
| step_rearrange s owned' :
    nonempty owned' -> (forall b, count owned' b = count (owned s) b) ->
    step s (State (table s) (retired s) owned' (lent s) (own_head s) (own_tail s) (rejected s)).

Inductive steps : state -> state -> Prop :=
| steps_none s : steps s s
| steps_more s s' s'' : steps s s' -> step s' s'' -> steps s s''.

Definition initial : state := State (fun _ => no_entry) [] [] [] 0 0 0.

Definition reachable (s : state) : Prop := steps initial s.

(** *** The invariant: I1 and I2 for what we can observe *)

Record invariant (s : state) : Prop := Invariant {
  (** Each byte of K is owned or lent, once; no other byte is either. *)
  accounted : forall b, count (owned s) b + count (lent s) b = registered (table s) b;
  owned_nonempty : nonempty (owned s);
  lent_nonempty : nonempty (lent s);
  sizes_are_words : forall i, word 64 (entry_bytes (table s i));
  retired_dead : forall id, In id (retired s) -> lookup (table s) id = None;
  tail_is_word : word 32 (own_tail s)
}.

(** *** One call of dequeue *)

(** What a descriptor that is yielded has gone through, on the private copy. *)
Definition checked (t : Z -> entry) (d : descriptor) : Prop :=
  words d /\ exists bytes, lookup t (raw d) = Some bytes /\ fault_of d bytes = None.

(** From [s] to [s'], exactly [got] moved from lent to owned. *)
Record moved (s s' : state) (got : list descriptor) : Prop := Moved {
  same_table : table s' = table s;
  same_retired : retired s' = retired s;
  owned_gains : forall b, count (owned s') b = count (owned s) b + count (map extent_of got) b;
  lent_loses : forall b, count (lent s) b = count (lent s') b + count (map extent_of got) b;
  all_checked : Forall (checked (table s)) got;
  nothing_for_nothing : got = [] -> owned s' = owned s /\ lent s' = lent s;
  keeps_owned_nonempty : nonempty (owned s) -> nonempty (owned s');
  keeps_lent_nonempty : nonempty (lent s) -> nonempty (lent s');
  keeps_tail_word : word 32 (own_tail s) -> word 32 (own_tail s')
}.

Lemma moved_nothing s s' : table s' = table s -> retired s' = retired s -> owned s' = owned s -> lent s' = lent s ->
  (word 32 (own_tail s) -> word 32 (own_tail s')) -> moved s s' [].
Proof.
  intros Ht Hr Ho Hl Hw. split; simpl; intros; rewrite ?Ht, ?Hr, ?Ho, ?Hl; auto; lia.
Qed.

Lemma moved_twice s s1 s2 got1 got2 : moved s s1 got1 -> moved s1 s2 got2 -> moved s s2 (got1 ++ got2).
Proof.
  intros [T1 R1 O1 L1 C1 N1 P1 Q1 W1] [T2 R2 O2 L2 C2 N2 P2 Q2 W2].
  split; try congruence; intros; rewrite ?map_app, ?count_app; auto.
  - rewrite O2, O1. lia.
  - rewrite L1, L2. lia.
  - rewrite T1 in C2. apply Forall_app. auto.
  - apply app_eq_nil in H as [-> ->]. destruct (N1 eq_refl), (N2 eq_refl). split; congruence.
Qed.

Lemma fault_none_size d bytes : words d -> fault_of d bytes = None -> 0 < byte_count d.
Proof.
  unfold fault_of, words, word. destruct (Z.eqb_spec (byte_count d) 0); [ discriminate | ]. lia.
Qed.

Lemma accept_moved s d : words d -> moved s (fst (accept s d)) (snd (accept s d)).
Proof.
  intros Hd. unfold accept. destruct (verdict s d) as [f | others] eqn:V; simpl.
  - apply moved_nothing; auto. intros _. apply (cut_word 32). lia.
  - unfold verdict in V. destruct (lookup (table s) (raw d)) as [bytes | ] eqn:L; [ | discriminate ].
    destruct (fault_of d bytes) eqn:E; [ discriminate | ].
    destruct (take (extent_of d) (lent s)) as [others' | ] eqn:T; [ | discriminate ].
    destruct (further d (lent s)); [ | discriminate ]. injection V as ->.
    pose proof (fault_none_size _ _ Hd E) as Hsize.
    split; simpl; auto.
    + intros b. lia.
    + intros b. rewrite (take_exact (extent_of d) (lent s) others) by (simpl; lia || assumption). lia.
    + repeat constructor; try apply Hd. eauto.
    + discriminate.
    + intros H. constructor; [ simpl; lia | assumption ].
    + intros H. eapply take_nonempty; eassumption.
    + intros _. apply (cut_word 32). lia.
Qed.

Lemma accept_tail s d : own_tail (fst (accept s d)) = cut 32 (own_tail s + 1).
Proof. unfold accept. destruct (verdict s d); reflexivity. Qed.

Lemma accept_at_most_one s d : (length (snd (accept s d)) <= 1)%nat.
Proof. unfold accept. destruct (verdict s d); simpl; lia. Qed.

(** The words of [k] slots from cursor [t] on. *)
Fixpoint slot_words (t : Z) (k : nat) : list address :=
  match k with
  | O => []
  | S r => map (Slot (t mod n)) all_fields ++ slot_words (cut 32 (t + 1)) r
  end.

Lemma take_slots_runs env k : forall now s got, exists s' new,
  execute env now (take_slots k s got) = ((s', got ++ new), slot_words (own_tail s) k)
  /\ moved s s' new /\ (length new <= k)%nat.
Proof.
  induction k as [ | k IH ]; intros now s got.
  - exists s, []. simpl. rewrite app_nil_r. parts; auto. apply moved_nothing; auto.
  - simpl take_slots.
    destruct (execute_fetch_descriptor env now (own_tail s mod n)
                (fun d => let (s', new) := accept s d in take_slots k s' (got ++ new))) as (d & Hd & E).
    pose proof (accept_moved s d Hd) as Hm. pose proof (accept_tail s d) as Ht.
    pose proof (accept_at_most_one s d) as Hone. destruct (accept s d) as [s1 new1] eqn:A. simpl in Hm, Ht, Hone.
    destruct (IH (6 + now)%nat s1 (got ++ new1)) as (s2 & new2 & E2 & Hm2 & Hlen).
    exists s2, (new1 ++ new2). rewrite E, E2. cbn [fst snd slot_words]. rewrite Ht, <- app_assoc. parts.
    + reflexivity.
    + eapply moved_twice; eassumption.
    + rewrite app_length. lia.
Qed.

Lemma dequeue_runs env now s room : exists s' got k,
  execute env now (dequeue s room) = ((s', got), Head_cursor :: slot_words (own_tail s) k)
  /\ moved s s' got /\ (length got <= k)%nat /\ (k <= Z.to_nat n)%nat /\ (k <= Z.to_nat room)%nat.
Proof.
  unfold dequeue. cbn [execute width]. set (h := cut 32 (env now Head_cursor)). simpl.
  destruct (Z.ltb_spec n (sub 32 h (own_tail s))).
  - exists (count_rejection s), [], O. simpl. parts; try lia; try reflexivity. apply moved_nothing; auto.
  - destruct (take_slots_runs env (Z.to_nat (Z.min (sub 32 h (own_tail s)) room)) (S now) s [])
      as (s' & got & E & Hm & Hl).
    exists s', got, (Z.to_nat (Z.min (sub 32 h (own_tail s)) room)). rewrite E. simpl.
    split; [ reflexivity | ]. split; [ assumption | ]. split; [ assumption | ]. lia.
Qed.

(** *** Fetched once, bounded *)

Lemma mod_of_cut x : (x mod 2 ^ 32) mod n = x mod n.
Proof.
  destruct n_divides as [q Hq]. rewrite Hq at 1. rewrite (Z.mul_comm q n).
  assert (0 < q) by nia. rewrite Z.rem_mul_r by lia.
  rewrite (Z.mul_comm n), Z.mod_add by lia. apply Z.mod_mod. lia.
Qed.

Lemma slot_words_in k : forall t a, In a (slot_words t k) ->
  exists j f, 0 <= j < Z.of_nat k /\ a = Slot ((t + j) mod n) f.
Proof.
  induction k as [ | k IH ]; intros t a; [ simpl; tauto | ]. cbn [slot_words]. rewrite in_app_iff.
  intros [ Hin | Hin ].
  - apply in_map_iff in Hin as (f & <- & _). exists 0, f. rewrite Z.add_0_r. split; [ lia | reflexivity ].
  - apply IH in Hin as (j & f & Hj & ->). exists (j + 1), f. split; [ lia | ]. f_equal. unfold cut.
    rewrite <- (mod_of_cut (_ + j)), Zplus_mod_idemp_l, mod_of_cut. f_equal. lia.
Qed.

Lemma mod_injective a b : a <= b < a + n -> a mod n = b mod n -> a = b.
Proof.
  intros Hab E. pose proof (Z.div_mod a n ltac:(lia)). pose proof (Z.div_mod b n ltac:(lia)).
  assert (b / n = a / n) by nia. nia.
Qed.

Lemma NoDup_app {A} (l m : list A) : NoDup l -> NoDup m -> (forall x, In x l -> ~ In x m) -> NoDup (l ++ m).
Proof.
  induction 1 as [ | x l Hx Hl IH ]; simpl; intros Hm Hd; [ assumption | ]. constructor.
  - rewrite in_app_iff. intros [ ? | ? ]; [ tauto | ]. exact (Hd x (or_introl eq_refl) H).
  - apply IH; auto.
Qed.

Lemma slot_words_once k : forall t, Z.of_nat k <= n -> NoDup (slot_words t k).
Proof.
  induction k as [ | k IH ]; intros t Hk; [ constructor | ]. cbn [slot_words]. apply NoDup_app.
  - repeat constructor; simpl; intuition discriminate.
  - apply IH. lia.
  - intros a Ha Hin. apply in_map_iff in Ha as (f & <- & _). apply slot_words_in in Hin as (j & g & Hj & E).
    injection E as E _. unfold cut in E.
    rewrite <- (mod_of_cut (_ + j)), Zplus_mod_idemp_l, mod_of_cut in E.
    apply mod_injective in E; lia.
Qed.

Lemma slot_words_length k : forall t, length (slot_words t k) = (6 * k)%nat.
Proof. induction k as [ | k IH ]; intros t; [ reflexivity | ]. cbn [slot_words]. rewrite app_length, IH. simpl. lia. Qed.

(** No shared word is looked at twice in a call: what was checked is what is used. *)
Theorem fetched_once env now s room : NoDup (snd (execute env now (dequeue s room))).
Proof.
  destruct (dequeue_runs env now s room) as (s' & got & k & E & _ & _ & Hk & _). rewrite E. simpl. constructor.
  - intros Hin. apply slot_words_in in Hin as (j & f & _ & E'). discriminate.
  - apply slot_words_once. lia.
Qed.

(** However much the peer claims to have sent: the work of a call and what it yields are bounded by the ring and by what
    the caller asked for. *)
Theorem bounded env now s room :
  (length (snd (execute env now (dequeue s room))) <= 1 + 6 * Nat.min (Z.to_nat n) (Z.to_nat room))%nat
  /\ (length (snd (fst (execute env now (dequeue s room)))) <= Nat.min (Z.to_nat n) (Z.to_nat room))%nat.
Proof.
  destruct (dequeue_runs env now s room) as (s' & got & k & E & _ & Hlen & Hk & Hroom). rewrite E. simpl.
  rewrite slot_words_length. lia.
Qed.

(** Slots that are fetched are slots of the ring. *)
Theorem fetched_inside env now s room i f :
  In (Slot i f) (snd (execute env now (dequeue s room))) -> 0 <= i < n.
Proof.
  destruct (dequeue_runs env now s room) as (s' & got & k & E & _). rewrite E. simpl. intros [ H | H ]; [ discriminate | ].
  apply slot_words_in in H as (j & g & _ & E'). injection E' as -> _. apply Z.mod_pos_bound. lia.
Qed.

(** *** Every step keeps the invariant *)

Lemma registered_range t b : 0 <= registered t b <= 1.
Proof. unfold registered. destruct (lookup t (fst b)); [ apply b2z_range | lia ]. Qed.

Lemma moved_invariant s s' got : invariant s -> moved s s' got -> invariant s'.
Proof.
  intros [A O L S R T] [T1 R1 O1 L1 C1 N1 P1 Q1 W1]. split; auto.
  - intros b. rewrite T1, O1, <- A, L1. lia.
  - intros i. rewrite T1. apply S.
  - intros id. rewrite T1, R1. apply R.
Qed.

Lemma lookup_set_other t s e id : slot_of id <> s -> lookup (set_entry t s e) id = lookup t id.
Proof. intros H. unfold lookup, set_entry. destruct (Z.eqb_spec (slot_of id) s); [ contradiction | reflexivity ]. Qed.

Lemma lookup_set_same t id e : lookup (set_entry t (slot_of id) e) id =
  if (entry_id e =? id) && negb (base e =? 0) then Some (entry_bytes e) else None.
Proof. unfold lookup, set_entry. now rewrite Z.eqb_refl. Qed.

Lemma lookup_none t id : t (slot_of id) = no_entry -> lookup t id = None.
Proof. intros H. unfold lookup. rewrite H. simpl. now rewrite andb_false_r. Qed.

(** What another id finds in an entry that is one id's, or nobody's. *)
Lemma lookup_set_entry_other t id e other : other <> id -> (entry_id e = id \/ base e = 0) ->
  (forall x, lookup t x <> None -> slot_of x = slot_of id -> x = id) ->
  lookup (set_entry t (slot_of id) e) other = lookup t other.
Proof.
  intros Hne He Hsame. destruct (Z.eq_dec (slot_of other) (slot_of id)) as [ Eq | Hs ].
  - transitivity (@None Z).
    + unfold lookup, set_entry. rewrite Eq, Z.eqb_refl. destruct He as [ He | He ]; rewrite He.
      * destruct (Z.eqb_spec id other); [ congruence | reflexivity ].
      * now rewrite andb_false_r.
    + symmetry. destruct (lookup t other) eqn:L; [ | reflexivity ]. exfalso. apply Hne, Hsame; congruence.
  - now apply lookup_set_other.
Qed.

Lemma lookup_unique t id bytes x : lookup t id = Some bytes -> lookup t x <> None -> slot_of x = slot_of id -> x = id.
Proof.
  unfold lookup. intros H1 H2 E. rewrite E in H2.
  destruct (Z.eqb_spec (entry_id (t (slot_of id))) id); [ | discriminate ].
  destruct (Z.eqb_spec (entry_id (t (slot_of id))) x); [ congruence | ]. now destruct H2.
Qed.

Lemma count_filter id es b :
  count (filter (fun e => negb (region e =? id)) es) b = if fst b =? id then 0 else count es b.
Proof.
  induction es as [ | e es IH ]; simpl; [ now destruct (fst b =? id) | ].
  destruct (Z.eqb_spec (region e) id) as [ He | He ]; simpl; rewrite IH; unfold has;
    destruct (Z.eqb_spec (fst b) id); destruct (Z.eqb_spec (fst b) (region e)); simpl; lia.
Qed.

Lemma enqueue_runs env now s d : words d -> exists s' accepted,
  fst (execute env now (enqueue s d)) = (s', accepted)
  /\ table s' = table s /\ retired s' = retired s /\ own_tail s' = own_tail s
  /\ (accepted = false -> owned s' = owned s /\ lent s' = lent s)
  /\ (accepted = true -> lent s' = extent_of d :: lent s /\ take (extent_of d) (owned s) = Some (owned s')
        /\ checked (table s) d).
Proof.
  intros Hd. unfold enqueue. destruct (lookup (table s) (raw d)) as [bytes | ] eqn:L;
    [ | exists s, false; simpl; repeat split; auto; discriminate ].
  destruct (fault_of d bytes) eqn:E; [ exists s, false; simpl; repeat split; auto; discriminate | ].
  destruct (take (extent_of d) (owned s)) as [others | ] eqn:T;
    [ | exists s, false; simpl; repeat split; auto; discriminate ].
  cbn [execute width]. destruct (n <? sub 32 (own_head s) (cut 32 (env now Tail_cursor))).
  { exists (count_rejection s), false. simpl. repeat split; auto; discriminate. }
  destruct (sub 32 (own_head s) (cut 32 (env now Tail_cursor)) =? n).
  { exists s, false. simpl. repeat split; auto; discriminate. }
  eexists _, true. simpl. repeat split; try apply Hd; try discriminate. eauto.
Qed.

Lemma step_invariant s s' : invariant s -> step s s' -> invariant s'.
Proof.
  intros Hinv Hstep. destruct Hstep.
  - destruct (dequeue_runs env now s room) as (s' & got & k & E & Hm & _). rewrite E. simpl.
    eapply moved_invariant; eassumption.
  - destruct (enqueue_runs env now s d H) as (s' & accepted & E & T & R & W & Hno & Hyes). rewrite E. simpl.
    destruct Hinv as [A O L S Rd Tw]. destruct accepted.
    + destruct (Hyes eq_refl) as (El & Et & (_ & bytes & _ & Hf)).
      pose proof (fault_none_size _ _ H Hf) as Hsize.
      split; try rewrite T; try rewrite R; try rewrite W; auto.
      * intros b. rewrite El. simpl. rewrite <- A.
        rewrite (take_exact (extent_of d) (owned s) (owned s')) by (simpl; lia || assumption). lia.
      * eapply take_nonempty; eassumption.
      * rewrite El. constructor; [ simpl; lia | assumption ].
    + destruct (Hno eq_refl) as [Eo El].
      split; try rewrite T; try rewrite R; try rewrite W; try rewrite Eo; try rewrite El; auto.
  - destruct Hinv as [A O L S Rd Tw]. split; simpl; auto.
    + intros b. rewrite count_app, <- A. lia.
    + apply Forall_app. auto.
    + constructor.
  - rename H into Hid, H0 into Hmem, H1 into Hbytes, H2 into Hword, H3 into Hfree, H4 into Hnew.
    destruct Hinv as [A O L S Rd Tw].
    assert (Hsame : forall x, lookup (table s) x <> None -> slot_of x = slot_of id -> x = id).
    { intros x Hx E. exfalso. apply Hx, lookup_none. congruence. }
    split; simpl; auto.
    + intros b. unfold registered. destruct (Z.eq_dec (fst b) id) as [ E | Hne ].
      * specialize (A b). unfold registered in A. rewrite E in *. rewrite lookup_none in A by assumption.
        rewrite lookup_set_same. simpl. rewrite Z.eqb_refl. destruct (Z.eqb_spec memory 0); [ contradiction | ]. simpl.
        unfold has. simpl. rewrite E, Z.eqb_refl, Z.add_0_l. simpl. lia.
      * rewrite lookup_set_entry_other by auto. specialize (A b). unfold registered in A. rewrite <- A.
        unfold has. simpl. destruct (Z.eqb_spec (fst b) id); [ contradiction | ]. simpl. lia.
    + constructor; [ simpl; lia | assumption ].
    + intros i. unfold set_entry. destruct (i =? slot_of id); auto.
    + intros x Hx. rewrite lookup_set_entry_other; auto. congruence.
  - rename H into Hlive, H0 into Hhome. destruct Hinv as [A O L S Rd Tw].
    assert (Hsame : forall x, lookup (table s) x <> None -> slot_of x = slot_of id -> x = id).
    { intros x. eapply lookup_unique. eassumption. }
    assert (Hgone : lookup (set_entry (table s) (slot_of id) no_entry) id = None).
    { rewrite lookup_set_same. simpl. now rewrite andb_false_r. }
    split; simpl; auto.
    + intros b. rewrite count_filter. unfold registered. destruct (Z.eqb_spec (fst b) id) as [ E | Hne ].
      * rewrite E, Hgone, Hhome by assumption. lia.
      * rewrite lookup_set_entry_other by auto. apply A.
    + unfold nonempty in *. rewrite Forall_forall in *. intros e He. apply filter_In in He. now apply O.
    + intros i. unfold set_entry. destruct (i =? slot_of id); [ unfold word; simpl; lia | apply S ].
    + intros x [ <- | Hx ]; [ assumption | ]. destruct (Z.eq_dec x id) as [ -> | ]; [ assumption | ].
      rewrite lookup_set_entry_other; auto.
  - destruct Hinv as [A O L S Rd Tw]. split; simpl; auto. intros b. rewrite H0. apply A.
Qed.

Lemma initial_invariant : invariant initial.
Proof.
  split; simpl; try constructor; try tauto.
  - intros b. unfold registered. now rewrite lookup_none.
  - lia.
  - reflexivity.
  - lia.
  - reflexivity.
Qed.

Lemma steps_invariant s s' : steps s s' -> invariant s -> invariant s'.
Proof. induction 1; eauto using step_invariant. Qed.

Theorem reachable_invariant s : reachable s -> invariant s.
Proof. intros H. eapply steps_invariant; [ exact H | apply initial_invariant ]. Qed.

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
