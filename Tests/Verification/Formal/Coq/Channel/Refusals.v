(* Each reason for which RegionTable.offer refuses what is left of a burst is true; and one buffer by itself is refused as a
   burst of one is. From Bursts.v and ChannelModel.v. *)

From Coq Require Import List Arith Bool ZArith Lia Permutation.
From CleanQ Require Export ChannelCalls.
Import ListNotations.

(* After what was taken no whole run follows that is known and fits: the contract would refuse it too. *)
Lemma rest_not_acceptable known room bs taken :
  run_by_run known room bs taken ->
  forall rest run rest', bs = taken ++ rest -> rest = run ++ rest' -> ~ acceptable known (room - length taken) run.
Proof.
  induction 1 as [room bs N | room run0 rest0 taken A _ IH]; intros rest run rest' E F.
  - simpl in E. subst rest. rewrite Nat.sub_0_r. eauto.
  - rewrite <- app_assoc in E. apply app_inv_head in E. rewrite app_length, Nat.sub_add_distr. eauto.
Qed.

Lemma known_prefix_next known bs :
  match nth_error bs (length (known_prefix known bs)) with Some b => known b = false | None => known_prefix known bs = bs end.
Proof.
  induction bs as [| b bs IH]; [reflexivity |]. simpl. destruct (known b) eqn:K; simpl; [| exact K].
  destruct (nth_error bs _); [exact IH | now rewrite IH].
Qed.

(* RegionTable.offer says the truth: where all is taken there is no reason; an unknown region is among what is left; the
   queue is full where the next run needs more slots than are free; and a run is incomplete where what is left has no end
   although everything fits, or is longer than the empty queue. *)
Theorem refusal_is_true known bs room limit taken why :
  room <= limit -> offer known bs room limit = (taken, why) ->
  exists rest, bs = taken ++ rest /\
    match why with
    | None => rest = []
    | Some IsUnknown => exists b, In b rest /\ known b = false
    | Some IsFull =>
        room < length bs /\ forall run rest', rest = run ++ rest' -> is_run run = true -> room - length taken < length run
    | Some IsIncomplete =>
        (length bs <= room /\ rest <> [] /\ forall run rest', rest = run ++ rest' -> is_run run = false) \/
        (taken = [] /\ forall run rest', bs = run ++ rest' -> is_run run = true -> limit < length run)
    | Some IsClosed => False
    end.
Proof.
  intros L E. unfold offer in E. fold (taken_of known room bs) in E. injection E as <- W.
  destruct (burst_keeps_the_rest known room bs) as [F [rest Q]]. exists rest. split; [exact Q |].
  pose proof (f_equal (@length _) Q) as LQ. rewrite app_length in LQ.
  pose proof (rest_not_acceptable known room bs _ (proj2 (burst_is_run_by_run known room bs _) eq_refl) rest) as N.
  destruct (Nat.eqb_spec (length (taken_of known room bs)) (length bs)) as [A | A].
  - subst why. destruct rest; [reflexivity | simpl in LQ; lia].
  - set (prefix := known_prefix known (firstn room bs)) in *.
    assert (PT : length (taken_of known room bs) <= length prefix).
    { unfold taken_of. fold prefix. destruct (whole_runs_prefix prefix) as [more M]. rewrite M at 2.
      rewrite app_length. lia. }
    destruct (match nth_error bs (length prefix) with Some b => negb (known b) | None => false end) eqn:U.
    + subst why. destruct (nth_error bs (length prefix)) as [b |] eqn:B; [| discriminate]. exists b.
      apply negb_true_iff in U. split; [| exact U]. rewrite Q in B. rewrite nth_error_app2 in B by exact PT.
      eapply nth_error_In; eauto.
    + (* Everything that fits is known. *)
      assert (K : forallb known (firstn room bs) = true).
      { pose proof (known_prefix_next known (firstn room bs)) as V. fold prefix in V.
        destruct (nth_error (firstn room bs) (length prefix)) as [b |] eqn:B.
        - exfalso. assert (B' : nth_error bs (length prefix) = Some b).
          { rewrite <- (firstn_skipn room bs). rewrite nth_error_app1; [exact B |].
            apply nth_error_Some. congruence. }
          rewrite B', V in U. discriminate.
        - rewrite <- V. apply known_prefix_known. }
      assert (KR : forall run rest', rest = run ++ rest' ->
                length (taken_of known room bs) + length run <= room -> forallb known run = true).
      { intros run rest' Er Lr. rewrite Q, Er, app_assoc, firstn_app, firstn_all2 in K by (rewrite app_length; lia).
        rewrite !forallb_app, !andb_true_iff in K. tauto. }
      destruct (Nat.eqb_spec (min (length bs) room) (length bs)) as [G | G]; simpl in W.
      * subst why. left. split; [lia |]. split.
        -- intros ->. simpl in LQ. lia.
        -- intros run rest' Er. apply not_true_iff_false. intros R.
           assert (Lb : length (taken_of known room bs) + (length run + length rest') = length bs)
             by (rewrite Er, app_length in LQ; lia).
           apply (N run rest' Q Er). split; [exact R | split; [apply (KR run rest' Er); lia | lia]].
      * destruct ((length (taken_of known room bs) =? 0) && (room =? limit)) eqn:Z; subst why.
        -- right. apply andb_true_iff in Z. rewrite !Nat.eqb_eq in Z. destruct Z as [Z ->].
           apply length_zero_iff_nil in Z. split; [exact Z |]. intros run rest' Er R. rewrite Z in Q, N, KR. simpl in *.
           destruct (le_lt_dec (length run) limit) as [Lr |]; [exfalso | assumption].
           apply (N run rest' Q); [congruence |]. split; [exact R | split; [apply (KR run rest'); [congruence | lia] | lia]].
        -- split; [lia |]. intros run rest' Er R.
           destruct (le_lt_dec (length run) (room - length (taken_of known room bs))) as [Lr |]; [exfalso | assumption].
           apply (N run rest' Q Er). split; [exact R | split; [apply (KR run rest' Er); lia | exact Lr]].
Qed.

(* RingLink.enqueue(_ buffer:) asks in another order what a burst of one is asked, and answers the same. *)
Theorem single_is_burst_of_one known b room limit :
  0 < limit -> room <= limit ->
  offer known [b] room limit =
    if negb (known b) then ([], Some IsUnknown)
    else if room =? 0 then ([], Some IsFull)
    else if negb (is_last b) then ([], Some IsIncomplete)
    else ([b], None).
Proof.
  intros L R. unfold offer. destruct room as [| room]; simpl.
  - destruct (known b); simpl; [| reflexivity]. destruct limit; [lia | reflexivity].
  - rewrite firstn_nil. destruct (known b) eqn:K; simpl; [destruct (is_last b); reflexivity | now rewrite K].
Qed.
