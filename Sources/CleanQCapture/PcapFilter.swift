internal import CPcap

/// A filter expression as tcpdump takes it, compiled by libpcap, to be run on frames in place. Thread-confined.
///
/// Source: pcap-filter(7), pcap_compile(3PCAP).
@safe
public struct PcapFilter: ~Copyable {
  /// Why an expression is none.
  public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    /// libpcap's words.
    public let message: String
    public var description: String { "the filter does not compile: \(message); man pcap-filter has the syntax" }
  }

  /// Nil for the filter that lets everything pass.
  private let program: UnsafeMutablePointer<bpf_program>?

  /// Compiles an expression; the empty one lets everything pass.
  ///
  /// Host and protocol names are looked up, nothing else is opened.
  ///
  /// - Throws: what libpcap has against it.
  public init(_ expression: String, linkType: LinkType) throws(Failure) {
    try self.init(expression, dlt: linkType.dlt)
  }

  /// Compiles an expression for a link type by libpcap's number.
  init(_ expression: String, dlt: Int32) throws(Failure) {
    guard !expression.utf8.allSatisfy({ $0 == UInt8(ascii: " ") }) else {
      unsafe program = nil
      return
    }
    // A zero byte would end the text for libpcap, and the rest would be ignored without a word.
    guard !expression.utf8.contains(0) else { throw Failure(message: "it contains a zero byte") }
    // SAFETY: a dead handle holds no file; it is closed below, after its message was copied.
    guard let dead = unsafe pcap_open_dead(dlt, Int32(PcapWriter.maximumSnaplen)) else {
      throw Failure(message: "out of memory")
    }
    defer { unsafe pcap_close(dead) }
    let compiled = UnsafeMutablePointer<bpf_program>.allocate(capacity: 1)
    unsafe compiled.initialize(to: bpf_program())
    // SAFETY: `compiled` is initialised; libpcap owns the instructions in it until pcap_freecode.
    guard unsafe pcap_compile(dead, compiled, expression, 1, 0xffff_ffff) == 0 else {
      let message = unsafe String(cString: pcap_geterr(dead))
      unsafe compiled.deallocate()
      throw Failure(message: message)
    }
    unsafe program = compiled
  }

  deinit {
    guard let program = unsafe program else { return }
    // SAFETY: compiled in init, freed here and nowhere else.
    unsafe pcap_freecode(program)
    unsafe program.deallocate()
  }

  /// Whether everything passes.
  public var matchesAll: Bool { unsafe program == nil }

  /// Whether a packet passes.
  ///
  /// - Parameter originalByteCount: its length before it was cut to what is in `bytes`; nil where it was not cut.
  /// - Complexity: O(length of the program).
  public func matches(_ bytes: Span<UInt8>, originalByteCount: Int? = nil) -> Bool {
    unsafe bytes.withUnsafeBytes { bytes in
      // SAFETY: the span's memory is good during the call.
      unsafe matches(bytes, originalByteCount: originalByteCount ?? bytes.count)
    }
  }

  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  func matches(_ bytes: UnsafeRawBufferPointer, originalByteCount: Int) -> Bool {
    guard let program = unsafe program else { return true }
    // An empty buffer may have no address; the interpreter reads none of its bytes, yet C wants one.
    guard let start = bytes.baseAddress else { return false }
    // SAFETY: the interpreter checks every load against the count, and libpcap made the program.
    return unsafe bpf_filter(
      program.pointee.bf_insns, start.assumingMemoryBound(to: UInt8.self), UInt32(clamping: originalByteCount),
      UInt32(clamping: bytes.count)) != 0
  }

  /// Compiles the expression for a file.
  init(_ expression: String, dlt: Int32, for path: String) throws(CaptureError) {
    do throws(Failure) { try self.init(expression, dlt: dlt) } catch {
      throw CaptureError(path, error.description)
    }
  }

  /// What is wrong with an expression before it is known what it will be run on; nil where it compiles for any traffic.
  public static func diagnostic(about expression: String) -> String? {
    do throws(Failure) {
      _ = try PcapFilter(expression, linkType: .ethernet)
      return nil
    } catch {
      // Nearly everything that compiles for IP packets compiles for frames; what does not is refused for neither.
      if (try? PcapFilter(expression, linkType: .raw)) != nil { return nil }
      return error.description
    }
  }
}
