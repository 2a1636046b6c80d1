(* The step function of ../Coq/Channel/Lanes.v as OCaml: model.ml, which oracle.ml drives.

   Numbers become machine integers: the cursors' 2^32 and all that a trace counts is far below their 2^62. That these
   translations are right is taken on trust, as are Coq's extraction and OCaml's compiler. *)

From Coq Require Import ZArith Extraction ExtrOcamlBasic ExtrOcamlNatInt ExtrOcamlZInt.
From CleanQ Require Lanes.

(* The arithmetic of Nat, for numbers that are not counted out one by one. Subtraction stops at 0. *)
Extract Inlined Constant Nat.add => "(+)".
Extract Inlined Constant Nat.mul => "( * )".
Extract Constant Nat.sub => "fun n m -> Stdlib.max 0 (n - m)".
Extract Constant Nat.pow => "let rec power n m = if m = 0 then 1 else n * power n (m - 1) in power".
Extract Constant Nat.modulo => "fun n m -> if m = 0 then n else n mod m".
Extract Inlined Constant Nat.land => "(land)".
Extract Inlined Constant Nat.leb => "(<=)".
Extract Inlined Constant Nat.ltb => "(<)".
Extract Inlined Constant Nat.eq_dec => "(=)".
Extract Inlined Constant Z.of_nat => "".
Extract Constant Z.to_nat => "fun z -> Stdlib.max 0 z".

Extraction "model.ml" Lanes.start Lanes.lane_step Lanes.view Lanes.brought_home Lanes.arm Lanes.exhausted Lanes.refusal_of
  Lanes.accounts_of.
