import Glibc
import Testing

@testable import CleanQVFIO

struct BindingTests {
  let address: PCIAddress

  init() throws { address = try #require(PCIAddress("0000:00:04.0")) }

  private func message(_ body: () throws(VFIOError) -> Void) -> String {
    do throws(VFIOError) {
      try body()
      return "nothing was thrown"
    } catch {
      return error.description
    }
  }

  @Test func bindsAndUnbinds() throws {
    let fake = FakeTree()
    fake.function("0000:00:04.0", driver: "virtio-pci", group: 3, interface: "eth0")
    let binding = DriverBinding(in: fake.tree)
    #expect(try binding.bind(address).isEmpty)
    #expect(PCIFunction(address, in: fake.tree)?.driver == "vfio-pci")
    let writeCount = fake.written.count
    try binding.bind(address)
    #expect(fake.written.count == writeCount, "bound already: nothing to do")
    #expect(try binding.unbind(address) == "virtio-pci")
    #expect(PCIFunction(address, in: fake.tree)?.driver == "virtio-pci")
    #expect(fake.tree.text("/sys/bus/pci/devices/0000:00:04.0/driver_override") == "", "nothing is left behind")
    #expect(try binding.unbind(address) == "virtio-pci", "not bound: nothing to do")
  }

  @Test func refusesARoutedNICUnlessForced() throws {
    let fake = FakeTree()
    fake.function("0000:00:04.0", driver: "virtio-pci", group: 3, interface: "eth0", on: "/virtio0")
    fake.file("/proc/net/route", "Iface\tDestination\neth0\t00000000\n")
    let binding = DriverBinding(in: fake.tree)
    #expect(
      message { () throws(VFIOError) in try binding.bind(address) }
        == "0000:00:04.0: its interface eth0 is in use: there are routes by way of eth0; take them away, or use --force"
    )
    #expect(fake.written.isEmpty)
    try binding.bind(address, force: true)
    #expect(PCIFunction(address, in: fake.tree)?.driver == "vfio-pci")
  }

  @Test func refusesANICOfAnotherNamespaceUnlessForced() throws {
    let fake = FakeTree()
    fake.function("0000:00:04.0", driver: "virtio-pci", group: 3, interface: "eth0", on: "/virtio0")
    fake.file("/proc/net/dev", "Inter-|   Receive\n face |bytes\n    lo:       0       0\n")
    let binding = DriverBinding(in: fake.tree)
    #expect(
      message { () throws(VFIOError) in try binding.bind(address) }.contains("eth0 is in another network namespace"))
    #expect(fake.written.isEmpty)
    fake.file("/proc/net/dev", "Inter-|   Receive\n face |bytes\n    lo:       0       0\n  eth0:       0       0\n")
    try binding.bind(address)
    #expect(PCIFunction(address, in: fake.tree)?.driver == "vfio-pci")
  }

  @Test func saysWhatBlocksTheGroup() throws {
    let fake = FakeTree()
    fake.function("0000:00:04.0", driver: "virtio-pci", group: 3)
    fake.function("0000:00:04.1", class: "0x0c0330", driver: "xhci_hcd", group: 3)
    let blockers = try DriverBinding(in: fake.tree).bind(address)
    #expect(blockers.map { "\($0.address)" } == ["0000:00:04.1"])
    #expect(
      message { () throws(VFIOError) in _ = try VFIODevice(address, in: fake.tree) }
        == "0000:00:04.0: IOMMU group 3 also holds 0000:00:04.1 (xhci_hcd); bind those to vfio-pci too, or unbind them")
  }

  @Test func restoresWhatItCannotFinish() throws {
    let fake = FakeTree(refusals: ["/driver/unbind": EBUSY])
    fake.function("0000:00:04.0", driver: "virtio-pci", group: 3)
    #expect(
      message { () throws(VFIOError) in try DriverBinding(in: fake.tree).bind(address) }.contains("cannot write to"))
    #expect(fake.tree.text("/sys/bus/pci/devices/0000:00:04.0/driver_override") == "")
    #expect(PCIFunction(address, in: fake.tree)?.driver == "virtio-pci")
  }

  @Test(arguments: [
    (Kind.missing, "there is no such PCI function; cleanq devices lists those that there are"),
    (.disk, "this is no network controller; cleanq devices lists those that there are"),
    (
      .withoutIOMMU,
      "no IOMMU guards this device; switch it on in the firmware and boot Linux with intel_iommu=on or amd_iommu=on"
    ),
    (.withoutVFIO, "this kernel offers no VFIO; run modprobe vfio-pci"),
    (
      .withoutPermission,
      "no permission to open /sys/bus/pci/devices/0000:00:04.0/driver_override; run as root, or give the file to your user"
    ),
  ])
  fileprivate func refusesToBind(kind: Kind, text: String) {
    let fake = FakeTree(
      hasUserDriver: kind != .withoutVFIO, refusals: kind == .withoutPermission ? ["/driver_override": EACCES] : [:])
    if kind != .missing {
      fake.function(
        "0000:00:04.0", class: kind == .disk ? "0x010601" : "0x020000", driver: "virtio-pci",
        group: kind == .withoutIOMMU ? nil : 1)
    }
    let message = message { () throws(VFIOError) in try DriverBinding(in: fake.tree).bind(address) }
    #expect(message == "0000:00:04.0: \(text)")
    #expect(PCIFunction(address, in: fake.tree)?.driver == (kind == .missing ? nil : "virtio-pci"))
  }

  fileprivate enum Kind { case missing, disk, withoutIOMMU, withoutVFIO, withoutPermission }

  @Test func opensOnlyWhatIsBound() throws {
    let fake = FakeTree()
    fake.function("0000:00:04.0", driver: "virtio-pci", group: 3)
    func open() -> String { message { () throws(VFIOError) in _ = try VFIODevice(address, in: fake.tree) } }
    #expect(open() == "0000:00:04.0: the driver virtio-pci has it; run cleanq devices bind 0000:00:04.0")
    fake.set(driver: nil, of: "0000:00:04.0")
    #expect(open() == "0000:00:04.0: no driver has it; run cleanq devices bind 0000:00:04.0")
    fake.set(driver: "vfio-pci", of: "0000:00:04.0")
    #expect(open() == "0000:00:04.0: this kernel offers no VFIO; run modprobe vfio-pci")
    // A file that is there and answers no request of VFIO's.
    fake.file("/dev/vfio/vfio", "")
    #expect(open() == "0000:00:04.0: this kernel offers no VFIO; run modprobe vfio-pci")
  }
}
