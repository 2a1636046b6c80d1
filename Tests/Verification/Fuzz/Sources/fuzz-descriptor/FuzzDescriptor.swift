import CleanQ
import FuzzSupport

/// Registrations and 32-byte descriptors in any order.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDescriptor(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: libFuzzer keeps its input during the call.
  var input = unsafe FuzzInput(start, count: count)
  var rig = DescriptorRig()
  while !input.isAtEnd { rig.step(&input) }
  return 0
}
