/// Checks that a pipeline which runs in instances, one per CPU of a list, can.
enum PipelineInstances {
  /// A list stands at the first stage, and then no other stage has a mark.
  ///
  /// - Parameter first: The first stage of the pipeline; nil when the mark is its.
  static func check(
    _ mark: StageCall.CPUMark, on call: StageCall, after first: CheckedStage?
  ) throws(Diagnostic) {
    guard let first else { return }
    let name = Prose.quoted(first.kind.name)
    if mark.isList {
      throw Diagnostic(
        "a list of CPUs can stand after the first stage only, where it runs an instance of the whole pipeline on each; move it to \(name)",
        at: mark.range)
    }
    guard let list = first.call.cpu, list.isList else { return }
    throw Diagnostic(
      "each instance of the pipeline runs on its own CPU of the list after \(name); take this mark out", at: mark.range)
  }

  /// Every stage can stand in as many instances as there are.
  static func check(_ stages: [CheckedStage]) throws(Diagnostic) {
    guard let first = stages.first else { return }
    let count = first.call.cpu?.numbers.count ?? 1
    for stage in stages where !stage.description.instances.contains(count) {
      // The list is to blame where there is one, and else the stage that wants one.
      let list = first.call.cpu.flatMap { $0.isList ? $0 : nil }
      let isFirst = stage.call.range == first.call.range
      throw Diagnostic(
        diagnostic(
          of: stage.kind.name, wanting: stage.description.instances, given: count,
          hasQueues: stage.kind.parameters.contains { $0.name == "queues" }),
        at: isFirst ? list?.range ?? stage.call.range : stage.call.range)
    }
  }

  /// What a stage has against the number of instances.
  ///
  /// - Parameter hasQueues: whether it can be told how many queues it is to have.
  static func diagnostic(
    of name: String, wanting wanted: ClosedRange<Int>, given count: Int, hasQueues: Bool = false
  ) -> String {
    let name = Prose.quoted(name)
    if wanted.upperBound == 1 {
      let remedy = hasQueues ? "give it queues: \(count), or " : ""
      return "\(name) can be opened once only, not by \(count) instances; \(remedy)write one CPU"
    }
    let cpus = (0..<wanted.upperBound).map(String.init).joined(separator: ",")
    let given = count == 1 ? "there is one instance" : "there are \(count) instances"
    return "\(name) has \(wanted.upperBound) queues, one for each instance of the pipeline, but \(given); "
      + "list \(wanted.upperBound) CPUs after the first stage, as in @\(cpus)"
  }
}
