internal import CleanQNet
public import CleanQPipeline
internal import Synchronization

/// The UDP ports of a ``UDP`` or ``UDPPorts`` stage, which a program opens and closes while the pipeline runs.
///
///     let ports = LivePorts(7)
///     let pipeline = Pipeline {
///       TAP("tap0")
///       IP("10.0.0.2/24") { UDP(ports) { Echo() }; UDP(port: 9) { Discard() } }
///     }
///     …
///     try ports.open(5353)
///
/// May be used from any thread, before the pipeline is opened and after it has ended too. Belongs to one stage: of a pipeline in
/// several instances to that stage in each.
public final class LivePorts: Sendable {
  private struct State {
    var open: Set<UInt16>
    /// Of the layers that deliver the datagrams, and of what else asks which ports are open. They go with their pipeline.
    var sets: [WeakPortSet] = []
    var branches: [(claims: BranchClaims, claim: @Sendable (UInt16) -> Claim)] = []
  }

  private struct WeakPortSet {
    weak let ports: PortSet?
  }

  private let state: Mutex<State>

  /// - Parameter ports: those that are open at first.
  public init(_ ports: UInt16...) { state = Mutex(State(open: Set(ports))) }

  /// Those that are open, in order.
  public var open: [UInt16] { state.withLock { $0.open.sorted() } }

  /// Opens a port, from the next datagram on. Does nothing where it is open.
  ///
  /// - Throws: where another branch of the fork has the port; then nothing has changed.
  public func open(_ port: UInt16) throws(ClaimError) {
    let failure = state.withLock { state -> ClaimError? in
      guard !state.open.contains(port) else { return nil }
      // The layers first, so that none answers that the port is closed.
      for set in state.sets { set.ports?.insert(port) }
      for (index, branch) in state.branches.enumerated() {
        do throws(ClaimError) { try branch.claims.claim(branch.claim(port)) } catch {
          for earlier in state.branches[..<index] { earlier.claims.withdraw(earlier.claim(port)) }
          for set in state.sets { set.ports?.remove(port) }
          return error
        }
      }
      state.open.insert(port)
      return nil
    }
    if let failure { throw failure }
  }

  /// Closes a port, from the next datagram on: datagrams to it are answered with port unreachable. Does nothing where it is closed.
  public func close(_ port: UInt16) {
    state.withLock { state in
      guard state.open.remove(port) != nil else { return }
      for branch in state.branches { branch.claims.withdraw(branch.claim(port)) }
      for set in state.sets { set.ports?.remove(port) }
    }
  }

  /// Keeps a set in step with these ports, for as long as it exists.
  func add(_ set: PortSet) {
    state.withLock { state in
      for port in state.open { set.insert(port) }
      state.sets.removeAll { $0.ports == nil }
      state.sets.append(WeakPortSet(ports: set))
    }
  }

  /// The fork is open in which a branch has these ports: claims them, and those that open later.
  ///
  /// - Throws: where another branch has one of them.
  func add(_ claims: BranchClaims, _ claim: @escaping @Sendable (UInt16) -> Claim) throws(ClaimError) {
    let failure = state.withLock { state -> ClaimError? in
      for port in state.open.sorted() {
        do throws(ClaimError) { try claims.claim(claim(port)) } catch { return error }
      }
      state.branches.removeAll { !$0.claims.isOpen }
      state.branches.append((claims, claim))
      return nil
    }
    if let failure { throw failure }
  }
}
