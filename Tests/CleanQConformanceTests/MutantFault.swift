import CleanQConformance
import Testing

/// What is wrong with a ``MutantQueue``: one fault each, such as real queues have had.
enum MutantFault: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case capacityOffByOne, slotNotReleased, oneSlotTooMany, lastInFirstOut, everyFifthOvertakes
  case missingGenerationCheck, missingRegionCheck, lowBitsOfIDOnly
  case lostHandBack, handBackChanged, wrongReason
  case doubleDelivery, droppedAtEnqueue, droppedAtDequeue, keptForEver
  case censusMisplaces, censusForgetsPeer, censusCountsBuffersWrong, peerReleaseForgotten, peerSplitMiscounted,
    pastTheQueueForgotten
  case deregisterIgnoresInFlight, deregisterIgnoresPeer, deregisterCountsBuffers, deregisterKeepsEntry
  case retiredTakenAgain
  case runCutInTwo, incompleteChainTaken, longRunIsFull
  case notifyLost, armWithoutRecheck, wakeUpNotCleared
  case lengthChanged, validPartChanged, flagsChanged, bytesChanged
  case burstStopsEarly, burstTakesOneTooFew, burstReversed
  case registerNotRolledBack, registerTakesEffectLate, registerTwice, anyoneDeregisters
  case closedNotTold, closedNotAnnounced, armsAfterClose, goneWithTheirBuffers, lostAtDestroy, destroyAccountsEmpty

  /// The rule that has to name it.
  var rule: Rule {
    switch self {
    case .capacityOffByOne, .slotNotReleased, .oneSlotTooMany: .capacity
    case .lastInFirstOut, .everyFifthOvertakes: .order
    case .missingGenerationCheck, .retiredTakenAgain: .generation
    case .missingRegionCheck, .lowBitsOfIDOnly: .regions
    case .lostHandBack, .handBackChanged, .wrongReason: .handBack
    case .doubleDelivery: .exclusion
    case .droppedAtEnqueue, .droppedAtDequeue, .keptForEver: .conservation
    case .censusMisplaces, .censusForgetsPeer, .censusCountsBuffersWrong, .peerReleaseForgotten, .peerSplitMiscounted,
      .pastTheQueueForgotten:
      .accounts
    case .deregisterIgnoresInFlight, .deregisterIgnoresPeer, .deregisterCountsBuffers, .deregisterKeepsEntry:
      .deregister
    case .runCutInTwo, .incompleteChainTaken, .longRunIsFull: .runs
    case .notifyLost, .armWithoutRecheck, .wakeUpNotCleared: .notify
    case .lengthChanged, .validPartChanged, .flagsChanged, .bytesChanged: .integrity
    case .burstStopsEarly, .burstTakesOneTooFew: .bursts
    case .burstReversed: .order
    case .registerNotRolledBack, .registerTakesEffectLate, .registerTwice: .register
    case .anyoneDeregisters: .owner
    case .closedNotTold, .closedNotAnnounced, .armsAfterClose, .goneWithTheirBuffers: .peerGone
    case .lostAtDestroy, .destroyAccountsEmpty: .destroy
    }
  }

  var testDescription: String { rawValue }
}
