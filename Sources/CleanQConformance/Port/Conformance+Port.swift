public import CleanQ

// A port is two queues. Each of them is put through the whole suite, with the other side played in one of three ways.

extension Conformance {
  /// The two ends of an interlink: what one transmits the other receives, what one fills the other completes.
  public static func check<A: Port & ~Copyable, B: Port & ~Copyable>(
    port name: String, _ traits: Traits = Traits(), prepare: @escaping PreparePacket = { _, _ in },
    ends make: () throws -> Ends<A, B>
  ) -> ConformanceReport {
    var report = ConformanceReport(name)
    for side in [PortSide.transmit, .receive] {
      report.add(
        run("\(name), first end, \(side)", traits, Sleep()) {
          let ends = try make()
          return Pairing(PortSubject(side, of: ends.first), PortEnd<A, B>(side, ends.second, prepare: prepare))
        })
      report.add(
        run("\(name), second end, \(side)", traits, Sleep()) {
          let ends = try make()
          return Pairing(PortSubject(side, of: ends.second), PortEnd<B, A>(side, ends.first, prepare: prepare))
        })
    }
    return report
  }

  /// A port that receives what it transmits, and completes what is filled.
  public static func check<P: Port & ~Copyable>(
    port name: String, _ traits: Traits = Traits(), prepare: @escaping PreparePacket = { _, _ in },
    loopback make: () throws -> P
  ) -> ConformanceReport {
    var report = ConformanceReport(name)
    for side in [PortSide.transmit, .receive] {
      report.add(
        run("\(name), \(side)", traits, nil) {
          Pairing(PortSubject(side, of: try make()), MirrorPeer<P>(side, prepare: prepare))
        })
    }
    return report
  }

  /// A port on a device that a closure plays: it is called to let the device receive, or send, a number of packets.
  public static func check<P: Port & ~Copyable>(
    port name: String, _ traits: Traits = Traits(), prepare: @escaping PreparePacket = { _, _ in },
    device: @escaping (inout P, PortSide, Int) -> Void, on make: () throws -> P
  ) -> ConformanceReport {
    var report = ConformanceReport(name)
    for side in [PortSide.transmit, .receive] {
      report.add(
        run("\(name), \(side)", traits, nil) {
          Pairing(PortSubject(side, of: try make()), DevicePeer<P>(side, prepare: prepare, run: device))
        })
    }
    return report
  }
}
