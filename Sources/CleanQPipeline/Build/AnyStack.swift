public import CleanQ

/// The left part of a pipeline that was put together from a text: a port whose kind of traffic is known at run time only.
public enum AnyStack: ~Copyable {
  case frames(AnyPort<Frame>)
  case packets(AnyPort<Packet>)
  case datagrams(AnyPort<Datagram>)

  /// The port where its traffic is of the given kind, else nil.
  @inlinable
  public consuming func port<Unit: Traffic>(of unit: Unit.Type) -> AnyPort<Unit>? {
    switch consume self {
    case .frames(let port): Self.cast(port)
    case .packets(let port): Self.cast(port)
    case .datagrams(let port): Self.cast(port)
    }
  }

  @inlinable
  static func cast<Actual: Traffic, Unit: Traffic>(_ port: consuming AnyPort<Actual>) -> AnyPort<Unit>? {
    guard Actual.self == Unit.self else { return nil }
    return port.retyped()
  }

  /// A stack with this port on top.
  @inlinable
  public static func make<Unit: Traffic>(_ port: consuming AnyPort<Unit>) -> AnyStack {
    switch Unit.kind {
    case .frame: .frames(port.retyped())
    case .packet: .packets(port.retyped())
    case .datagram: .datagrams(port.retyped())
    }
  }
}

/// Ends in a port of which only the kind of traffic is known.
@usableFromInline
struct Erase<Unit: Traffic>: PortContinuation {
  @inlinable
  init() {}

  @inlinable
  func callAsFunction<P: Port & ~Copyable>(_ port: consuming P) throws(StageError) -> AnyPort<Unit>
  where P.Unit == Unit {
    AnyPort(port)
  }
}

extension EndStage {
  @inlinable
  public func openBottom(in context: PipelineContext) throws(StageError) -> AnyStack {
    .make(AnyPort(try open(in: context)))
  }

  @inlinable
  public func openTop(on stack: consuming AnyStack, in context: PipelineContext) throws(StageError) -> Bool {
    guard let left = stack.port(of: Unit.self) else { return false }
    context.add(left, AnyPort(try open(in: context)))
    return true
  }
}

extension LayerStage {
  @inlinable
  public func put(on stack: consuming AnyStack, in context: PipelineContext) throws(StageError) -> AnyStack? {
    guard let lower = stack.port(of: Below.self) else { return nil }
    return .make(try attach(to: lower, in: context, then: Erase<Above>()))
  }
}

extension PassThroughStage {
  @inlinable
  public func put(on stack: consuming AnyStack, in context: PipelineContext) throws(StageError) -> AnyStack {
    switch consume stack {
    case .frames(let lower): .frames(try attach(to: lower, in: context, then: Erase<Frame>()))
    case .packets(let lower): .packets(try attach(to: lower, in: context, then: Erase<Packet>()))
    case .datagrams(let lower): .datagrams(try attach(to: lower, in: context, then: Erase<Datagram>()))
    }
  }
}

extension SinkStage {
  @inlinable
  public func openTop(on stack: consuming AnyStack, in context: PipelineContext) throws(StageError) {
    switch consume stack {
    case .frames(let left): try join(to: left, in: context)
    case .packets(let left): try join(to: left, in: context)
    case .datagrams(let left): try join(to: left, in: context)
    }
  }
}

extension AnyPort {
  /// The port behind one dynamic call per burst; where it is behind one already, as it is.
  @inlinable
  static func erasing<P: Port & ~Copyable>(_ port: consuming P) -> AnyPort where P.Unit == Unit {
    guard P.self == AnyPort.self else { return AnyPort(port) }
    var port = Optional(consume port)
    // SAFETY: `P` is this very type, so the pointer's type is the variable's; what is taken from it is not there any more.
    let erased = unsafe withUnsafeMutablePointer(to: &port) {
      unsafe UnsafeMutableRawPointer($0).assumingMemoryBound(to: Optional<AnyPort>.self).pointee.take()
    }
    guard let erased else { preconditionFailure("a port was lost") }
    return erased
  }
}
