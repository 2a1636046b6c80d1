(* What Concurrent.v, ConcurrentTSO.v and Hostile.v rest on: each line must print "Closed under the global context". *)

From CleanQ Require Concurrent ConcurrentTSO Hostile.

Print Assumptions Concurrent.step_simulates.
Print Assumptions Concurrent.ring_refines_fifo.
Print Assumptions Concurrent.delivered_in_order.
Print Assumptions Concurrent.never_overfull.
Print Assumptions Concurrent.stale_tail_underestimates.
Print Assumptions Concurrent.stale_head_underestimates.
Print Assumptions Concurrent.reads_published.
Print Assumptions Concurrent.writes_free.
Print Assumptions Concurrent.no_race.
Print Assumptions Concurrent.enqueue_possible.
Print Assumptions Concurrent.dequeue_possible.
Print Assumptions Concurrent.shipped_ring.
Print Assumptions Concurrent.mask_is_modulo.
Print Assumptions Concurrent.full_looks_empty.
Print Assumptions Concurrent.burst_enqueue_splits.
Print Assumptions Concurrent.burst_dequeue_splits.
Print Assumptions Concurrent.enqueued_is_enqueue_all.
Print Assumptions Concurrent.dequeued_is_dequeue_many.

Print Assumptions ConcurrentTSO.tso_step_simulates.
Print Assumptions ConcurrentTSO.tso_refines_sc.
Print Assumptions ConcurrentTSO.tso_refines_fifo.

Print Assumptions Hostile.fault_exact.
Print Assumptions Hostile.naive_sum_unsafe.
Print Assumptions Hostile.fetched_once.
Print Assumptions Hostile.fetched_inside.
Print Assumptions Hostile.bounded.
Print Assumptions Hostile.conservation_exclusion.
Print Assumptions Hostile.dequeue_safe.
Print Assumptions Hostile.dequeue_moves.
Print Assumptions Hostile.rejected_unchanged.
Print Assumptions Hostile.nothing_yielded_unchanged.
Print Assumptions Hostile.enqueue_moves.
Print Assumptions Hostile.retired_never.
Print Assumptions Hostile.gone_returns_all.
Print Assumptions Hostile.nothing_lent_nothing_yielded.
Print Assumptions Hostile.honest_accepted.
Print Assumptions Hostile.double_fetch_unsafe.
