/// What a stage is, before anything has been opened: the value that a stage's text stands for.
///
/// The text language asks for its shape alone; the modules that know how to open a stage refine the protocol.
public protocol StageDescription: Sendable {
  /// Where the stage can stand. May depend on the arguments.
  var shape: StageShape { get }
}
