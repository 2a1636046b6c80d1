import CleanQ

// Source: sanitizer/asan_interface.h, of the compiler's runtime. Swift has no module for it.
@_silgen_name("__asan_poison_memory_region")
private func poisonMemory(_ start: UnsafeMutableRawPointer, _ byteCount: Int)
@_silgen_name("__asan_unpoison_memory_region")
private func unpoisonMemory(_ start: UnsafeMutableRawPointer, _ byteCount: Int)

/// Memory of a region that nobody may touch: the address sanitizer does not know of mappings by itself.
enum Shadow {
  static func poison(_ buffer: borrowing Buffer) {
    // SAFETY: the buffer is in bounds of its region, which is mapped.
    unsafe poisonMemory(buffer.address, buffer.byteCount)
  }

  static func unpoison(_ buffer: borrowing Buffer) {
    // SAFETY: as above.
    unsafe unpoisonMemory(buffer.address, buffer.byteCount)
  }
}
