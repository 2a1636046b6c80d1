import FuzzSupport

/// A network device that writes to its virtqueues whatever the fuzzer says, between moves of the driver's user.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzVirtqueue(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: libFuzzer keeps its input during the call.
  var input = unsafe FuzzInput(start, count: count)
  var rig = VirtqueueRig(variant: input.byte())
  while !input.isAtEnd { rig.step(&input) }
  rig.settle()
  return 0
}
