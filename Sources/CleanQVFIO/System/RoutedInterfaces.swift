/// Which of the kernel's interfaces carry a route, so that taking them away cuts somebody off; and which are in another network
/// namespace than this process, so that their routes are not to be seen from here.
public struct RoutedInterfaces: Sendable {
  private let names: Set<String>
  /// The interfaces of this namespace; nil where the kernel does not say.
  private let here: Set<String>?
  private let tree: SystemTree

  public init(in tree: SystemTree = .machine) {
    self.tree = tree
    here = tree.text("/proc/net/dev").map(Self.interfaces)
    names = Self.version4(tree.text("/proc/net/route") ?? "").union(
      Self.version6(tree.text("/proc/net/ipv6_route") ?? ""))
  }

  /// The interface that carries a route: this one, or a bridge, bond or VLAN above it; nil where there is none.
  public func carrier(of interface: String) -> String? {
    var waiting = [interface]
    var seen: Set<String> = []
    while let name = waiting.popLast() {
      guard seen.insert(name).inserted else { continue }
      if names.contains(name) { return name }
      let links = tree.names("/sys/class/net/\(name)").filter { $0.hasPrefix("upper_") }
      waiting += links.map { String($0.dropFirst("upper_".count)) }
    }
    return nil
  }

  /// Whether an interface is in another network namespace.
  public func isElsewhere(_ interface: String) -> Bool { here?.contains(interface) == false }

  /// Source: Linux net/core/net-procfs.c, `dev_seq_printf_stats`: two lines of heading, then a name and a colon on each line.
  private static func interfaces(_ text: String) -> Set<String> {
    Set(
      text.split(separator: "\n").dropFirst(2).compactMap { line in
        line.split(separator: ":").first.map { String($0.drop { $0 == " " }) }
      })
  }

  /// Source: Linux net/ipv4/fib_trie.c, `fib_route_seq_show`: the interface's name stands first, below a heading.
  private static func version4(_ text: String) -> Set<String> {
    Set(
      text.split(separator: "\n").dropFirst().compactMap {
        $0.split(whereSeparator: \.isWhitespace).first.map(String.init)
      })
  }

  /// Source: Linux net/ipv6/route.c, `rt6_info_route`: destination, its prefix length, …, flags, the interface's name last.
  ///
  /// Every interface that is up has routes to its link-local and multicast addresses; those carry nobody's traffic.
  private static func version6(_ text: String) -> Set<String> {
    Set(
      text.split(separator: "\n").compactMap { line in
        let fields = line.split(whereSeparator: \.isWhitespace)
        guard fields.count == 10, let prefix = UInt16(fields[0].prefix(4), radix: 16), let name = fields.last else {
          return nil
        }
        let isLinkLocal = prefix & 0xFFC0 == 0xFE80
        return isLinkLocal || prefix >> 8 == 0xFF ? nil : String(name)
      })
  }
}
