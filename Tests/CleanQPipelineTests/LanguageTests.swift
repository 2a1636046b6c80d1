import CleanQPipeline
import Testing

@Suite("Language: what texts mean")
struct LanguageTests {
  /// Good texts with their canonical forms.
  static let good: [(text: String, canonical: String)] = [
    ("tap(tap0)|echo", "tap(tap0) | echo"),
    (
      "tap( tap0 ,address:10.0.0.1/24 )@00|pcap(e.pcap,filter:\"udp port 7\")|ip(10.0.0.2/24)|udp(7,09)@1|echo",
      "tap(tap0, address: 10.0.0.1/24)@0 | pcap(e.pcap, filter: \"udp port 7\") | ip(10.0.0.2/24) | udp(7, 9)@1 | echo"
    ),
    (
      "tap(mac: 02:00:00:00:00:01, name: tap0) | ip(mtu: 1500, address: 10.0.0.2/24) | udp(port: 7, 9) | echo()",
      "tap(tap0, mac: 02:00:00:00:00:01) | ip(10.0.0.2/24, mtu: 1500) | udp(7, 9) | echo"
    ),
    (
      "tap(t) | pcap(\"read\", snaplen: 0064, flush: true, format: pcapng) | count(\"a:b\") | count(x) | discard",
      "tap(t) | pcap(\"read\", format: pcapng, snaplen: 64, flush: yes) | count(label: a:b) | count(label: x) | discard"
    ),
    ("tap(t) | pcap(f, read: no) | echo", "tap(t) | pcap(f) | echo"),
    ("pcap(read: true, file: \"a:b#@.pcap\") | tap(0000:00:04.0)", "pcap(\"a:b#@.pcap\", read) | tap(0000:00:04.0)"),
    ("pcap(f, loop, read) | loopback", "pcap(f, read, loop) | loopback"),
    ("source | udp(7) | count(\"\") | loopback", "source | udp(7) | count(label: \"\") | loopback"),
    ("loopback | tap(tap0)", "loopback | tap(tap0)"),
    (
      "tap(\"a b\\\"\\\\\\n\") | pcap(a@b#c.pcap) | pcap(-) | pcap(/run/x.sock) | pcap(\"#c\") | tap(日本)",
      "tap(\"a b\\\"\\\\\\n\") | pcap(a@b#c.pcap) | pcap(-) | pcap(/run/x.sock) | pcap(\"#c\") | tap(日本)"
    ),
    ("tap(\"t\") | pcap(\"a\tb\") | echo", "tap(t) | pcap(\"a\tb\") | echo"),
    ("tap(t) | pcap(\"“x”\") | pcap(\"a\u{A0}b\") | echo", "tap(t) | pcap(\"“x”\") | pcap(\"a\u{A0}b\") | echo"),
    (
      "\u{FEFF}# two devices\r\ntap(tap0, # left\r\n  address: 10.0.0.1/24 # of the kernel\r\n) @0\r\n| tap(tap1)#right",
      "tap(tap0, address: 10.0.0.1/24)@0 | tap(tap1)"
    ),
  ]

  @Test(arguments: good)
  func canonicalForm(_ good: (text: String, canonical: String)) throws {
    let pipeline = try LanguageFixture.check(good.text)
    #expect(pipeline.description == good.canonical)
    #expect(try LanguageFixture.check(good.canonical).description == good.canonical)
  }

  @Test("Arguments arrive with their types, defaults included")
  func arguments() throws {
    let stages = try LanguageFixture.check(
      "tap(tap0) | pcap(f, flush: no, snaplen: 96) | ip(10.0.0.2/24) | udp(7, port: 9, 11) | echo"
    ).stages
    #expect(stages.map(\.kind.name) == ["tap", "pcap", "ip", "udp", "echo"])
    #expect(stages[0].arguments.text("name") == "tap0")
    #expect(stages[0].arguments.text("address") == nil)
    #expect(stages[0].arguments.integer("queues") == 1)
    #expect(stages[1].arguments.boolean("flush") == false)
    #expect(stages[1].arguments.integer("snaplen") == 96)
    #expect(stages[1].arguments.text("format") == "pcap")
    #expect(!stages[1].arguments.flag("read"))
    #expect(stages[3].arguments.integers("port") == [7, 9, 11])
    #expect(stages[3].description.shape == .layer(below: .packet, above: .datagram))
  }

  @Test("A CPU mark holds for the stages to its right")
  func cpuMarks() throws {
    let text = "tap(tap0) | count@0 | ip(10.0.0.2/24) | udp(7)@1 | echo"
    #expect(try LanguageFixture.check(text).stages.map(\.cpus) == [[], [0], [0], [1], [1]])
    #expect(try LanguageFixture.check("tap(tap0) | echo").stages.map(\.cpus) == [[], []])
  }

  @Test("The syntax tree knows the places")
  func places() throws {
    let stages = try PipelineText.parse("é(key: \"ü\") @3 | b")
    #expect(stages.count == 2)
    #expect(stages[0].nameRange == SourceRange(0, 2))
    #expect(stages[0].arguments.map(\.key) == ["key"])
    #expect(stages[0].arguments[0].value == "ü")
    #expect(stages[0].arguments[0].isQuoted)
    #expect(stages[0].arguments[0].range == SourceRange(3, 12))
    #expect(stages[0].cpu?.numbers == [3])
    #expect(stages[0].cpu?.range == SourceRange(14, 16))
    #expect(stages[0].range == SourceRange(0, 16))
    #expect(stages[1].range == SourceRange(19, 20))
  }

  @Test("Signatures say how a stage is written")
  func signatures() {
    #expect(
      LanguageFixture.tap.signature == "tap(NAME, [address: ADDRESS/PREFIX], [mac: MAC], [queues: COUNT])")
    #expect(LanguageFixture.udp.signature == "udp(PORT, …)")
    #expect(LanguageFixture.echo.signature == "echo")
    #expect(LanguageFixture.pcap.signature.hasSuffix("[flush: yes|no], [read], [loop])"))
  }

  @Test("The catalogue finds by name and keeps the order")
  func catalog() {
    let catalog = LanguageFixture.catalog
    #expect(catalog["udp"]?.summary == "UDP")
    #expect(catalog["UDP"] == nil)
    #expect(catalog.names.first == "tap")
  }

  @Test("The help goes over several layers when one is not enough")
  func severalLayers() {
    let wanting = StageKind(name: "dns", summary: "", shapes: [.layer(below: .datagram, above: .datagram)]) { _ in
      LanguageFixture.Description(shape: .layer(below: .datagram, above: .datagram))
    }
    let catalog = StageCatalog(LanguageFixture.catalog.kinds + [wanting])
    let error = #expect(throws: Diagnostic.self) {
      try PipelineText.check("tap(tap0) | dns | echo", catalog: catalog, cpuCount: 1)
    }
    #expect(error?.message.hasSuffix("put ip(ADDRESS/PREFIX) | udp(PORT, …) between them") == true)
  }
}
