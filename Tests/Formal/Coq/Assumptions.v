(* Every line below has to print "Closed under the global context". *)

From CleanQ Require Fifo Sets Sequences Ring Bursts Composition.

Print Assumptions Fifo.fifo_order.
Print Assumptions Fifo.fifo_bounded.

Print Assumptions Sets.split_bytes.
Print Assumptions Sets.split_valid_bytes.
Print Assumptions Sets.merge_bytes.
Print Assumptions Sets.merge_valid_bytes.
Print Assumptions Sets.fault_agrees.
Print Assumptions Sets.conservation.
Print Assumptions Sets.exclusion.
Print Assumptions Sets.buffers_exclusive.
Print Assumptions Sets.failure_changes_nothing.
Print Assumptions Sets.enqueue_moves.
Print Assumptions Sets.dequeue_moves.
Print Assumptions Sets.reshaping_moves_nothing.
Print Assumptions Sets.deregister_done.
Print Assumptions Sets.deregister_reports.
Print Assumptions Sets.retired_for_ever.
Print Assumptions Sets.slots_unshared.

Print Assumptions Sequences.step_refines.
Print Assumptions Sequences.sequences_refine_sets.
Print Assumptions Sequences.failure_changes_nothing.
Print Assumptions Sequences.conservation.
Print Assumptions Sequences.exclusion.
Print Assumptions Sequences.no_repetition.
Print Assumptions Sequences.first_in_first_out.

Print Assumptions Ring.spare_bit_needed.
Print Assumptions Ring.ring_refines_sequence.
Print Assumptions Ring.ring_order.
Print Assumptions Ring.ring_bounded.
Print Assumptions Ring.full_capacity.
Print Assumptions Ring.dequeue_reads_inside.
Print Assumptions Ring.taken_was_accepted.
Print Assumptions Ring.shipped_ring_refines_sequence.

Print Assumptions Bursts.enqueue_burst_is_steps.
Print Assumptions Bursts.dequeue_burst_is_steps.
Print Assumptions Bursts.dequeue_burst_reads_inside.
Print Assumptions Bursts.burst_is_run_by_run.
Print Assumptions Bursts.burst_keeps_the_rest.
Print Assumptions Bursts.ring_burst_is_single_steps.


Print Assumptions Composition.stack_conforms.
Print Assumptions Composition.conforming_execution.
Print Assumptions Composition.holding_conforms.
