import CleanQ
import CleanQPipeline
import Glibc

/// A text with spaces after it, up to a width.
func pad(_ text: String, _ width: Int) -> String {
  text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
}

/// The text of a file; more than a pipeline can be is not read to its end.
func readText(_ path: String) throws -> String {
  // SAFETY, for the calls below: strings and arrays outlive the calls, and counts are passed with them.
  let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw failure("cannot read \(path): \(systemErrorText(errno))") }
  defer { close(file) }
  var text: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 4096)
  while text.count <= PipelineText.maximumLengthBytes {
    let count = unsafe read(file, &chunk, chunk.count)
    guard count >= 0 else { throw failure("cannot read \(path): \(systemErrorText(errno))") }
    if count == 0 { break }
    text += chunk[..<count]
  }
  return String(decoding: text, as: UTF8.self)
}
