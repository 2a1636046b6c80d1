import CleanQPipeline
import CleanQTAPStages
import CleanQWire
import Testing
import TestSupport

@Suite struct TAPTextTests {
  let catalog = StageCatalog([TAP.kind, Discard.kind])

  func tap(_ text: String) throws -> TAP? {
    let checked = try PipelineText.check("\(text) | discard", catalog: catalog, cpuCount: 2)
    return checked.stages[0].description as? TAP
  }

  @Test func everyArgument() throws {
    let text =
      "tap(tap0, address: 10.0.0.1/24, mac: 02:00:00:00:00:01, mtu: 9000, persistent: yes, create: no, io: readwrite, offload: yes)"
    var wanted = TAP(
      "tap0", mac: MACAddress("02:00:00:00:00:01"), mtu: 9000, persistent: true, io: .readWrite, offload: true)
    wanted.create = false
    wanted.address = try IPv4Prefix("10.0.0.1/24")
    #expect(try tap(text) == wanted)
    let checked = try PipelineText.check("\(text) | discard", catalog: catalog, cpuCount: 2)
    #expect(checked.description == "\(text) | discard")
  }

  @Test func onlyTheName() throws { #expect(try tap("tap(tap0)") == TAP("tap0")) }

  @Test func persistentTrue() throws { #expect(try tap("tap(tap0, persistent: true)")?.persistent == true) }

  @Test(arguments: [
    ("tap()", "needs"), ("tap(sixteenletters16)", "15"), ("tap(\"\")", "name"), ("tap(\"a/b\")", "blanks"),
    ("tap(\"a b\")", "blanks"), ("tap(\"tap%d\")", "blanks"), ("tap(..)", "folder"),
    ("tap(tap0, address: 10.0.0.1)", "slash"), ("tap(tap0, address: 10.0.0.1/33)", "32"),
    ("tap(tap0, address: 224.0.0.1/24)", "not a host"), ("tap(tap0, address: 0.0.0.0/0)", "not a host"),
    ("tap(tap0, mac: 02:00:00)", "six pairs"), ("tap(tap0, mac: ff:ff:ff:ff:ff:ff)", "unicast address"),
    ("tap(tap0, mtu: 10)", "68"), ("tap(tap0, mtu: 70000)", "65521"), ("tap(tap0, io: fast)", "auto"),
    ("tap(tap0, colour: red)", "colour"),
  ])
  func mistakes(text: String, says: String) {
    #expect {
      _ = try tap(text)
    } throws: { error in
      guard let diagnostic = error as? Diagnostic else { return false }
      return "\(diagnostic)".contains(says)
    }
  }

  @Test func examplesAreRight() throws {
    for example in TAP.kind.examples where !example.contains("pcap") && !example.contains("ip(") {
      _ = try PipelineText.check(example, catalog: catalog, cpuCount: 2)
    }
  }

  @Test func mistakesInTheInitialiserAreThrownByOpen() {
    for tap in [TAP("tap0", address: "10.0.0.1"), TAP("tap0", address: "10.0.0.1/8", mac: "1:2"), TAP("a b")] {
      #expect(throws: StageError.self) { _ = try tap.open(in: .quiet) }
    }
  }
}
