import ArgumentParser
import CPlatform
import CleanQ
import Glibc
import Synchronization

/// Standard input, output and error of the process, and how it ends.
enum StandardFiles {
  /// How long the end may wait for a reader of standard error.
  private static let exitMilliseconds = Atomic(1000)

  /// Puts files that refuse everything where the parent has closed one of the three: otherwise the first device that is opened
  /// would be standard output, and get the summary. And has a closed pipe be an error of the write, and not the end of the
  /// process.
  static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    restoreEndingSignals()
    for file in STDIN_FILENO...STDERR_FILENO where fcntl(file, F_GETFD) < 0 {
      // SAFETY: the string outlives the call. The lowest number that is free is this one.
      _ = unsafe open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// SIGQUIT and SIGABRT from outside end the process; the Swift runtime's handler would print a backtrace and go on. What the
  /// parent has ignored stays so.
  private static func restoreEndingSignals() {
    for number in [SIGQUIT, SIGABRT] where cplatform_signal_disposition(number) != CPLATFORM_SIGNAL_IGNORED {
      signal(number, SIG_DFL)
    }
  }

  /// Has ``exit(_:)`` wait for a moment only: the user wants the end, or nobody reads.
  static func hurry() { exitMilliseconds.store(200, ordering: .relaxed) }

  /// Waits for what is still to be written to standard error, a second at most, and ends the process.
  static func exit(_ status: Int32) -> Never {
    _ = LineWriter.standardError.wait(milliseconds: exitMilliseconds.load(ordering: .relaxed))
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
