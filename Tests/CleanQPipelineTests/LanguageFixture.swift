import CleanQPipeline

/// The stages that the tests of the text language know.
enum LanguageFixture {
  struct Description: StageDescription {
    var shape: StageShape
  }

  /// A device with a queue pair for each instance of the pipeline.
  struct Device: StageDescription {
    var queueCount: Int
    var shape: StageShape { .end(.frame, right: true) }
    var instances: ClosedRange<Int> { queueCount...queueCount }
  }

  static let catalog = StageCatalog([tap, pcap, ip, udp, echo, discard, loopback, count, source])
  /// The same and a device with several queue pairs, which the golden texts about lists of stages leave out.
  static let deviceCatalog = StageCatalog(catalog.kinds + [device])

  /// Looks like an address and a prefix length; enough for a language test.
  static let address = ParameterType.custom(placeholder: "ADDRESS/PREFIX") { text in
    let halves = text.split(separator: "/", omittingEmptySubsequences: false)
    guard halves.count == 2, halves[0].split(separator: ".").count == 4, let prefix = Int(halves[1]) else {
      return "write one such as 10.0.0.2/24"
    }
    return (0...32).contains(prefix) ? nil : "the prefix is from 0 to 32"
  }

  static let tap = StageKind(
    name: "tap", summary: "a TAP device of the kernel", shapes: [.end(.frame, right: true)],
    parameters: [
      Parameter("name", .word(placeholder: "NAME"), required: true, "the device's name"),
      Parameter("address", address, "the kernel's address on the device"),
      Parameter("mac", .word(placeholder: "MAC"), keyOnly: true, "the kernel's hardware address"),
      Parameter("queues", .integer(1...16, placeholder: "COUNT"), default: "1", keyOnly: true, "how many queues"),
    ],
    examples: ["tap(tap0) | echo"]
  ) { arguments throws(ArgumentError) in
    if let name = arguments.text("name"), name.utf8.count > 15 {
      throw ArgumentError("name", "an interface name has 15 characters at most")
    }
    if arguments.integer("queues") != 1 && arguments.text("mac") == nil {
      throw ArgumentError("several queues need a mac")
    }
    return Description(shape: .end(.frame, right: true))
  }

  static let pcap = StageKind(
    name: "pcap", summary: "writes what passes to a file, or reads one",
    shapes: [.passThrough, .end(.frame, right: false)],
    parameters: [
      Parameter("file", .path, required: true, "the capture file"),
      Parameter("filter", .word(placeholder: "EXPRESSION"), keyOnly: true, "what to write"),
      Parameter("format", .choice(["pcap", "pcapng"]), default: "pcap", keyOnly: true, "the file's format"),
      Parameter("snaplen", .integer(64...262_144, unit: "bytes"), keyOnly: true, "how much of each frame"),
      Parameter("flush", .boolean, keyOnly: true, "after each burst"),
      Parameter("read", .flag, "read the file instead"),
      Parameter("loop", .flag, "read it again and again"),
    ]
  ) { arguments throws(ArgumentError) in
    if arguments.flag("loop") && !arguments.flag("read") {
      throw ArgumentError("loop", "it goes with read only")
    }
    return Description(shape: arguments.flag("read") ? .end(.frame, right: false) : .passThrough)
  }

  static let ip = StageKind(
    name: "ip", summary: "ARP and IPv4", shapes: [.layer(below: .frame, above: .packet)],
    parameters: [
      Parameter("address", address, required: true, "the address of this end"),
      Parameter("mtu", .integer(576...9000, unit: "bytes"), "the largest packet"),
    ]
  ) { _ in Description(shape: .layer(below: .frame, above: .packet)) }

  static let udp = StageKind(
    name: "udp", summary: "UDP", shapes: [.layer(below: .packet, above: .datagram)],
    parameters: [
      Parameter("port", .integer(1...65_535, placeholder: "PORT"), required: true, repeatable: true, "the ports")
    ]
  ) { arguments throws(ArgumentError) in
    let ports = arguments.integers("port")
    for (index, port) in ports.enumerated() where ports[..<index].contains(port) {
      throw ArgumentError("port", index: index, "it is listed twice")
    }
    return Description(shape: .layer(below: .packet, above: .datagram))
  }

  static let echo = StageKind(name: "echo", summary: "sends back", shapes: [.sink]) { _ in Description(shape: .sink) }
  static let discard = StageKind(name: "discard", summary: "drops", shapes: [.sink]) { _ in Description(shape: .sink) }
  static let loopback = StageKind(name: "loopback", summary: "gives back", shapes: [.loop]) { _ in
    Description(shape: .loop)
  }
  static let count = StageKind(
    name: "count", summary: "counts what passes", shapes: [.passThrough],
    parameters: [Parameter("label", .word(placeholder: "LABEL"), "what to call it")]
  ) { _ in Description(shape: .passThrough) }
  static let source = StageKind(name: "source", summary: "makes packets", shapes: [.end(.packet, right: false)]) { _ in
    Description(shape: .end(.packet, right: false))
  }

  static let device = StageKind(
    name: "device", summary: "has queue pairs", shapes: [.end(.frame, right: true)],
    parameters: [Parameter("queues", .integer(1...16, placeholder: "COUNT"), default: "1", keyOnly: true, "how many")]
  ) { arguments throws(ArgumentError) in Device(queueCount: arguments.integer("queues") ?? 1) }

  static func check(
    _ text: String, cpuCount: Int = 2, catalog: StageCatalog = catalog
  ) throws(Diagnostic) -> CheckedPipeline {
    try PipelineText.check(text, catalog: catalog, cpuCount: cpuCount)
  }

  /// How the mistake in a text is shown; "no mistake" when there is none.
  static func rendering(
    _ text: String, name: String = "pipeline", cpuCount: Int = 2, catalog: StageCatalog = catalog
  ) -> String {
    do throws(Diagnostic) {
      let pipeline = try check(text, cpuCount: cpuCount, catalog: catalog)
      return "no mistake: \(pipeline)"
    } catch {
      return error.render(source: text, name: name)
    }
  }
}
