internal import Glibc

/// Something outside of the pipeline that one stage takes for itself: a device, a file, a socket.
public struct StageResource: Hashable, Sendable {
  /// What it is, for people: `TAP device`.
  public let kind: String
  /// Its name, one of all that it may have: equal names are the same thing.
  public let name: String

  public init(_ kind: String, _ name: String) {
    self.kind = kind
    self.name = name
  }

  /// A file by its path. Paths that only differ in how they are written are equal; where links lead is not looked at.
  ///
  /// - Complexity: O(*n*) in the length of the path.
  public static func file(_ path: String, kind: String = "file") -> StageResource {
    var names = path.split(separator: "/")
    if !path.hasPrefix("/"), let folder = currentFolder() {
      names.insert(contentsOf: folder.split(separator: "/"), at: 0)
    }
    return StageResource(kind, "/" + names.filter { $0 != "." }.joined(separator: "/"))
  }

  /// Where relative paths begin; nil where that folder is gone.
  private static func currentFolder() -> String? {
    // SAFETY: the function allocates the string, which is freed here.
    guard let text = unsafe getcwd(nil, 0) else { return nil }
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }
}

extension StageResource {
  /// Refuses a pipeline of which two stages take the same thing.
  ///
  /// - Complexity: O(*s*) in the number of stages.
  static func check(_ stages: [CheckedStage]) throws(Diagnostic) {
    var taken: Set<StageResource> = []
    for stage in stages {
      for resource in stage.description.resources where !taken.insert(resource).inserted {
        throw Diagnostic(
          "the \(resource.kind) of \(Prose.quoted(stage.kind.name)) is taken by a stage to its left already; give each its own",
          at: stage.call.range)
      }
    }
  }
}
