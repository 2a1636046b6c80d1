internal import CleanQPipeline
internal import CleanQWire

extension VirtioNetOptions {
  /// What a stage's arguments say.
  ///
  /// - Parameter variants: features that are required where true, declined where false, and left open where nil.
  init(mac: MACAddress?, variants: [(VirtioFeatures, Bool?)]) {
    self.init()
    macAddress = mac
    for case (let feature, let isWanted?) in variants {
      if isWanted {
        declined.subtract(feature)
        required.formUnion(feature)
      } else {
        declined.formUnion(feature)
      }
    }
  }
}

extension StageError {
  /// A device's error as that of the stage, which is named once.
  init(_ stage: String, _ error: VirtioError) {
    let text = error.description
    let name = stage + ": "
    self.init(stage, text.hasPrefix(name) ? String(text.dropFirst(name.count)) : text, errno: error.errno)
  }
}
