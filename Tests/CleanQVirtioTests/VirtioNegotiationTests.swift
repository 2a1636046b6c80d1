import CleanQ
import CleanQWire
import Testing

@testable import CleanQVirtio

@Suite("Virtio: agreeing on features") struct VirtioNegotiationTests {
  private func error(_ model: ModelDevice, pairCount: Int = 1, _ options: VirtioNetOptions = VirtioNetOptions())
    -> VirtioError?
  {
    do throws(VirtioError) {
      _ = try VirtioNetPort(VirtioNetDevice(model, pairCount: pairCount, options: options))
      return nil
    } catch { return error }
  }

  @Test("what is missing is said, all at once")
  func missing() {
    var options = VirtioNetOptions()
    options.required = [.ringPacked, .inOrder]
    let model = ModelDevice([.mac, .inOrder])
    let found = error(model, pairCount: 2, options)
    #expect(found?.code == .missingFeatures([.version1, .ringPacked, .multiqueue]))
    #expect(found?.description == "model: the device does not offer NET_F_MQ, F_VERSION_1, F_RING_PACKED")
    #expect(model.bits.contains(.failed))
  }

  @Test("what the transport needs must be offered")
  func transportNeeds() {
    let model = ModelDevice()
    model.requiredFeatures = .accessPlatform
    #expect(error(model)?.code == .missingFeatures(.accessPlatform))
    model.offered.insert(.accessPlatform)
    #expect(error(model) == nil)
  }

  @Test("a device that does not stand by its offer is refused")
  func refused() {
    let model = ModelDevice(Variant.basic.union(.ringPacked))
    model.refused = .ringPacked
    #expect(error(model)?.code == .featuresRefused(.ringPacked))
  }

  @Test("what is declined is not accepted, and what nobody knows neither")
  func declined() throws {
    let model = ModelDevice(VirtioFeatures(rawValue: ~0).subtracting(.controlQueue))
    var options = VirtioNetOptions()
    options.declined = [.ringPacked, .mergeableReceiveBuffers]
    let device = try VirtioNetDevice(model, options: options)
    #expect(device.features.isSubset(of: VirtioNetDevice.known.union(VirtioNetDevice.controlled)))
    #expect(device.features.isDisjoint(with: options.declined))
    #expect(device.features.isDisjoint(with: [.checksum, .hostTSO4, .indirectDescriptors, .hashReport]))
  }

  @Test("address, MTU and link are read where they are offered, and made up where not")
  func configuration() throws {
    let model = ModelDevice()
    let port = try VirtioNetPort(VirtioNetDevice(model))
    #expect(port.device.macAddress == MACAddress("02:00:00:00:00:07"))
    #expect(port.device.mtu == 1500)
    #expect(port.device.isLinkUp)
    same(port.capabilities.link, .init(maximumPacketByteCount: 1514, hardwareAddress: 0x0200_0000_0007))
    let bare = ModelDevice(.version1)
    bare.configuration = nil
    let device = try VirtioNetDevice(bare)
    #expect(device.macAddress.isUnicast && device.macAddress.isLocallyAdministered)
    #expect(device.isLinkUp)
  }

  @Test("nonsense in the configuration is an error, not an assumption")
  func nonsense() {
    let address = ModelDevice()
    address.configuration?[0] = 1
    #expect(error(address)?.code == .broken)
    let mtu = ModelDevice()
    mtu.configuration?[10] = 0
    mtu.configuration?[11] = 0
    #expect(error(mtu)?.code == .broken)
    let pairs = ModelDevice(Variant.basic.union(.multiqueue))
    pairs.configuration?[8] = 0
    #expect(error(pairs, pairCount: 2)?.code == .broken)
  }

  @Test("more pairs than the device has, and queues that are not there")
  func queues() {
    let model = ModelDevice(Variant.basic.union(.multiqueue))
    #expect(error(model, pairCount: 2)?.code == .queues)
    let none = ModelDevice()
    none.queueSize = 0
    #expect(error(none)?.code == .queues)
  }

  @Test("the control queue sets mode and address; a refusal is an error", arguments: [false, true])
  func control(isPacked: Bool) throws {
    var features = Variant.basic.union([.controlQueue, .controlReceiveMode, .controlMACAddress])
    if isPacked { features.insert(.ringPacked) }
    let model = ModelDevice(features)
    var options = VirtioNetOptions()
    options.macAddress = MACAddress("02:00:00:00:00:09")
    let port = try VirtioNetPort(VirtioNetDevice(model, options: options))
    #expect(model.commands == [[1, 1, 2, 0, 0, 0, 0, 9], [0, 0, 1]])
    #expect(port.device.macAddress == options.macAddress)
    let stubborn = ModelDevice(features)
    stubborn.answer = 1
    #expect(error(stubborn, options)?.code == .refused)
    #expect(stubborn.queues.isEmpty, "the port could not be opened, and the device still has its queues")
    #expect(stubborn.mappedRegions.isEmpty)
  }

  @Test("receive-side scaling spreads over all pairs")
  func scaling() throws {
    let model = ModelDevice(Variant.basic.union([.multiqueue, .controlQueue, .receiveSideScaling]))
    model.pairLimit = 2
    model.configuration?[8] = 2
    let device = try VirtioNetDevice(model, pairCount: 2)
    let first = try VirtioNetPort(device, pair: 0)
    let second = try VirtioNetPort(device, pair: 1)
    let command = try #require(model.commands.last)
    #expect(command.prefix(10) == [4, 1, 0x3F, 0, 0, 0, 127, 0, 0, 0])
    #expect(command[10..<18] == [0, 0, 1, 0, 0, 0, 1, 0])
    #expect(command.count == 10 + 256 + 2 + 1 + 40)
    _ = (first.index, second.index)
  }

  @Test("names of features are those of the specification")
  func names() {
    #expect(VirtioFeatures([.mac, .version1]).description == "NET_F_MAC, F_VERSION_1")
    #expect(VirtioFeatures(rawValue: 1 << 50).description == "bit 50")
  }
}
