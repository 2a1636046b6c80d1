import ArgumentParser
import CleanQ
import Glibc

/// Standard input, output and error of the process.
enum StandardFiles {
  /// Puts files that refuse everything where the parent has closed one of the three: otherwise the first device that is opened
  /// would be standard output, and get the summary. And has a closed pipe be an error of the write, and not the end of the
  /// process.
  static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    for file in STDIN_FILENO...STDERR_FILENO where fcntl(file, F_GETFD) < 0 {
      // SAFETY: the string outlives the call. The lowest number that is free is this one.
      _ = unsafe open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Waits for what is still to be written to standard error, a second at most, and ends the process.
  static func exit(_ status: Int32) -> Never {
    _ = LineWriter.standardError.wait(milliseconds: 1000)
    Glibc.exit(status)
  }
}

/// Prints on standard output, or fails where it cannot take it.
///
/// - Throws: ExitCode, after a line on standard error.
func printOutput(_ text: String) throws {
  let writer = LineWriter.standardOutput
  writer.print(text)
  if case .failed(let number) = writer.wait(milliseconds: -1) {
    throw failure("\(writer.name): \(systemErrorText(number))")
  }
}

/// One line, or several, on standard error.
func printError(_ line: String) { LineWriter.standardError.print(line) }
