internal import CleanQ
internal import CleanQPipeline
internal import Glibc

/// The `pcap` stage on one file, as errors and log lines name it.
///
/// - Returns: `pcap(echo.pcap)`.
func stageText(_ path: String) -> String { "pcap(\(path))" }

/// Why a file could not be opened, in one line that says what to do.
func openingError(_ path: String, reading: Bool, errno number: Int32) -> StageError {
  let stage = stageText(path)
  let message =
    switch number {
    case EBADF where path == standardStream:
      "standard \(reading ? "input" : "output") is closed; give it to the command, or name a file"
    case ENOENT where reading: "there is no file \(path)"
    case ENOENT: "there is no folder for \(path); make it first, or write somewhere else"
    case ENOTDIR: "a part of the path \(path) is a file where a folder should be"
    case EISDIR: "\(path) is a folder; name a file in it"
    case EACCES, EPERM:
      "no permission to \(reading ? "read" : "write") \(path); choose another file or change its permissions"
    case EROFS: "\(path) is on a read-only file system; write somewhere else"
    case ENOSPC: "no space is left for \(path); write somewhere else"
    default: "cannot open \(path): \(systemErrorText(number))"
    }
  return StageError(stage, message, errno: number)
}

/// The path that stands for standard input or output.
let standardStream = "-"
