public import CleanQPipeline
internal import CleanQTAP
internal import CleanQWire

extension TAP {
  /// The `tap` of pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "tap",
      summary: "a TAP device: an Ethernet link to the kernel of this machine",
      shapes: [.end(.frame, right: true)],
      parameters: [
        Parameter(
          "name", .custom(placeholder: "NAME") { TAPConfiguration.diagnostic(aboutName: $0) }, required: true,
          "the device; created if missing and then removed at the end, otherwise restored at the end"),
        Parameter(
          "address", .custom(placeholder: "ADDRESS/PREFIX") { TAPConfiguration.diagnostic(aboutAddress: $0) },
          keyOnly: true,
          "an additional IPv4 address for the kernel's side"),
        Parameter(
          "mac", .custom(placeholder: "MAC") { TAPConfiguration.diagnostic(aboutMAC: $0) }, keyOnly: true,
          "the Ethernet address of the kernel's side"),
        Parameter(
          "mtu", .integer(TAPConfiguration.mtuRange, placeholder: "BYTES", unit: "bytes"), keyOnly: true,
          "the longest IP packet on the link (default in a new device: 1500)"),
        Parameter("persistent", .boolean, keyOnly: true, "keep a created device at the end (default: no)"),
        Parameter(
          "create", .boolean, keyOnly: true, "create a missing device (default: yes)"),
        Parameter(
          "io", .choice(IO.allCases.map(\.rawValue)), keyOnly: true,
          "how frames are transferred (default: auto, which falls back from uring to readwrite)"),
        Parameter(
          "offload", .boolean, keyOnly: true,
          "use UDP GSO for datagrams of one flow (default: yes)"),
      ],
      examples: [
        "tap(tap0, address: 10.0.0.1/24) | ip(10.0.0.2/24) | udp(7) | echo",
        "tap(tap0) | pcap(f.pcap) | tap(tap1)",
        "tap(tap0, mac: 02:00:00:00:00:01, mtu: 9000, persistent: yes, io: readwrite, offload: no) | discard",
      ],
      notes: """
        Making or changing a device needs CAP_NET_ADMIN; attaching to one that was made for the user does not. A device \
        that is removed while the pipeline runs ends the pipeline. Address, MAC and MTU of a device that was there before are put \
        back at the end, but not by a process that is killed (SIGKILL).
        """,
      counts: TAPCounts.descriptions
    ) { arguments throws(ArgumentError) in
      var tap = TAP(arguments.text("name") ?? "")
      tap.address = arguments.text("address").flatMap { try? IPv4Prefix($0) }
      tap.mac = arguments.text("mac").flatMap { MACAddress($0) }
      tap.mtu = arguments.integer("mtu")
      tap.persistent = arguments.boolean("persistent") ?? false
      tap.create = arguments.boolean("create") ?? true
      tap.io = arguments.text("io").flatMap(IO.init(rawValue:)) ?? .auto
      tap.offload = arguments.boolean("offload") ?? true
      return tap
    }
  }
}
