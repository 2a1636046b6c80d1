/// What a stage is, before anything has been opened: the value that a stage's text stands for.
///
/// The text language asks for its shape alone; the modules that know how to open a stage refine the protocol.
public protocol StageDescription: Sendable {
  /// Where the stage can stand. May depend on the arguments.
  var shape: StageShape { get }

  /// In how many instances of one pipeline the stage can stand at once. A device has one for each of its queue pairs; a file can
  /// be written by one. By default one for a stage that opens a port of its own, and any number for the others.
  var instances: ClosedRange<Int> { get }

  /// What a stage takes for itself: no other stage of the pipeline can have it too. None by default.
  var resources: [StageResource] { get }
}

extension StageDescription {
  public var resources: [StageResource] { [] }

  public var instances: ClosedRange<Int> {
    if case .end = shape { 1...1 } else { 1...Int.max }
  }
}
