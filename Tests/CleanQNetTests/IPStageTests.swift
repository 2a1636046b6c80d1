import CleanQ
import CleanQPipeline
import CleanQWire
import Testing

@testable import CleanQNet
@testable import CleanQNetStages

@Suite("IP: the stage") struct IPStageTests {
  @Test(
    "addresses that no host can have are refused, with a reason",
    arguments: [
      ("10.0.0.0/24", "network"), ("10.0.0.255/24", "broadcast"), ("224.0.0.1/24", "multicast"),
      ("127.0.0.1/8", "loopback"), ("0.0.0.0/0", "0.0.0.0"), ("0.1.2.3/8", "0.0.0.0/8"), ("240.0.0.1/24", "reserved"),
      ("255.255.255.255/32", "broadcast"), ("10.0.0.2", "slash"), ("10.0.0.2/33", "32"), ("10.0.0/24", "four numbers"),
    ])
  func badAddress(text: String, word: String) {
    let error = #expect(throws: IPConfigurationError.self) { try IPConfiguration(address: text) }
    #expect(error?.parameter == "address")
    #expect(error?.message.contains(word) == true && error?.message.contains("\n") == false)
    let stage = #expect(throws: StageError.self) { try IP(text).configuration() }
    #expect(stage?.description.hasPrefix("ip(\(text)): bad address \"\(text)\": ") == true)
  }

  @Test(
    "gateways that cannot be reached are refused, with a reason",
    arguments: [
      ("10.0.1.1", "outside 10.0.0.0/24"), ("10.0.0.2", "own"), ("10.0.0.255", "broadcast"), ("10.0.0.0", "network"),
      ("ten", "four numbers"),
    ])
  func badGateway(text: String, word: String) {
    let error = #expect(throws: IPConfigurationError.self) {
      try IPConfiguration(address: "10.0.0.2/24", gateway: text)
    }
    #expect(error?.parameter == "gateway" && error?.message.contains(word) == true)
  }

  @Test("the host of a /32 has a gateway on the link, but not itself")
  func gatewayOfASingleHost() throws {
    let configuration = try IPConfiguration(address: "10.0.0.2/32", gateway: "10.0.1.1")
    #expect(configuration.gateway == IPv4Address(10, 0, 1, 1))
    for text in ["10.0.0.2", "224.0.0.1", "0.0.0.0"] {
      #expect(throws: IPConfigurationError.self) { try IPConfiguration(address: "10.0.0.2/32", gateway: text) }
    }
  }

  @Test(
    "Ethernet addresses that no station can have are refused, with a reason",
    arguments: [("01:00:5e:00:00:01", "group"), ("00:00:00:00:00:00", "zeros"), ("02:00", "six pairs")])
  func badMAC(text: String, word: String) {
    let error = #expect(throws: IPConfigurationError.self) { try IPConfiguration(address: "10.0.0.2/24", mac: text) }
    #expect(error?.parameter == "mac" && error?.message.contains(word) == true)
  }

  @Test("good ones are taken as they are", arguments: ["10.0.0.2/24", "10.0.0.0/31", "10.0.0.255/32", "192.0.2.1/1"])
  func good(text: String) throws {
    let configuration = try IPConfiguration(address: text)
    #expect(configuration.prefix.description == text && configuration.gateway == nil)
    #expect(configuration.mac == nil)
    #expect(configuration.defaultMAC.isLocallyAdministered && configuration.defaultMAC.isUnicast)
    let chosen = try IPConfiguration(address: "10.0.0.2/24", mac: "02:11:22:33:44:55", gateway: "10.0.0.1")
    #expect(chosen.mac?.description == "02:11:22:33:44:55" && chosen.gateway == IPv4Address(10, 0, 0, 1))
  }

  @Test("the kind's parameters refuse alone what can be refused alone")
  func kind() {
    let kind = IP.kind
    #expect(kind.name == "ip" && kind.shapes == [.layer(below: .frame, above: .packet)])
    #expect(kind.parameters.map(\.name) == ["address", "mac", "gateway"])
    #expect(kind.parameters.map(\.isRequired) == [true, false, false])
  }
}
