(* The words that balances are kept in wrap: added before they are taken apart they say the truth (words_exact), and not
   otherwise (parts_overflow). A balance may be kept as several words, what was handed over, what was taken and the rest, each of
   which wraps by itself (word_of_counts). *)

From Coq Require Import ZArith Lia.

(* RingBalance.step and parts: buffers above 40 bits of bytes, in a word of 64 bits that wraps; read as signed numbers. *)
Section Words.
  Local Open Scope Z_scope.

  Definition wrapped (x : Z) : Z := x mod 2 ^ 64.
  Definition word (byte_count buffer_count : Z) : Z := wrapped (buffer_count * 2 ^ 40 + byte_count).
  Definition signed (bits x : Z) : Z := (x + 2 ^ (bits - 1)) mod 2 ^ bits - 2 ^ (bits - 1).
  Definition word_bytes (w : Z) : Z := signed 40 w.
  Definition word_buffers (w : Z) : Z := signed 64 (w - word_bytes w) / 2 ^ 40.

  Lemma wrapped_is x : exists q, wrapped x = x + q * 2 ^ 64.
  Proof. exists (- (x / 2 ^ 64)). unfold wrapped. rewrite Z.mod_eq by lia. lia. Qed.

  Lemma signed_small bits x q :
    0 < bits -> - 2 ^ (bits - 1) <= x < 2 ^ (bits - 1) -> signed bits (x + q * 2 ^ bits) = x.
  Proof.
    intros B H. unfold signed. replace (x + q * 2 ^ bits + 2 ^ (bits - 1)) with (x + 2 ^ (bits - 1) + q * 2 ^ bits) by lia.
    rewrite Z.mod_add by (apply Z.pow_nonzero; lia).
    assert (E : 2 ^ bits = 2 * 2 ^ (bits - 1)) by (rewrite <- Z.pow_succ_r by lia; f_equal; lia).
    rewrite Z.mod_small; lia.
  Qed.

  (* What an end has handed over and taken since a region was registered has no bound, and its word wraps. The sum of the
     two ends' words, and the difference between an account and a word, say what is in flight and what is away all the same,
     since that is bounded by the region. *)
  Theorem words_exact b c b' c' :
    - 2 ^ 39 <= b + b' < 2 ^ 39 -> - 2 ^ 23 <= c + c' < 2 ^ 23 ->
    word_bytes (wrapped (word b c + word b' c')) = b + b' /\ word_buffers (wrapped (word b c + word b' c')) = c + c'.
  Proof.
    intros B C.
    assert (E : exists q, wrapped (word b c + word b' c') = (c + c') * 2 ^ 40 + (b + b') + q * 2 ^ 64).
    { unfold word. destruct (wrapped_is (c * 2 ^ 40 + b)) as [p ->], (wrapped_is (c' * 2 ^ 40 + b')) as [p' ->].
      destruct (wrapped_is (c * 2 ^ 40 + b + p * 2 ^ 64 + (c' * 2 ^ 40 + b' + p' * 2 ^ 64))) as [q ->].
      exists (p + p' + q). lia. }
    destruct E as [q ->].
    assert (W : word_bytes ((c + c') * 2 ^ 40 + (b + b') + q * 2 ^ 64) = b + b').
    { unfold word_bytes. replace ((c + c') * 2 ^ 40 + (b + b') + q * 2 ^ 64)
        with (b + b' + (c + c' + q * 2 ^ 24) * 2 ^ 40) by lia. now apply signed_small. }
    split; [exact W |]. unfold word_buffers. rewrite W.
    replace ((c + c') * 2 ^ 40 + (b + b') + q * 2 ^ 64 - (b + b')) with ((c + c') * 2 ^ 40 + q * 2 ^ 64) by lia.
    rewrite signed_small by lia. apply Z.div_mul. lia.
  Qed.

  (* RingBalance.word: an end may count by itself what it handed over of some region and what it took, and add the difference
     to the rest when it is asked. Each wraps at a time of its own; the word is what one word would have been. *)
  Theorem word_of_counts rest_b rest_c handed_b handed_c taken_b taken_c :
    wrapped (word rest_b rest_c + (word handed_b handed_c - word taken_b taken_c)) =
    word (rest_b + handed_b - taken_b) (rest_c + handed_c - taken_c).
  Proof.
    unfold word, wrapped. rewrite Zplus_mod_idemp_l.
    rewrite <- Zplus_mod_idemp_r, <- Zminus_mod, Zplus_mod_idemp_r. f_equal. lia.
  Qed.

  (* Read one by one and then added they do not: 2^39 bytes handed over and taken, and nothing in flight. *)
  Theorem parts_overflow : word_bytes (word (2 ^ 39) 0) + word_bytes (word (- 2 ^ 39) 0) <> 0.
  Proof. vm_compute. discriminate. Qed.
End Words.
