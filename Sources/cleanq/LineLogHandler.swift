import Glibc
import Logging

/// Log lines with the time, the level and the message, and what belongs to it behind: `running threads=1`.
struct LineLogHandler: LogHandler {
  var logLevel = Logger.Level.notice
  var metadata = Logger.Metadata()
  private let writer: LineWriter

  init(_ writer: LineWriter) { self.writer = writer }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var line = "\(Self.time()) \(event.level): \(event.message)"
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      let text = "\(value)"
      line += text.contains { $0 == " " || $0 == "\"" } ? " \(key)=\"\(text)\"" : " \(key)=\(text)"
    }
    writer.log(Self.printable(line))
  }

  /// One line, also with line breaks in a name that a peer chose.
  private static func printable(_ line: String) -> String {
    guard line.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return line }
    var result = ""
    for scalar in line.unicodeScalars {
      if scalar.properties.generalCategory == .control {
        result += scalar == "\n" ? "; " : "?"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Now, as 2026-11-30T13:33:29+0000.
  private static func time() -> String {
    var now = time_t()
    var parts = unsafe tm()
    var text = [CChar](repeating: 0, count: 32)
    // SAFETY: local variables, and an array whose count is passed with it.
    unsafe Glibc.time(&now)
    unsafe localtime_r(&now, &parts)
    let capacity = text.count
    let count = unsafe strftime(&text, capacity, "%Y-%m-%dT%H:%M:%S%z", &parts)
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
