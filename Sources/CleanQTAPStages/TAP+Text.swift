public import CleanQPipeline
internal import CleanQTAP
internal import CleanQWire

extension TAP {
  /// The `tap` of pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "tap",
      summary: "a TAP device: an Ethernet link to the machine's own kernel",
      shapes: [.end(.frame, right: true)],
      parameters: [
        Parameter(
          "name", .custom(placeholder: "NAME") { TAPConfiguration.diagnostic(aboutName: $0) }, required: true,
          "the device; made where it does not exist, gone at the end unless it was there before, and then as it was"),
        Parameter(
          "address", .custom(placeholder: "ADDRESS/PREFIX") { TAPConfiguration.diagnostic(aboutAddress: $0) },
          keyOnly: true,
          "an IPv4 address for the kernel's side, beside those that it has"),
        Parameter(
          "mac", .custom(placeholder: "MAC") { TAPConfiguration.diagnostic(aboutMAC: $0) }, keyOnly: true,
          "the Ethernet address of the kernel's side"),
        Parameter(
          "mtu", .integer(TAPConfiguration.mtuRange, placeholder: "BYTES", unit: "bytes"), keyOnly: true,
          "the longest IP packet on the link; 1500 in a new device"),
        Parameter("persistent", .boolean, keyOnly: true, "whether a device that is made stays at the end"),
        Parameter(
          "create", .boolean, keyOnly: true, "no: a device that does not exist is an error; else it is made"),
        Parameter(
          "io", .choice(IO.allCases.map(\.rawValue)), keyOnly: true,
          "how frames pass; auto, which is the default, falls back from uring to readwrite"),
        Parameter(
          "offload", .boolean, keyOnly: true,
          "no: each datagram goes to the kernel alone; else those of a flow go as one frame, which it takes apart"),
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
