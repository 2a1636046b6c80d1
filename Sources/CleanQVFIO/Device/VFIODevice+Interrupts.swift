internal import CPlatform
internal import Glibc

extension VFIODevice {
  /// How many message-signalled interrupt vectors (MSI-X) the function has; 0 for none.
  public func interruptCount() throws(VFIOError) -> Int { try interruptCount(of: Int(VFIO_PCI_MSIX_IRQ_INDEX)) }

  func interruptCount(of index: Int) throws(VFIOError) -> Int {
    var info = vfio_irq_info()
    info.argsz = UInt32(MemoryLayout<vfio_irq_info>.size)
    info.index = UInt32(index)
    guard file.request(CPLATFORM_VFIO_DEVICE_GET_IRQ_INFO, &info) == 0 else {
      throw VFIOError(address, .system("cannot ask for interrupts"), errno: errno)
    }
    return info.flags & UInt32(VFIO_IRQ_INFO_EVENTFD) != 0 ? Int(info.count) : 0
  }

  /// Makes each vector write to an eventfd of the caller's, from vector 0 on: all at once, since Linux before 6.5 cannot add
  /// one later.
  public func enableInterrupts(_ eventFiles: [Int32]) throws(VFIOError) {
    try setInterrupts(Int(VFIO_PCI_MSIX_IRQ_INDEX), eventFiles)
  }

  /// Ends ``enableInterrupts(_:)``.
  public func disableInterrupts() throws(VFIOError) { try setInterrupts(Int(VFIO_PCI_MSIX_IRQ_INDEX), []) }

  func setInterrupts(_ index: Int, _ eventFiles: [Int32]) throws(VFIOError) {
    let kind = eventFiles.isEmpty ? VFIO_IRQ_SET_DATA_NONE : VFIO_IRQ_SET_DATA_EVENTFD
    // struct vfio_irq_set: five words, then the files.
    var words: [UInt32] = [
      UInt32(20 + eventFiles.count * 4), UInt32(kind | VFIO_IRQ_SET_ACTION_TRIGGER), UInt32(index), 0,
      UInt32(eventFiles.count),
    ]
    words += eventFiles.map { UInt32(bitPattern: $0) }
    guard file.request(CPLATFORM_VFIO_DEVICE_SET_IRQS, words: &words) == 0 else {
      throw VFIOError(address, .system("cannot set \(eventFiles.count) interrupt vectors up"), errno: errno)
    }
  }
}
