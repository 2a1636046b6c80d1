public import CleanQPipeline
internal import CleanQWire

extension VhostUser {
  /// The `vhost-user` of pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "vhost-user",
      summary: "a network device that another process offers on a vhost-user socket: DPDK, Open vSwitch, VPP",
      shapes: [.end(.frame, right: true)],
      parameters: [
        Parameter("path", .path, required: true, "the back end's socket; the back end listens on it"),
        Parameter(
          "queues", .integer(1...PipelineText.maximumCopyCount, placeholder: "COUNT", unit: "queue pairs"),
          default: "1", keyOnly: true, "how many queue pairs; one for each CPU of the list after the first stage"),
        Parameter(
          "mac", .custom(placeholder: "MAC") { complaint(aboutMAC: $0) }, keyOnly: true,
          "this side's Ethernet address; the device's own, or one made from the path, unless given"),
        Parameter("packed", .boolean, keyOnly: true, "packed rings: yes for no others, no for split ones"),
        Parameter("mergeable", .boolean, keyOnly: true, "whether a received frame may lie in several buffers"),
        Parameter("in-order", .boolean, keyOnly: true, "whether the back end has to keep the order of buffers"),
        Parameter("event-index", .boolean, keyOnly: true, "whether each side says when it wants the next notification"),
      ],
      examples: [
        "vhost-user(/run/x.sock) | ip(10.0.0.2/24) | udp(7) | echo",
        "vhost-user(/run/x.sock, queues: 2)@0,1 | ip(10.0.0.2/24) | udp(7) | echo",
        "vhost-user(/run/x.sock, packed: yes) | pcap(f.pcap) | tap(tap0)",
      ],
      notes: """
        The back end maps this process's buffers; reserve hugepages for speed. When it goes, the stage waits for the next \
        one on the same socket and goes on. The last four arguments are for trying variants: what is not given is used \
        where the back end has it, but for mergeable, which is not.
        """
    ) { arguments throws(ArgumentComplaint) in
      var stage = VhostUser(arguments.text("path") ?? "", queues: arguments.integer("queues") ?? 1)
      stage.mac = arguments.text("mac").flatMap { MACAddress($0) }
      stage.packed = arguments.boolean("packed")
      stage.mergeable = arguments.boolean("mergeable")
      stage.inOrder = arguments.boolean("in-order")
      stage.eventIndex = arguments.boolean("event-index")
      return stage
    }
  }

  /// What is wrong with the text of an Ethernet address, as it reads after a colon; nil when nothing is.
  private static func complaint(aboutMAC text: String) -> String? {
    guard let mac = MACAddress(text), mac.isUnicast else {
      return "a device's address is six pairs of hexadecimal digits with colons, as in 02:00:00:00:00:01"
    }
    return nil
  }
}
