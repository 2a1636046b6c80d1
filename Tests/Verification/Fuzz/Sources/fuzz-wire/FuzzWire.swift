import FuzzSupport

/// Frames for a whole stack, between moves of its user and of time. Each frame also goes through every parser.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWire(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: libFuzzer keeps its input during the call.
  var input = unsafe FuzzInput(start, count: count)
  var all = input
  ParserChecks.check(all.rest())
  var rig = StackRig()
  while !input.isAtEnd { rig.step(&input) }
  rig.settle()
  return 0
}
