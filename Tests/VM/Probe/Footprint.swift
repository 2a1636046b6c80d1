import CPlatform
import Glibc

/// What the kernel keeps for this process.
struct Footprint: CustomStringConvertible {
  let files: Int
  /// Files that are VFIO's groups, containers and devices.
  let groups: Int
  let mappings: Int
  let threads: Int
  /// kB that the IOMMU holds down.
  let locked: Int
  /// kB.
  let resident: Int
  /// Bytes of the heap that are in use.
  let heap: Int

  init() {
    let links = Self.names("/proc/self/fd").map { Self.target("/proc/self/fd/\($0)") }
    files = links.count
    groups = links.filter { $0.contains("vfio") }.count
    mappings = Self.lines("/proc/self/maps").count
    threads = Self.names("/proc/self/task").count
    let status = Self.lines("/proc/self/status")
    locked = Self.number("VmLck:", status)
    resident = Self.number("VmRSS:", status)
    heap = cplatform_heap_byte_count()
  }

  var description: String {
    "files=\(files) groups=\(groups) mappings=\(mappings) threads=\(threads) locked=\(locked) resident=\(resident) heap=\(heap)"
  }

  private static func number(_ key: String, _ lines: [String]) -> Int {
    let line = lines.first { $0.hasPrefix(key) } ?? ""
    return Int(line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first ?? "") ?? -1
  }

  private static func names(_ path: String) -> [String] {
    // SAFETY: the folder is closed below, each entry is read before the next is asked for.
    guard let folder = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name.first != "." { names.append(name) }
    }
    return names
  }

  private static func target(_ path: String) -> String {
    var bytes = [CChar](repeating: 0, count: 4096)
    // SAFETY: the array outlives the call and its count is passed with it.
    let count = unsafe readlink(path, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func lines(_ path: String) -> [String] {
    // SAFETY: as above.
    let file = unsafe Glibc.open(path, O_RDONLY)
    defer { close(file) }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe read(file, &chunk, chunk.count)
      if count <= 0 { break }
      text += chunk[..<count]
    }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
