(** * The check of a descriptor that an untrusted peer wrote

    [Descriptor.fault(regionByteCount:)], in machine arithmetic, says exactly the bounds of the contract [fault_exact]; the sum
    that wraps, as the published C code has it, does not [naive_sum_unsafe]. *)

From Coq Require Import ZArith Lia Bool.
Open Scope Z_scope.
Global Arguments Z.add : simpl never.
Global Arguments Z.sub : simpl never.
Global Arguments Z.pow : simpl never.
Global Arguments Z.modulo : simpl never.

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

(** No mark but those of [BufferFlags.all]. In the code they share a word, [content], with the valid part's length: see
    [known_marks_exact]. *)
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

(** [content & ~(knownBits | 0xFFFF_FFFF)] is zero where the marks, its upper half, are known ones, whatever its lower half is. *)
Theorem known_marks_exact content : word 64 content -> Z.ldiff content (Z.ones 34) = 0 <-> content / 2 ^ 32 < 4.
Proof.
  unfold word. intros H. rewrite Z.ldiff_ones_r, Z.shiftl_mul_pow2, Z.shiftr_div_pow2 by lia.
  change (2 ^ 34) with (2 ^ 32 * 4). rewrite <- Z.div_div by lia.
  pose proof (Z.div_pos content (2 ^ 32) ltac:(lia) ltac:(lia)). remember (content / 2 ^ 32) as marks eqn:E. clear E.
  pose proof (Z.div_mod marks 4 ltac:(lia)). pose proof (Z.mod_pos_bound marks 4 ltac:(lia)). split; intros; lia.
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
