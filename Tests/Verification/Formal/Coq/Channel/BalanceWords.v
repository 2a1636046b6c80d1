(* The words that accounts are kept in wrap: added before they are read as a signed number they say the truth (words_exact), and
   not otherwise (parts_overflow). A count may be kept as several words, what was handed over, what was taken and the rest, each
   of which wraps by itself (word_of_counts). *)

From Coq Require Import ZArith Lia.

(* RingAccount, PrimaryRegion, RingCount: bytes and buffers each in words of 64 bits that wrap; read as signed numbers. *)
Section Words.
  Local Open Scope Z_scope.

  Definition wrapped (x : Z) : Z := x mod 2 ^ 64.
  Definition signed (x : Z) : Z := (x + 2 ^ 63) mod 2 ^ 64 - 2 ^ 63.

  (* What an end has handed over and taken since a region was registered has no bound, and its word wraps. The sum of the
     two ends' words, and of the words that say what is away, are right all the same, since what they say is bounded by the
     region. *)
  Theorem words_exact a b : - 2 ^ 63 <= a + b < 2 ^ 63 -> signed (wrapped (wrapped a + wrapped b)) = a + b.
  Proof.
    intros H. unfold signed, wrapped. rewrite <- Zplus_mod, Zplus_mod_idemp_l, Z.mod_small; lia.
  Qed.

  (* RingBalance.passed: an end may count by itself what it handed over of some region and what it took, and add the difference
     to the rest when it is asked. Each wraps at a time of its own; the word is what one word would have been. *)
  Theorem word_of_counts rest handed taken :
    wrapped (wrapped rest + (wrapped handed - wrapped taken)) = wrapped (rest + handed - taken).
  Proof.
    unfold wrapped. rewrite Zplus_mod_idemp_l, <- Zplus_mod_idemp_r, <- Zminus_mod, Zplus_mod_idemp_r. f_equal. lia.
  Qed.

  (* Read one by one and then added they do not: 2^63 bytes handed over and taken, and nothing in flight. *)
  Theorem parts_overflow : signed (wrapped (2 ^ 63)) + signed (wrapped (- 2 ^ 63)) <> 0.
  Proof. vm_compute. discriminate. Qed.
End Words.
