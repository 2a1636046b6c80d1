internal import Glibc
internal import Synchronization

/// A capture file that is open in this process: while it is read or written here, no other stage can begin to write it.
struct FileClaim: ~Copyable, Sendable {
  private struct Identity: Hashable {
    let device: UInt
    let node: UInt
  }

  /// How often each file is open.
  private static let claims = Mutex<[Identity: Int]>([:])

  /// Nil where many can have the file at once: a terminal, `/dev/null`.
  private let identity: Identity?
  let isRegularFile: Bool

  /// - Parameter path: as errors name it.
  /// - Throws: the file is open in this process already.
  init(writing file: Int32, _ path: String) throws(CaptureError) {
    let (identity, isRegularFile) = Self.look(file)
    let isFree = Self.claims.withLock { claims in
      guard let identity else { return true }
      guard claims[identity] == nil else { return false }
      claims[identity] = 1
      return true
    }
    guard isFree else {
      throw CaptureError(path, "another stage reads or writes this file; give each capture a file of its own")
    }
    self.identity = identity
    self.isRegularFile = isRegularFile
  }

  init(reading file: Int32) {
    let (identity, isRegularFile) = Self.look(file)
    if let identity { Self.claims.withLock { $0[identity, default: 0] += 1 } }
    self.identity = identity
    self.isRegularFile = isRegularFile
  }

  deinit {
    guard let identity else { return }
    Self.claims.withLock { claims in
      let left = (claims[identity] ?? 1) - 1
      claims[identity] = left > 0 ? left : nil
    }
  }

  private static func look(_ file: Int32) -> (Identity?, isRegularFile: Bool) {
    var status = stat()
    // SAFETY: `status` is this function's own.
    guard unsafe fstat(file, &status) == 0 else { return (nil, false) }
    let kind = status.st_mode & S_IFMT
    let identity = Identity(device: UInt(status.st_dev), node: UInt(status.st_ino))
    return (kind == S_IFCHR ? nil : identity, kind == S_IFREG)
  }
}
