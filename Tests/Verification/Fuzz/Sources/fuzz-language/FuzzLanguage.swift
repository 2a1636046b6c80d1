import CleanQPipeline
import FuzzSupport

/// Any bytes as a pipeline's text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLanguage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: libFuzzer keeps its input during the call.
  var input = unsafe FuzzInput(start, count: count)
  let bytes = input.rest()
  LanguageChecks.check(String(decoding: bytes, as: UTF8.self), cpuCount: 1 + bytes.count % 4)
  return 0
}
