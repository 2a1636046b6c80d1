import CleanQ
import FoundationEssentials
import TestSupport
import Testing

@testable import CleanQPipeline

@Suite("the memory of a pipeline")
struct PipelineMemoryTests {
  @Test("shared memory without hugepages: one line that says so, and how to reserve as many as are needed")
  func withoutHugepages() throws {
    // More than there are, so that mapping them is refused; the ordinary pages that it falls back on are never touched.
    let folder = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
    let pageCount = 32 + Self.number(folder + "nr_hugepages") + Self.number(folder + "nr_overcommit_hugepages")
    let log = Log()
    let wanted = WantedBuffers(left: pageCount, right: 0, byteCount: 2 << 20, backing: .shared)
    let memory = try PipelineMemory(wanted, log.logger)
    #expect(memory.region.pageByteCount <= 65_536)
    let needed = (pageCount * wanted.strideByteCount + (2 << 20) - 1) >> 21
    #expect(
      log.lines.filter { $0.contains("hugepages for") } == [
        "warning no hugepages for the buffers, so they are in ordinary pages, which is slower; to reserve some: "
          + "echo $(($(cat /proc/sys/vm/nr_hugepages) + \(needed))) > /proc/sys/vm/nr_hugepages"
      ])
  }

  /// What a file of the kernel's says; 0 where there is none.
  private static func number(_ path: String) -> Int {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return Int(text.filter(\.isNumber)) ?? 0
  }
}
