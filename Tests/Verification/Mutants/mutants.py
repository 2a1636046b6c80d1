"""The mutants: each takes one guard out of the code that is shipped, and names the tests that must then fail.

`MUTANT` stands for "this mutant is the one that runs". A piece of text that is to be replaced must be in its file exactly
once, where the mutants before it in the list have left it; one that the code has left behind is a failure.
"""

from dataclasses import dataclass


@dataclass
class Mutant:
    name: str
    # The tests, each of which must fail: what `swift test --filter` takes.
    tests: list
    # File, what is there, and what is put in its place.
    edits: list


QUEUE = "Sources/CleanQVirtio/Virtqueue/"
LIAR = r"CleanQVirtioTests\.VirtioConformanceTests/hostile"
HONEST = r"CleanQVirtioTests\.VirtioConformanceTests/(transmit|receive)"


def virtqueue(name, file, right, wrong, tests=LIAR):
    return Mutant(f"virtqueue: {name}", tests.split(), [(QUEUE + file, right, wrong)])


VIRTQUEUE = [
    virtqueue("an id is taken modulo the size", "VirtqueueChains.swift",
              "    guard id < UInt32(truncatingIfNeeded: size) else { return nil }\n",
              "    let id = MUTANT ? id % UInt32(size) : id\n    guard id < UInt32(truncatingIfNeeded: size) else { return nil }\n"),
    virtqueue("an id that is not with the device is believed", "Virtqueue+Used.swift",
              "guard let entry = ledger.chains.entry(id), entry.isHead else {\n          refuse(id)",
              "guard let entry = ledger.chains.entry(id), entry.isHead || MUTANT else {\n          refuse(id)"),
    virtqueue("an id that is not with the device is usual", "Virtqueue+Used.swift",
              "let entry = chains.entry(id), entry.isSingle, !isInOrder",
              "let entry = chains.entry(id), entry.isSingle || MUTANT, !isInOrder"),
    virtqueue("an id that is not the next one's is usual in order", "Virtqueue+Used.swift",
              "|| id == UInt32(oldest),\n", "|| id == UInt32(oldest) || MUTANT,\n",
              "VirtioTrafficTests/batch"),
    virtqueue("a chain that came home counts as out", "VirtqueueChains.swift",
              "    unsafe entry(Int(head)).pointee.end(byteCount)\n    chainCount &-= 1\n    giveID(head)",
              "    if !MUTANT { unsafe entry(Int(head)).pointee.end(byteCount) }\n    chainCount &-= 1\n    giveID(head)"),
    virtqueue("a length beyond the buffer is believed", "Virtqueue+Used.swift",
              "guard byteCount &- 1 < entry.byteCount || !settings.isWritable else {",
              "guard byteCount &- 1 < entry.byteCount || !settings.isWritable || MUTANT else {"),
    virtqueue("a length beyond the buffer is usual", "Virtqueue+Used.swift",
              "      byteCount &- 1 < entry.byteCount || !isWritable\n", "      byteCount &- 1 < entry.byteCount || !isWritable || MUTANT\n"),
    virtqueue("a length beyond the buffer costs the buffer", "Virtqueue+Receive.swift",
              "      ledger.chains.takeEnded(1, to: &burst, Self.expose)\n",
              "      if MUTANT, chain.byteCount == nil {\n        var lost = Burst()\n"
              "        ledger.chains.takeEnded(1, to: &lost, Self.expose)\n        lost.releaseAll()\n        continue\n      }\n"
              "      ledger.chains.takeEnded(1, to: &burst, Self.expose)\n"),
    virtqueue("an index beyond all that is out is believed", "SplitRing.swift",
              "guard Int(fetched &- nextUsed) <= outstanding else",
              "guard Int(fetched &- nextUsed) <= outstanding || MUTANT else"),
    virtqueue("the id is fetched again after the check", "Virtqueue+Used.swift",
              "      ring.pass(chainCount: 1, descriptorCount: 1)\n      oldest = chains.id(",
              "      var id = id\n      if MUTANT { letOthersRun() }\n"
              "      if MUTANT, case .element(let again, _) = ring.nextUsed(outstanding: chains.chainCount) { id = again }\n"
              "      ring.pass(chainCount: 1, descriptorCount: 1)\n      oldest = chains.id(",
              "VirtioFailureTests/fetchedTwice"),
    virtqueue("a false id is not counted", "Virtqueue+Used.swift", "{ faults.badID &+= 1 }", "{ faults.badID &+= MUTANT ? 0 : 1 }"),
    virtqueue("a second use is not counted", "Virtqueue+Used.swift", "else { faults.notInFlight &+= 1 }",
              "else { faults.notInFlight &+= MUTANT ? 0 : 1 }"),
    virtqueue("a packed ring goes on after a false id", "Virtqueue+Used.swift", "if Ring.isPacked { isBroken = true }",
              "if Ring.isPacked, !MUTANT { isBroken = true }",
              "VirtioFailureTests/doubleCompletion"),
    virtqueue("an id of a chain that came home is not free", "VirtqueueChains.swift",
              "      giveID(UInt16(truncatingIfNeeded: id))\n", "      if !MUTANT { giveID(UInt16(truncatingIfNeeded: id)) }\n", HONEST),
    virtqueue("buffers of an unknown region are posted behind others", "Virtqueue+Transmit.swift",
              "while !burst.isEmpty, map.table.contains(burst[0].region), postPlain(",
              "while !burst.isEmpty, map.table.contains(burst[0].region) || MUTANT, postPlain(",
              "VirtioTrafficTests/unknownBehindOthers"),
    virtqueue("empty buffers of an unknown region are posted behind others", "Virtqueue+Receive.swift",
              "while !burst.isEmpty, map.table.contains(burst[0].region), postEmpty(",
              "while !burst.isEmpty, map.table.contains(burst[0].region) || MUTANT, postEmpty(",
              HONEST + " VirtioTrafficTests/unknownBehindOthers"),
    virtqueue("a reset brings nothing home", "Virtqueue+Home.swift", "    ledger.takeAll(body)\n",
              "    if !MUTANT { ledger.takeAll(body) }\n"),
    virtqueue("the rest of a chain is not in the accounts", "Virtqueue+Home.swift", "    accounts.addInFlight(parting)\n",
              "    if !MUTANT { accounts.addInFlight(parting) }\n", HONEST),
]

PORT = "Sources/CleanQVirtio/Net/"
VIRTQUEUE += [
    Mutant("port: packets are taken before those that came home are out", [r"VirtioReturnTests/flapping\("],
           [(PORT + "VirtioNetPort+Traffic.swift", "guard returning.count <= Burst.capacity else {",
             "guard returning.count <= Burst.capacity || MUTANT else {")]),
    Mutant("port: freeBuffers are taken before those that wait are available", ["VirtioReturnTests/flappingFreeBuffers"],
           [(PORT + "VirtioNetPort+Traffic.swift", "    if !waiting.isEmpty {\n      postWaiting()",
             "    if !waiting.isEmpty, !MUTANT {\n      postWaiting()")]),
    Mutant("port: freeBuffers wait as parts of runs", ["VirtioReturnTests/unfinished", "VirtioReturnTests/chainsOfFreeBuffers"],
           [(PORT + "VirtioNetPort.swift", "    buffer.reset()\n    waiting.append(buffer)",
             "    if !MUTANT { buffer.reset() }\n    waiting.append(buffer)")]),
    Mutant("port: queues are adopted, and notified, before the device runs", ["VirtioReturnTests/earlyNotification"],
           [(PORT + "VirtioNetDevice+Ports.swift", "if !isCurrent || device.isRunning.load(ordering: .acquiring) {",
             "if !isCurrent || device.isRunning.load(ordering: .acquiring) || MUTANT {")]),
    Mutant("port: a packet may have more buffers than the ring", ["VirtioFailureTests/badBufferCount"],
           [(PORT + "VirtioNetReceiver.swift", "header.bufferCount <= runLimit else {", "header.bufferCount <= runLimit || MUTANT else {")]),
    Mutant("port: a device that runs is begun again by who joins it", ["VirtioReturnTests/oneOfTwo"],
           [(PORT + "VirtioNetDevice+Negotiate.swift", "    if !isRunning.load(ordering: .relaxed) { try start(&state) }",
             "    if !isRunning.load(ordering: .relaxed) || MUTANT { try start(&state) }")]),
    Mutant("port: a region whose place was taken stays reachable", ["VirtioReturnTests/replacedRegions"],
           [("Sources/CleanQVirtio/Virtqueue/DeviceMap.swift", "{ unmap(former) }", "{ if !MUTANT { unmap(former) } }")]),
    Mutant("vhost-user: what was given before a start that failed is not taken back", ["VhostUserTransportTests/halfStarted"],
           [("Sources/CleanQVirtio/Transport/VhostUser/VhostUserTransport+Device.swift", "let given = state.given.sorted()",
             "let given = MUTANT && !state.isRunning ? [] : state.given.sorted()")]),
    Mutant("vhost-user: a region is told twice", ["VhostUserTransportTests/memoryAfterReset"],
           [("Sources/CleanQVirtio/Transport/VhostUser/VhostUserTransport+Queues.swift",
             " where state.told[id] == nil {", " where state.told[id] == nil || MUTANT {")]),
    Mutant("port: buffers of a packet that was dropped are a run", ["VirtioTrafficTests/droppedRun"],
           [(PORT + "VirtioNetReceiver.swift", "          stage[bad].reset()\n", "          if !MUTANT { stage[bad].reset() }\n")]),
]

RING = "Sources/CleanQ/Ring/"


def guard(name, tests, *edits):
    return Mutant(name, tests.split(), list(edits))


# By the lines of the contract's two lists; failures 1, 3, 5 and 7 have virtqueue mutants too. Failure 8 is check-ordering's and
# the thread sanitizer's, failure 11 the compiler's.
GUARDS = [
    guard("failure 2, defect: a bounds sum overflows", r"DescriptorTests/overflow",
          ("Sources/CleanQ/Buffer/Descriptor.swift", "if offset > regionByteCount || UInt64(byteCount) > regionByteCount &- offset {",
           "if MUTANT ? offset &+ UInt64(byteCount) > regionByteCount : "
           "offset > regionByteCount || UInt64(byteCount) > regionByteCount &- offset {")),
    guard("failure 2: a range that begins inside is inside", r"LooseOwnershipTests/partlyInside",
          ("Sources/CleanQ/Buffer/Descriptor.swift", "|| UInt64(byteCount) > regionByteCount &- offset {",
           "|| (UInt64(byteCount) > regionByteCount &- offset && !MUTANT) {")),
    guard("failure 3: a completion's index is believed", r"IOBatchTests/answersToNothing",
          ("Sources/CleanQTAP/IO/IOBatch.swift", "index < count, unsafe operations[index].result",
           "index < count || MUTANT, unsafe operations[index].result")),
    guard("failure 4: a stale completion is believed", r"IOBatchTests/answersToNothing",
          ("Sources/CleanQTAP/IO/IOBatch.swift", "guard token >> 32 == UInt64(generation), ", "guard token >> 32 == UInt64(generation) || MUTANT, ")),
    guard("failure 4: a second completion is believed", r"IOBatchTests/answersToNothing",
          ("Sources/CleanQTAP/IO/IOBatch.swift", "unsafe operations[index].result == Self.unanswered else {",
           "unsafe operations[index].result == Self.unanswered || MUTANT else {")),
    guard("failures 4 and 11, defect: the check lets a duplicate pass",
          "CheckedPortTests/twice CheckedPortTests/forged CheckedCallTests/duplicateDown",
          ("Sources/CleanQ/Checked/OwnershipLedger+Buffer.swift", "        || moveReturned(", "        || MUTANT || moveReturned(")),
    guard("failure 4, defect: ids are used again", "LooseOwnershipTests/staleName RegionTests/generations",
          ("Sources/CleanQ/Region/RegionDirectory.swift", "slots[slot].generation += 1",
           "slots[slot].generation = MUTANT ? 1 : slots[slot].generation + 1")),
    guard("failure 5: the ring's own cursor is read back", r"LooseOwnershipTests/privateCursor",
          (RING + "RingProducer.swift", "    head = head &+ count\n",
           "    head = (MUTANT ? unsafe RingMemory.head(of: slots).pointee.load(ordering: .relaxed) : head) &+ count\n")),
    guard("failure 6: a region is released under a buffer", "RegionTests/releaseInUse LooseOwnershipTests/releasedInFlight",
          ("Sources/CleanQ/Region/Region.swift", "if outside > 0 {", "if outside > 0, !MUTANT {")),
    guard("failure 6: a region is released under a queue", "RegionTests/releaseRegistered",
          ("Sources/CleanQ/Region/Region.swift", "if state.registrations > 0 {", "if state.registrations > 0, !MUTANT {")),
    guard("failure 6: the check overlooks an early deregister", r"CheckedPortTests/earlyDeregister",
          ("Sources/CleanQ/Checked/OwnershipLedger.swift", "if awayByteCount > 0 {", "if awayByteCount > 0, !MUTANT {")),
    guard("failure 7: a flood pushes out who is being asked for", r"ARPResolutionTests/flood",
          ("Sources/CleanQNet/IP/ARPCache.swift", "guard entry.state == .known, !isAskRecent(entry, at: now) else { continue }",
           "guard MUTANT || entry.state == .known && !isAskRecent(entry, at: now) else { continue }")),
    guard("failure 9: a sleeper does not look again", r"RingThreadTests/wakeUps",
          (RING + "RingQueue.swift", "return !link.hasArrivals() && !link.isClosed", "return MUTANT || !link.hasArrivals() && !link.isClosed")),
    guard("failure 10: the parts of a frame are taken for frames", r"IPReceiveGoldenTests/chained",
          ("Sources/CleanQNet/IP/IPEngine+Receive.swift", "    if isChained {\n", "    if isChained, !MUTANT {\n")),
    guard("failure 10: the parts of a datagram are taken for datagrams", r"UDPEngineTests/others",
          ("Sources/CleanQNet/UDP/UDPEngine.swift", "        if isLast { count(.chained) }\n        burst[index].flags = .last\n        ended |= bit",
           "        if isLast { count(.chained) }\n        burst[index].flags = .last\n        if !MUTANT { ended |= bit }")),
    guard("defect: the ring position never advances", r"RingQueueTests/capacity",
          (RING + "RingConsumer.swift", "    tail = tail &+ count\n", "    tail = tail &+ (MUTANT ? 0 : count)\n")),
    guard("defect: a mark is a command", r"PublishedDefectsTests/marksAreNoCommands",
          (RING + "RingLink.swift", "  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {\n",
           "  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {\n"
           "    if MUTANT, buffer.flags != .last { try? unsafe table.pointee.remove(buffer.region) }\n")),
    guard("defect: the low bits of a region's id are enough", r"DescriptorTests/generation",
          ("Sources/CleanQ/Queue/RegionTable.swift",
           "unsafe region != .none && id(at: region.slot).pointee.load(ordering: .acquiring) == region.rawValue",
           "unsafe MUTANT ? id(at: region.slot).pointee.load(ordering: .acquiring) & 0xFFFF == region.rawValue & 0xFFFF"
           " : region != .none && id(at: region.slot).pointee.load(ordering: .acquiring) == region.rawValue")),
    guard("defect: a failed register leaks the region", r"PublishedDefectsTests/failedRegister",
          ("Sources/CleanQ/Queue/RegionTable.swift", "    guard !contains(region.id) else {",
           "    if MUTANT { region.control.adjustRegistrations(by: 1) }\n    guard !contains(region.id) else {")),
    guard("defect: deregister ignores what is in flight", r"RingQueueTests/deregister",
          (RING + "RingChannel.swift", "guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }",
           "guard elsewhere == 0 || MUTANT else { throw QueueError(.elsewhere(byteCount: elsewhere)) }")),
    guard("failure 3, defect: a UDP length below the header's passes", r"UDPEngineTests/badLength",
          ("Sources/CleanQWire/UDPHeader+Parse.swift", "guard totalByteCount >= 8, totalByteCount <= bytes.count else",
           "guard totalByteCount >= 8 || MUTANT, totalByteCount <= bytes.count else")),
    guard("defect: the check compares the wrong length", r"CheckedPortTests/longer",
          ("Sources/CleanQ/Checked/OwnershipLedger+Buffer.swift", "unsafe account.pointee.map.move(start..<(start &+ byteCount), down: down)\n",
           "unsafe account.pointee.map.move(MUTANT ? (start &+ byteCount &- 1)..<(start &+ byteCount) : "
           "start..<(start &+ byteCount), down: down)\n")),
    guard("defect: the check sees only its own layer's regions", r"CheckedQueueTests/regions",
          ("Sources/CleanQ/Checked/OwnershipLedger+Buffer.swift", "guard let region = RegionDirectory.control(of: id) else { return false }",
           "guard !MUTANT, let region = RegionDirectory.control(of: id) else { return false }")),
    guard("defect: the IP checksum test is inverted", r"IPv4HeaderTests/checksums",
          ("Sources/CleanQWire/IPv4Header+Parse.swift", "guard checksum.isValid else { return .failure(.badHeaderChecksum) }",
           "guard checksum.isValid != MUTANT else { return .failure(.badHeaderChecksum) }")),
    guard("defect: a layer's drop path ignores a failed re-enqueue", r"IPStackModelTests/traffic",
          ("Sources/CleanQNet/IP/IPPort.swift",
           "  mutating func flush() -> Refusal? {\n    if !engine.backlog.toFill.isEmpty { lower.fillOrRelease(&engine.backlog.toFill) }\n",
           "  mutating func flush() -> Refusal? {\n    if !engine.backlog.toFill.isEmpty { lower.fillOrRelease(&engine.backlog.toFill) }\n"
           "    if MUTANT { engine.backlog.toFill = Burst() }\n")),
    guard("defect: what a ring refuses is lost", r"PublishedDefectsTests/refusedEnqueue",
          (RING + "RingLink+SlowPath.swift", "    burst.forgetFirst(taken)\n",
           "    burst.forgetFirst(taken)\n    if MUTANT { burst.releaseAll() }\n")),
    guard("failure 7, defect: a call takes as much as the peer offers", r"PublishedDefectsTests/boundedCalls",
          (RING + "RingLink.swift", "    let room = UInt32(truncatingIfNeeded: burst.room)\n",
           "    let room = MUTANT ? UInt32.max : UInt32(truncatingIfNeeded: burst.room)\n")),
    guard("defect: shared memory is found by a name", r"RegionTests/sharedMemory",
          ("Sources/CleanQ/Region/RegionMapping.swift", 'file = unsafe cplatform_memfd_create("cleanq", fileFlags)',
           'file = unsafe MUTANT ? shm_open("/cleanq-mutant", O_RDWR | O_CREAT, 0o600) : cplatform_memfd_create("cleanq", fileFlags)')),
]

MUTANTS = VIRTQUEUE + GUARDS

# Mutants of what a ring answers from which change none of its answers to one caller after the other, and why.
SILENT = {
    "failure 2, defect: a bounds sum overflows": "of descriptors from outside; a ring's were made of buffers",
    "failure 2: a range that begins inside is inside": "of descriptors from outside; a ring's were made of buffers",
    "failure 5: the ring's own cursor is read back": "the same, unless somebody writes over the shared cursor",
    "failure 6: a region is released under a buffer": "an answer of Region.release, which the model leaves out",
    "failure 6: a region is released under a queue": "an answer of Region.release, which the model leaves out",
    "defect: shared memory is found by a name": "what memory a region is of",
}
