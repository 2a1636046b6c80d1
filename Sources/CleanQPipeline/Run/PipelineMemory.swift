public import CleanQ
internal import Logging

/// The region from which all buffers of one instance of a pipeline are carved. Its last loop owns it.
@usableFromInline
final class PipelineMemory: Sendable {
  @usableFromInline let region: Region

  private static let hugepageByteCount = 2 << 20

  /// Makes the memory that the loops of a copy want, and says what it is made of.
  init(_ wanted: WantedBuffers, _ logger: Logger) throws(StageError) {
    let count = max(wanted.left + wanted.right, Burst.capacity)
    do {
      // What is shared is mapped by both sides, and a hugepage serves both: one at least, where there are any.
      let least = wanted.backing == .shared ? Self.hugepageByteCount : 1
      region = try Region(byteCount: max(count * wanted.strideByteCount, least), backing: wanted.backing)
    } catch {
      throw StageError("pipeline", "no memory for \(count) buffers of \(wanted.byteCount) bytes: \(error)")
    }
    let isHuge = region.pageByteCount > 65_536
    logger.notice(
      "memory",
      metadata: [
        "buffers": "\(count) of \(wanted.byteCount) bytes", "in": "\(isHuge ? "hugepages" : "ordinary pages")",
      ])
    if !isHuge, wanted.backing == .shared { Self.adviseHugepages(byteCount: region.byteCount, logger) }
  }

  /// A device maps shared memory page by page; in small pages it and we miss the TLB at nearly every packet.
  private static func adviseHugepages(byteCount: Int, _ logger: Logger) {
    let count = (byteCount + hugepageByteCount - 1) / hugepageByteCount
    logger.warning(
      """
      no hugepages for the buffers, so they are in ordinary pages, which is slower; to reserve some: \
      echo $(($(cat /proc/sys/vm/nr_hugepages) + \(count))) > /proc/sys/vm/nr_hugepages
      """)
  }
}
