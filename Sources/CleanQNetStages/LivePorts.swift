public import CleanQNet
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
    /// Of the layers that deliver the datagrams.
    var layers: [PortSet] = []
    var branches: [(claims: BranchClaims, claim: @Sendable (UInt16) -> Claim)] = []
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
      for layer in state.layers { layer.insert(port) }
      for (index, branch) in state.branches.enumerated() {
        do throws(ClaimError) { try branch.claims.claim(branch.claim(port)) } catch {
          for earlier in state.branches[..<index] { earlier.claims.withdraw(earlier.claim(port)) }
          for layer in state.layers { layer.remove(port) }
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
      for layer in state.layers { layer.remove(port) }
    }
  }

  /// A layer is open that delivers datagrams to these ports.
  @usableFromInline
  func add(_ layer: PortSet) {
    state.withLock { state in
      for port in state.open { layer.insert(port) }
      state.layers.append(layer)
    }
  }

  /// The fork is open in which a branch has these ports.
  func add(_ claims: BranchClaims, _ claim: @escaping @Sendable (UInt16) -> Claim) {
    state.withLock { $0.branches.append((claims, claim)) }
  }
}
