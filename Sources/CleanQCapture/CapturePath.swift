internal import CPlatform
internal import Glibc

/// Opens a file by its name for writing, without being led elsewhere by a symbolic link of another user.
///
/// Who can make a link in a folder, `/tmp` above all, decides otherwise which file a capture goes to and overwrites. A link
/// on the way is followed only where it belongs to root or to the user this process runs as; the kernel's
/// `fs.protected_symlinks` sees to less, in some folders only. Each part of the path is looked at and passed without a
/// moment in between in which it could become another, since every step starts from the folder that is open.
///
/// A file that is there already and belongs to another user is not written either in a folder where everybody may make files
/// (`/tmp`): somebody put it there to read what is captured. The kernel's `fs.protected_regular` and `fs.protected_fifos` refuse the
/// same where they are on.
///
/// Links in procfs, `/proc/self/fd/3` and what `/dev/stdout` comes to, are the kernel's own and followed by it.
enum CapturePath {
  enum Failure: Error {
    case system(errno: Int32)
    /// A link on the way belongs to somebody else.
    case foreignLink(name: String, owner: uid_t)
    /// The file belongs to somebody else, in a folder where anybody may put files.
    case foreignFile(owner: uid_t)
  }

  /// New files are their owner's alone: captures hold what others said.
  private static let newFileMode: mode_t = 0o600
  /// The most links on a way. Source: path_resolution(7).
  private static let maximumLinkCount = 40
  /// Nothing is emptied, and nothing waits: for the reader of a FIFO, or later for a full pipe.
  private static let flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC

  /// A folder that is passed on the way.
  private struct Folder: ~Copyable {
    let file: Int32

    init(_ file: Int32) throws(Failure) {
      guard file >= 0 else { throw .system(errno: errno) }
      self.file = file
    }

    init(startOf path: String) throws(Failure) {
      // SAFETY: a constant path.
      try unsafe self.init(Glibc.open(path.hasPrefix("/") ? "/" : ".", CPLATFORM_O_PATH | O_DIRECTORY | O_CLOEXEC))
    }

    deinit { close(file) }
  }

  /// Opens the file, or makes it.
  ///
  /// - Returns: a descriptor that does not block, the caller's to close.
  static func open(_ path: String) throws(Failure) -> Int32 {
    guard !path.isEmpty else { throw .system(errno: ENOENT) }
    guard !path.hasSuffix("/") else { throw .system(errno: EISDIR) }
    var folder = try Folder(startOf: path)
    var names = Array(path.split(separator: "/").map(String.init).reversed())
    var linkCount = 0
    var number: Int32 = ELOOP
    while let name = names.popLast() {
      if names.isEmpty {
        // SAFETY: Swift passes the name as a C string that lives during the call, here and below.
        let file = unsafe openat(folder.file, name, flags | O_CREAT | O_NOFOLLOW, newFileMode)
        if file >= 0 {
          try refuseForeign(file, in: folder)
          return file
        }
        number = errno
        // With fs.protected_symlinks another user's link is EACCES.
        guard number == ELOOP || number == EACCES else { throw .system(errno: number) }
      }
      let next = try Folder(unsafe openat(folder.file, name, CPLATFORM_O_PATH | O_NOFOLLOW | O_CLOEXEC))
      guard let target = try linkTarget(of: next, name) else {
        // A file where a folder should be is found out at the next step; a link that was here a moment ago, now.
        guard !names.isEmpty else { throw .system(errno: number) }
        folder = next
        continue
      }
      linkCount += 1
      guard linkCount <= maximumLinkCount else { throw .system(errno: ELOOP) }
      switch target {
      case .path(let path):
        if path.hasPrefix("/") { folder = try Folder(startOf: path) }
        names.append(contentsOf: path.split(separator: "/").map(String.init).reversed())
        if names.isEmpty { throw .system(errno: EISDIR) }
      case .ofKernel:
        guard !names.isEmpty else {
          let file = unsafe openat(folder.file, name, flags)
          guard file >= 0 else { throw .system(errno: errno) }
          return file
        }
        folder = try Folder(unsafe openat(folder.file, name, CPLATFORM_O_PATH | O_CLOEXEC))
      }
    }
    throw .system(errno: EISDIR)
  }

  /// Refuses an open file that another user left in a folder where everybody may; closes it then.
  private static func refuseForeign(_ file: Int32, in folder: borrowing Folder) throws(Failure) {
    var (status, folderStatus) = (stat(), stat())
    // SAFETY: the structures are this function's own.
    guard unsafe fstat(file, &status) == 0, unsafe fstat(folder.file, &folderStatus) == 0 else { return }
    let isPublic = folderStatus.st_mode & (S_ISVTX | S_IWOTH) == S_ISVTX | S_IWOTH
    let isForeign = status.st_uid != geteuid() && status.st_uid != folderStatus.st_uid
    let isPlaced = status.st_mode & S_IFMT == S_IFREG || status.st_mode & S_IFMT == S_IFIFO
    guard isPublic, isForeign, isPlaced else { return }
    close(file)
    throw .foreignFile(owner: status.st_uid)
  }

  private enum Target {
    case path(String)
    case ofKernel
  }

  /// Where an open link leads; nil if it is not a link.
  private static func linkTarget(of link: borrowing Folder, _ name: String) throws(Failure) -> Target? {
    var status = stat()
    // SAFETY: the structures and the array are this function's own.
    guard unsafe fstat(link.file, &status) == 0 else { throw .system(errno: errno) }
    guard status.st_mode & S_IFMT == S_IFLNK else { return nil }
    if cplatform_is_on_procfs(link.file) != 0 { return .ofKernel }
    guard status.st_uid == 0 || status.st_uid == geteuid() else {
      throw .foreignLink(name: name, owner: status.st_uid)
    }
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlinkat(link.file, "", &target, target.count)
    guard count > 0 else { throw .system(errno: count == 0 ? ENOENT : errno) }
    return .path(String(decoding: target.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self))
  }
}
