/// A stage whose name, arguments and CPU are right.
public struct CheckedStage: Sendable {
  /// What kind of stage it is.
  public let kind: StageKind
  /// The stage as it was written, with its places in the text.
  public let call: StageCall
  /// Its arguments.
  public let arguments: Arguments
  /// What it stands for.
  public internal(set) var description: any StageDescription
  /// The CPUs that it runs on: those of its own mark or of the nearest to its left; empty when there is none. Several where the
  /// pipeline runs in instances, one on each.
  public let cpus: [Int]
  /// How many buffers the branch may have that the stage begins; nil for an equal part.
  public let share: Int?
  /// The branches above the stage; empty where it has no block.
  public internal(set) var branches: [[CheckedStage]] = []
  /// The stage's name in the pipeline, which no other stage has.
  public internal(set) var path = ""

  init(
    kind: StageKind, call: StageCall, arguments: Arguments, description: any StageDescription, cpus: [Int], share: Int?
  ) {
    self.kind = kind
    self.call = call
    self.arguments = arguments
    self.description = description
    self.cpus = cpus
    self.share = share
  }

  /// The stage in canonical form, without its block: required values by position, then keys in the order of the stage's
  /// parameters, with quotes only if needed. Parses to the same stage.
  ///
  /// - Complexity: O(*n*) in the length of the text.
  public var text: String {
    var forms = arguments.entries.indices.flatMap { self.forms(of: arguments.entries[$0], index: $0) }
    if let share { forms.append("share: \(share)") }
    let list = forms.isEmpty ? "" : "(\(forms.joined(separator: ", ")))"
    let mark = call.cpu.map { "@" + $0.numbers.map(String.init).joined(separator: ",") } ?? ""
    return kind.name + list + mark + (call.alias.map { " as \($0.name)" } ?? "")
  }

  private func forms(of entry: Arguments.Entry, index: Int) -> [String] {
    // A default that was not written is not written now.
    guard !entry.ranges.isEmpty else { return [] }
    let name = entry.parameter.name
    if entry.parameter.type.isFlag { return entry.values == [.boolean(true)] ? [name] : [] }
    let isPositional = kind.isWrittenByPosition(index)
    let flags = kind.parameters.filter(\.type.isFlag).map(\.name)
    return entry.values.map { value in
      let form = CanonicalText.value(value.text, isPositional: isPositional, reserved: flags)
      return isPositional ? form : "\(name): \(form)"
    }
  }
}

extension ParameterType.Value {
  /// The value as it is written, before quoting.
  var text: String {
    switch self {
    case .text(let text): text
    case .integer(let number): String(number)
    case .boolean(let flag): flag ? "yes" : "no"
    }
  }
}
