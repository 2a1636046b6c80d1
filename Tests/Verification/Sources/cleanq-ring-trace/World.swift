import CleanQ

/// A ring, two regions, and what each agent has in hand. Tries moves on the shipped code, and prints each call and its answer.
final class World<End: TracedEnd & ~Copyable> {
  /// A region and what the world knows of it.
  private final class Kept {
    let region: Region
    let keeper: Agent
    var isRegistered = false

    init?(_ keeper: Agent) {
      guard let region = try? Region(byteCount: World.regionByteCount, pages: .ordinary) else { return nil }
      self.region = consume region
      self.keeper = keeper
    }
  }

  private static var regionByteCount: Int { 48 }

  private var ends: Ends<End>
  private var regions: [Kept]
  private var hands: [Agent: [Held]] = [.x: [], .y: []]
  private let fillers: Fillers

  init(slotCount: Int, note: String, fillers: Fillers) {
    fillers.output.line("new \(End.kind) \(slotCount.trailingZeroBitCount) \(note)")
    self.fillers = fillers
    guard let ends = try? End.pair(of: slotCount), let first = Kept(.x), let second = Kept(.y) else {
      preconditionFailure("no memory, or no files, for a ring")
    }
    self.ends = ends
    regions = [first, second]
  }

  // MARK: Lines

  private func say(_ agent: Agent, _ call: String, _ answer: String) {
    fillers.output.line("\(agent.rawValue) \(call)\t\(answer)")
  }

  private static func text(_ name: Descriptor) -> String {
    "\(text(name.region)):\(name.offset):\(name.byteCount):\(name.validOffset):\(name.validByteCount):"
      + (name.flags.contains(.last) ? "1" : "0")
  }

  private static func text(_ region: RegionID) -> String { "\(region.slot).\(region.generation)" }

  private static func text(_ refusal: Refusal?) -> String { refusal.map { "\($0)" } ?? "-" }

  private static func text(_ error: QueueError) -> String {
    if case .elsewhere(let byteCount) = error.code { "elsewhere \(byteCount)" } else { "\(error.code)" }
  }

  /// What both ends say of where everything is.
  func count() {
    let slots = 1 + (regions.map { $0.region.id.slot }.max() ?? 0)
    for agent in Agent.allCases {
      guard let accounts = accounts(of: agent) else { continue }
      say(
        agent, "accounts \(slots)",
        "\(accounts.registeredByteCount) \(accounts.inFlightByteCount) \(accounts.inFlightBufferCount) \(accounts.atPeerByteCount)"
      )
    }
  }

  private func accounts(of agent: Agent) -> BufferAccounts? { agent == .x ? ends.x?.accounts() : ends.y?.accounts() }

  // MARK: What the world knows

  private func isOpen(_ agent: Agent) -> Bool { agent == .x ? ends.x != nil : ends.y != nil }

  private func with<Answer: ~Copyable>(_ agent: Agent, _ body: (inout End) -> Answer) -> Answer {
    guard var end = agent == .x ? ends.x.take() : ends.y.take() else { preconditionFailure("the end is closed") }
    let answer = body(&end)
    if agent == .x { ends.x = consume end } else { ends.y = consume end }
    return answer
  }

  private func place(_ agent: Agent, _ place: Int) -> Int? {
    guard let count = hands[agent]?.count, count > 0 else { return nil }
    return place % count
  }

  /// The model knows of buffers from when their region is registered.
  private func isKnown(_ held: Held) -> Bool { kept(held.name.region)?.isRegistered ?? false }

  private func kept(_ region: RegionID) -> Kept? { regions.first { $0.region.id == region } }

  // MARK: Moves

  /// Makes a move.
  ///
  /// - Returns: whether it was possible.
  @discardableResult
  func make(_ move: Move) -> Bool {
    switch move {
    case .register(let agent, let region): register(agent, regions[region])
    case .deregister(let agent, let region): deregister(agent, regions[region])
    case .renew(let region): renew(region)
    case .carve(let region, let byteCount): carve(regions[region], byteCount)
    case .release(let agent, let index): release(agent, index)
    case .toggleLast(let agent, let index):
      mark(agent, index) { buffer in buffer.flags = buffer.flags.contains(.last) ? .reply : .last }
    case .setValid(let agent, let index, let from, let byteCount):
      mark(agent, index) { buffer in _ = buffer.setValid(offset: from, byteCount: byteCount) }
    case .split(let agent, let index, let position): split(agent, index, position)
    case .merge(let agent, let index, let next): merge(agent, index, next)
    case .offerOne(let agent, let index): offerOne(agent, index)
    case .offer(let agent, let count, let call): offer(agent, count, call)
    case .takeOne(let agent): takeOne(agent)
    case .take(let agent, let room, let call): take(agent, room, call)
    case .arm(let agent): arm(agent)
    case .refusal(let agent, let region): refusal(agent, regions[region].region.id)
    case .exhaustion(let agent): exhaustion(agent)
    case .close(let agent): close(agent)
    }
  }

  private func register(_ agent: Agent, _ kept: Kept) -> Bool {
    // Who keeps a region registers it. The other end may try where it must be refused.
    let isRefused = kept.isRegistered || fillers.dead.contains(kept.region.id)
    guard isOpen(agent), agent == kept.keeper || isRefused else { return false }
    let answer = with(agent) { end in
      do throws(QueueError) { try end.register(kept.region) } catch { return Self.text(error) }
      return "done"
    }
    let name = Self.text(kept.region.id)
    say(agent, "register \(name) \(kept.region.byteCount)", answer)
    if answer == "done" {
      kept.isRegistered = true
      // Buffers that were carved before are known from now on.
      for held in hands[kept.keeper, default: []] where held.name.region == kept.region.id {
        say(agent, "carve \(Self.text(held.name))", "done")
      }
    }
    say(agent, "registrations \(name)", "\(kept.region.registrationCount)")
    return true
  }

  private func deregister(_ agent: Agent, _ kept: Kept) -> Bool {
    guard isOpen(agent) else { return false }
    let answer = with(agent) { end in
      do throws(QueueError) { try end.deregister(kept.region) } catch { return Self.text(error) }
      return "done"
    }
    let name = Self.text(kept.region.id)
    say(agent, "deregister \(name)", answer)
    if answer == "done" {
      kept.isRegistered = false
      fillers.dead.insert(kept.region.id)
    }
    say(agent, "registrations \(name)", "\(kept.region.registrationCount)")
    return true
  }

  private func renew(_ index: Int) -> Bool {
    guard !regions[index].isRegistered, regions[index].region.liveBufferCount == 0,
      let kept = Kept(regions[index].keeper)
    else { return false }
    regions[index] = kept
    return true
  }

  private func carve(_ kept: Kept, _ byteCount: Int) -> Bool {
    guard let buffer = kept.region.buffer(byteCount: byteCount, alignment: 1) else { return false }
    if kept.isRegistered { say(kept.keeper, "carve \(Self.text(buffer.name))", "done") }
    hands[kept.keeper, default: []].append(Held(buffer))
    return true
  }

  private func release(_ agent: Agent, _ index: Int) -> Bool {
    guard let place = place(agent, index), let held = hands[agent]?.remove(at: place) else { return false }
    if isKnown(held) { say(agent, "release \(Self.text(held.name))", "done") }
    held.take().release()
    return true
  }

  /// Changes what is a buffer's own. The model has that only as a buffer carved anew, which the region's keeper alone can do.
  private func mark(_ agent: Agent, _ index: Int, _ body: (inout Buffer) -> Void) -> Bool {
    guard let place = place(agent, index), let held = hands[agent]?[place], kept(held.name.region)?.keeper == agent
    else {
      return false
    }
    let before = Self.text(held.name)
    held.change(body)
    let after = Self.text(held.name)
    if isKnown(held), before != after { say(agent, "mark \(before) \(after)", "done") }
    return before != after
  }

  private func split(_ agent: Agent, _ index: Int, _ position: Int) -> Bool {
    guard let place = place(agent, index), let held = hands[agent]?[place] else { return false }
    let before = Self.text(held.name)
    let rest = held.change { buffer in Held(ifAny: buffer.split(at: position)) }
    if isKnown(held) { say(agent, "split \(before) \(position)", rest == nil ? "no" : "done") }
    if let rest { hands[agent]?.append(rest) }
    return true
  }

  private func merge(_ agent: Agent, _ index: Int, _ next: Int) -> Bool {
    guard let first = place(agent, index), let second = place(agent, next), first != second,
      let held = hands[agent]?[first], let other = hands[agent]?[second], isKnown(held), isKnown(other)
    else { return false }
    let call = "merge \(Self.text(held.name)) \(Self.text(other.name))"
    let rest = held.change { buffer in Held(ifAny: buffer.merge(other.take())) }
    say(agent, call, rest == nil ? "done" : "no")
    if let rest { hands[agent]?[second] = rest } else { hands[agent]?.remove(at: second) }
    return true
  }
}

// MARK: Transfer

extension World where End: ~Copyable {
  private func offerOne(_ agent: Agent, _ index: Int) -> Bool {
    guard isOpen(agent), let place = place(agent, index), let held = hands[agent]?[place] else { return false }
    let call = "enqueue \(Self.text(held.name))"
    guard case .success(let refusal) = with(agent, { end in end.offerOne(held) }) else { return false }
    say(agent, call, refusal.map { "\($0)" } ?? "taken")
    if refusal == nil { hands[agent]?.remove(at: place) }
    return true
  }

  /// Hands over the first buffers of the hand.
  private func offer(_ agent: Agent, _ count: Int, _ call: Int) -> Bool {
    guard isOpen(agent), call < End.offers.count, let hand = hands[agent] else { return false }
    let offered = hand.prefix(count)
    let names = offered.map { Self.text($0.name) }
    var burst = Burst()
    for held in offered { burst.append(held.take()) }
    let refusal = with(agent) { end in end.offer(&burst, by: call) }
    let taken = offered.count - burst.count
    let line = ([End.offers[call]] + names).joined(separator: " ")
    say(agent, line, "\(taken) \(Self.text(refusal))")
    hands[agent]?.removeFirst(taken)
    // What was not taken is as it was, which the next lines show.
    for place in 0..<burst.count { if let buffer = burst.popFirst() { hands[agent]?[place].putBack(buffer) } }
    return true
  }

  private func takeOne(_ agent: Agent) -> Bool {
    guard isOpen(agent), case .success(let held) = with(agent, { end in end.takeOne() }) else { return false }
    say(agent, "dequeue", held.map { Self.text($0.name) } ?? "nothing")
    if let held { hands[agent]?.append(held) }
    return true
  }

  private func take(_ agent: Agent, _ room: Int, _ call: Int) -> Bool {
    guard isOpen(agent), call < End.takes.count else { return false }
    var burst = Burst()
    fillers.fill(&burst, leaving: room)
    with(agent) { end in end.take(into: &burst, by: call) }
    fillers.takeBack(from: &burst, leaving: room)
    var names: [String] = []
    while let buffer = burst.popFirst() {
      names.append(Self.text(buffer.name))
      hands[agent]?.append(Held(buffer))
    }
    say(agent, "\(End.takes[call]) \(room)", names.isEmpty ? "nothing" : names.joined(separator: " "))
    return true
  }

  private func arm(_ agent: Agent) -> Bool {
    guard isOpen(agent) else { return false }
    let isSafe = with(agent) { end in
      let isSafe = end.arm()
      end.disarm()
      return isSafe
    }
    say(agent, "arm", isSafe ? "sleep" : "awake")
    return true
  }

  private func refusal(_ agent: Agent, _ region: RegionID) -> Bool {
    guard isOpen(agent), case .success(let refusal) = with(agent, { end in end.refusalForetold(of: region) }) else {
      return false
    }
    say(agent, "refusal \(Self.text(region))", refusal.map { "\($0)" } ?? "none")
    return true
  }

  private func exhaustion(_ agent: Agent) -> Bool {
    guard isOpen(agent), let isExhausted = with(agent, { end in end.exhaustion }) else { return false }
    say(agent, "exhausted", isExhausted ? "yes" : "no")
    return true
  }

  private func close(_ agent: Agent) -> Bool {
    guard isOpen(agent) else { return false }
    let isLast = !Agent.allCases.allSatisfy(isOpen)
    let before = liveByteCount
    if agent == .x { ends.x = nil } else { ends.y = nil }
    say(agent, "close", isLast ? "last \(before - liveByteCount)" : "first")
    return true
  }

  private var liveByteCount: Int { regions.reduce(0) { $0 + $1.region.liveByteCount } }

  /// Both ends have gone: what is said of buffers from here on is not the ring's.
  var isOver: Bool { !Agent.allCases.contains(where: isOpen) }

  /// Both ends go, then all that was in somebody's hand.
  func end() {
    for agent in Agent.allCases { _ = close(agent) }
    for agent in Agent.allCases { for held in hands[agent, default: []] { held.take().release() } }
    let home = liveByteCount
    precondition(home == 0, "\(home) bytes did not come home")
  }
}
