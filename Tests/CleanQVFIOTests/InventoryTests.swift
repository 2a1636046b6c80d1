import Testing

@testable import CleanQVFIO

struct InventoryTests {
  @Test(arguments: [
    ("0000:00:04.0", "0000:00:04.0"), ("00:1f.7", "0000:00:1f.7"), ("10000:e1:00.0", "10000:e1:00.0"),
  ])
  func addressIsRead(text: String, canonical: String) { #expect(PCIAddress(text)?.description == canonical) }

  @Test(arguments: [
    "", "eth0", "0000:00:04", "0000:00:20.0", "0000:00:04.8", "0000:00:04.0.0", "00000:00:04.-1", "0000:+0:04.0",
    ":00:04.0",
    "0000:000:04.0", "../00:04.0",
  ])
  func addressIsRefused(text: String) { #expect(PCIAddress(text) == nil) }

  @Test("what has the form of an address and cannot be one is told so")
  func addressOutOfRange() {
    let form = "a PCI address is domain, bus, device and function, as in 0000:00:04.0"
    #expect(PCIAddress.diagnostic(about: "00:04.0") == nil && PCIAddress.diagnostic(about: "0000:00:1f.7") == nil)
    #expect(PCIAddress.diagnostic(about: "eth0") == form && PCIAddress.diagnostic(about: "0000:00:04.10") == form)
    #expect(PCIAddress.diagnostic(about: "0:44.0")?.hasPrefix("there is no device 44 on a PCI bus") == true)
    #expect(PCIAddress.diagnostic(about: "0000:00:04.8") == "a PCI device has no function 8; they are 0 to 7")
  }

  @Test func functionIsRead() throws {
    let fake = FakeTree()
    fake.function("0000:00:04.0", driver: "virtio-pci", group: 3, interface: "eth0", on: "/virtio1")
    fake.function("0000:00:05.0", vendor: "0x8086", device: "0x10d3", driver: "e1000e", group: 4, interface: "eth1")
    fake.function("0000:00:1f.2", vendor: "0x8086", device: "0x2922", class: "0x010601", driver: "ahci")
    let all = PCIFunction.all(in: fake.tree)
    #expect(all.map { "\($0.address)" } == ["0000:00:04.0", "0000:00:05.0", "0000:00:1f.2"])
    #expect(all.map(\.isNetworkController) == [true, true, false])
    #expect(all.map(\.interfaces) == [["eth0"], ["eth1"], []])
    #expect(all.map(\.group) == [3, 4, nil])
    #expect(all[0].identifier == "1af4:1041")
    #expect(all[2].driver == "ahci")
    let missing = try #require(PCIAddress("0000:00:06.0"))
    #expect(PCIFunction(missing, in: fake.tree) == nil)
  }

  /// Source: Linux drivers/vfio, `vfio_dev_driver_allowed`.
  @Test func blockersAreThoseThatDoDMA() throws {
    let fake = FakeTree()
    fake.function("0000:01:00.0", driver: "vfio-pci", group: 7)
    fake.function("0000:00:01.0", class: "0x060400", driver: "pcieport", group: 7)
    fake.function("0000:01:00.1", driver: nil, group: 7)
    fake.function("0000:01:00.2", driver: "pci-stub", group: 7)
    fake.function("0000:01:00.3", class: "0x0c0330", driver: "xhci_hcd", group: 7)
    let address = try #require(PCIAddress("01:00.0"))
    let first = try #require(PCIFunction(address, in: fake.tree))
    #expect(PCIFunction.members(ofGroup: 7, in: fake.tree).count == 5)
    #expect(first.blockers(in: fake.tree).map { "\($0.address)" } == ["0000:01:00.3"])
  }

  @Test func namesAreRead() throws {
    let fake = FakeTree()
    fake.folder("/usr/share/misc")
    fake.file(
      PCINames.path,
      """
      # a comment
      1af4  Red Hat, Inc.
      \t1041  Virtio 1.0 network device
      \t\t1af4 1100  a subsystem
      8086  Intel Corporation
      \t10d3  82574L Gigabit Network Connection
      zzzz
      C 02  Network controller
      \t1041  not a device
      """)
    fake.function("0000:00:04.0")
    fake.function("0000:00:05.0", vendor: "0x8086", device: "0x1041")
    let functions = PCIFunction.all(in: fake.tree)
    let names = PCINames(in: fake.tree)
    #expect(names.vendor(of: functions[0]) == "Red Hat, Inc.")
    #expect(names.model(of: functions[0]) == "Virtio 1.0 network device")
    #expect(names.vendor(of: functions[1]) == "Intel Corporation")
    #expect(names.model(of: functions[1]) == nil)
    #expect(PCINames(in: SystemTree(root: "/nonexistent")).vendor(of: functions[0]) == nil)
  }

  @Test func routesAreFound() {
    let fake = FakeTree()
    fake.file(
      "/proc/net/route",
      """
      Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
      br0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
      """)
    let zero = String(repeating: "0", count: 32)
    fake.file(
      "/proc/net/ipv6_route",
      """
      fe80\(zero.dropFirst(4)) 40 \(zero) 00 \(zero) 00000100 00000001 00000000 00000001     eth1
      ff00\(zero.dropFirst(4)) 08 \(zero) 00 \(zero) 00000100 00000001 00000000 00000001     eth1
      20010db8\(zero.dropFirst(8)) 40 \(zero) 00 \(zero) 00000100 00000001 00000000 00000001     eth2
      """)
    fake.folder("/sys/class/net/eth0/upper_bond0")
    fake.folder("/sys/class/net/bond0/upper_br0")
    fake.folder("/sys/class/net/bond0/upper_bond0")
    let routed = RoutedInterfaces(in: fake.tree)
    #expect(routed.carrier(of: "eth0") == "br0")
    #expect(routed.carrier(of: "eth1") == nil, "link-local and multicast routes are nobody's")
    #expect(routed.carrier(of: "eth2") == "eth2")
    #expect(routed.carrier(of: "Iface") == nil)
  }
}
