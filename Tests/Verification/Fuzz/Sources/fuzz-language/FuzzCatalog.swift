import CleanQNet
import CleanQNetStages
import CleanQCaptureStages
import CleanQPipeline
import CleanQTAPStages

/// The stages of the command, and one that has a parameter of every type.
enum FuzzCatalog {
  static let catalog = StageCatalog([
    TAP.kind, pcap, IP.kind, UDP.kind, EtherTypes.kind, UDPPorts.kind, Echo.kind, Discard.kind, Loopback.kind,
    Count.kind, every,
  ])

  /// `pcap` with any text for a filter: libpcap would look host names up, on the network.
  private static let pcap: StageKind = {
    let kind = PcapTap.kind
    let parameters = kind.parameters.map { parameter in
      parameter.name == "filter"
        ? Parameter("filter", .word(placeholder: "FILTER"), keyOnly: true, parameter.summary) : parameter
    }
    return StageKind(
      name: kind.name, summary: kind.summary, shapes: kind.shapes, parameters: parameters, examples: kind.examples,
      notes: kind.notes, make: kind.make)
  }()

  private struct Description: StageDescription {
    var shape: StageShape { .passThrough }
  }

  private static let every = StageKind(
    name: "every", summary: "takes every type of argument", shapes: [.passThrough],
    parameters: [
      Parameter("word", .word(placeholder: "WORD"), "any text"),
      Parameter("number", .integer(-8 ... .max), default: "3", "a number"),
      Parameter("truth", .boolean, default: "no", "a truth"),
      Parameter("mark", .flag, "a mark"),
      Parameter("one-of", .choice(["a", "a-b", "yes", "mark"]), keyOnly: true, "one of some"),
      Parameter("file", .path, repeatable: true, keyOnly: true, "some paths"),
      Parameter("label", .word(placeholder: "LABEL"), repeatable: true, "all that are left"),
    ]
  ) { arguments throws(ArgumentError) in
    if arguments.texts("label").count > 3 { throw ArgumentError("label", index: 3, "three are enough") }
    if arguments.integer("number") == 13 { throw ArgumentError("13 brings bad luck") }
    if arguments.flag("mark"), arguments.text("one-of") == nil { throw ArgumentError("mark", "write one-of too") }
    return Description()
  }
}
