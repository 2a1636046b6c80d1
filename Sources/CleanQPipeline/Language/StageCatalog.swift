/// The stages that there are, in the order in which they are listed.
public struct StageCatalog: Sendable {
  /// The kinds in order.
  public let kinds: [StageKind]
  private let indices: [String: Int]

  /// Makes a catalogue.
  ///
  /// - Precondition: No two kinds have one name.
  public init(_ kinds: [StageKind]) {
    self.kinds = kinds
    indices = Dictionary(
      kinds.enumerated().map { ($0.element.name, $0.offset) },
      uniquingKeysWith: { first, _ in preconditionFailure("two stages are called \"\(kinds[first].name)\"") })
  }

  /// The kind with a name, or nil.
  ///
  /// - Complexity: O(1).
  public subscript(name: String) -> StageKind? {
    indices[name].map { kinds[$0] }
  }

  /// The names in order.
  public var names: [String] { kinds.map(\.name) }

  /// The kind that a call names.
  ///
  /// - Throws: No stage has that name; the nearest spelling is suggested.
  func kind(of call: StageCall) throws(Diagnostic) -> StageKind {
    if let kind = self[call.name] { return kind }
    let all = "the stages are " + Prose.list(names, "and")
    let what = Spelling.suggestion(for: call.name, among: names, otherwise: all)
    throw Diagnostic("no stage is called \(Prose.quoted(call.name)); \(what)", at: call.nameRange)
  }
}
