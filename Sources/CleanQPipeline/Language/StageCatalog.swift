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

  /// Names that people expect, and what to know about them.
  private static let known = [
    "tcp": "TCP is not supported yet; udp is",
    "ipv6": "IPv6 is not supported yet; ip is an IPv4 host",
    "ip6": "IPv6 is not supported yet; ip is an IPv4 host",
    "dhcp": "DHCP is not supported yet; give ip an address, as in ip(10.0.0.2/24)",
    "icmp": "ip answers ping by itself",
    "arp": "ip answers ARP by itself",
    "ethernet": "ip does Ethernet by itself",
    "ipv4": "the stage for IPv4 is ip",
  ]

  /// The kind that a call names.
  ///
  /// - Throws: No stage has that name; the nearest spelling is suggested.
  func kind(of call: StageCall) throws(Diagnostic) -> StageKind {
    if let kind = self[call.name] { return kind }
    if let problem = Self.known[call.name.lowercased()] {
      throw Diagnostic("no stage is called \(Prose.quoted(call.name)); \(problem)", at: call.nameRange)
    }
    let all = "the stages are " + Prose.list(names, "and")
    let what = Spelling.suggestion(for: call.name, among: names, otherwise: all)
    throw Diagnostic("no stage is called \(Prose.quoted(call.name)); \(what)", at: call.nameRange)
  }
}
