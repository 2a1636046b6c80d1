import CleanQ
import CleanQPipeline
import Logging
import Testing

@testable import CleanQVFIO

@Suite("the stage nic")
struct NICTests {
  /// A driver of its own kind of port, which remembers nothing.
  static func driver(_ name: String, _ device: UInt16) -> NICDriver {
    NICDriver(stage: name, ids: [NICDriver.ID(vendor: 0x8086, device: device)]) { _ in Loop() }
  }

  struct Loop: EndStage {
    var shape: StageShape { .end(.frame, right: true) }
    func open(in context: PipelineContext) throws(StageError) -> LoopbackPort<Frame> { LoopbackPort() }
  }

  static let drivers = [driver("one", 0x10D3), driver("two", 0x10D4), driver("three", 0x10D3)]

  private func chosen(_ address: String, _ fake: FakeTree) -> String {
    do throws(StageError) { return try NIC(address, drivers: Self.drivers).driver(in: fake.tree).stage } catch {
      return "\(error)"
    }
  }

  @Test("the first driver in the table that knows the function's ids is taken")
  func table() {
    let fake = FakeTree()
    fake.function("0000:00:04.0", vendor: "0x8086", device: "0x10d3")
    fake.function("0000:00:05.0", vendor: "0x8086", device: "0x10d4")
    fake.function("0000:00:06.0", vendor: "0x1af4", device: "0x10d3")
    #expect(chosen("0000:00:04.0", fake) == "one")
    #expect(chosen("00:05.0", fake) == "two")
    #expect(
      chosen("0000:00:06.0", fake)
        == "nic(0000:00:06.0): there is no driver for 1af4:10d3 here, but for "
        + "one (8086:10d3), two (8086:10d4), three (8086:10d3)")
    #expect(
      chosen("0000:00:07.0", fake)
        == "nic(0000:00:07.0): there is no such PCI function; cleanq devices lists those that there are")
    #expect(
      chosen("eth0", fake)
        == "nic(eth0): a PCI address is domain, bus, device and function, as in 0000:00:04.0")
  }

  @Test("a driver opens its own port behind one of any type, and texts name the drivers")
  func opens() throws {
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let port = try Self.drivers[0].open("0000:00:04.0", PipelineContext(logger: quiet))
    #expect(port.refusal(of: .none) == LoopbackPort<Frame>().refusal(of: .none))
    let kind = NIC.kind(drivers: Self.drivers)
    #expect(kind.notes.contains("two (8086:10d4)"))
    let catalog = StageCatalog([kind, Discard.kind])
    let stage = try PipelineText.check("nic(00:04.0) | discard", catalog: catalog, cpuCount: 1).stages.first?
      .description
    #expect((stage as? NIC)?.address == "00:04.0" && (stage as? NIC)?.drivers.count == 3)
  }
}
