import FuzzSupport

/// Any bytes as a capture file: what it starts with decides nothing but the file, so that any capture is a seed.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPcap(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: libFuzzer keeps its input during the call.
  var input = unsafe FuzzInput(start, count: count)
  let bytes = input.rest()
  MemoryFile.write(bytes)
  let records = ReaderChecks.check(bytes)
  SourceChecks(filter: "", bufferByteCount: 2048, bufferCount: 32).check(records)
  SourceChecks(filter: "", bufferByteCount: 114, bufferCount: 3).check(records)
  SourceChecks(filter: "udp port 7 or arp", bufferByteCount: 700, bufferCount: 9).check(records)
  SourceChecks(filter: "", bufferByteCount: 2048, bufferCount: 32, count: 2).check(records)
  return 0
}
