public import CleanQPipeline
internal import CleanQVFIO
internal import CleanQWire

extension Virtio {
  /// The `virtio` of pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "virtio",
      summary: "a virtio network device on the PCI bus, driven in this process by way of VFIO",
      shapes: [.end(.frame, right: true)],
      parameters: [
        addressParameter,
        Parameter(
          "queues", .integer(1...PipelineText.maximumCopyCount, placeholder: "COUNT", unit: "queue pairs"),
          default: "1", keyOnly: true, "how many queue pairs; one for each CPU of the list after the first stage"),
        Parameter(
          "mac", .custom(placeholder: "MAC") { complaint(aboutMAC: $0) }, keyOnly: true,
          "this side's Ethernet address; the device's own unless given"),
        Parameter("packed", .boolean, keyOnly: true, "packed rings: yes for no others, no for split ones"),
        Parameter("mergeable", .boolean, keyOnly: true, "whether a received frame may lie in several buffers"),
        Parameter("in-order", .boolean, keyOnly: true, "whether the device has to keep the order of buffers"),
        Parameter("event-index", .boolean, keyOnly: true, "whether each side says when it wants the next notification"),
      ],
      examples: [
        "virtio(0000:00:04.0) | ip(10.0.0.2/24) | udp(7) | echo",
        "virtio(0000:00:04.0, queues: 2)@0,1 | ip(10.0.0.2/24) | udp(7) | echo",
        "virtio(0000:00:04.0) | pcap(f.pcap) | virtio(0000:00:05.0, packed: yes)",
      ],
      notes: """
        The device is given to this process by cleanq devices bind, and needs virtio 1.0, an IOMMU and ACCESS_PLATFORM (in \
        QEMU: disable-legacy=on,iommu_platform=on). The last four arguments are for trying variants: what is not given is \
        used where the device has it, but for mergeable, which is not.
        """
    ) { arguments throws(ArgumentComplaint) in
      var stage = Virtio(arguments.text("address") ?? "", queues: arguments.integer("queues") ?? 1)
      stage.mac = arguments.text("mac").flatMap { MACAddress($0) }
      stage.packed = arguments.boolean("packed")
      stage.mergeable = arguments.boolean("mergeable")
      stage.inOrder = arguments.boolean("in-order")
      stage.eventIndex = arguments.boolean("event-index")
      return stage
    }
  }

  /// The argument that names a function.
  static var addressParameter: Parameter {
    Parameter(
      "address", .custom(placeholder: "PCI-ADDRESS") { complaint(aboutAddress: $0) }, required: true,
      "the device, as cleanq devices lists it")
  }

  /// What is wrong with the text of a PCI address, as it reads after a colon; nil when nothing is.
  static func complaint(aboutAddress text: String) -> String? {
    PCIAddress(text) == nil ? "a PCI address is domain, bus, device and function, as in 0000:00:04.0" : nil
  }

  /// What is wrong with the text of an Ethernet address, as it reads after a colon; nil when nothing is.
  private static func complaint(aboutMAC text: String) -> String? {
    guard let mac = MACAddress(text), mac.isUnicast else {
      return "a device's address is six pairs of hexadecimal digits with colons, as in 02:00:00:00:00:01"
    }
    return nil
  }
}
