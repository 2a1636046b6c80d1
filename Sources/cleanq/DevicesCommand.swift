import ArgumentParser
import CleanQVFIO

struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "Network cards: address, model, driver, IOMMU group, who uses them; and whose they are.",
    discussion: """
      EXAMPLES
        cleanq devices
        cleanq devices --json
        cleanq devices bind 0000:00:04.0
        cleanq devices unbind 0000:00:04.0
      """,
    subcommands: [ListDevicesCommand.self, BindCommand.self, UnbindCommand.self],
    defaultSubcommand: ListDevicesCommand.self)
}

struct ListDevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Network cards: address, model, driver, IOMMU group, who uses them.",
    discussion: """
      EXAMPLES
        cleanq devices list
        cleanq devices list --json
      """)

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let list = DeviceList(in: .machine)
    print(json ? list.json : list.text)
  }
}

struct BindCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bind",
    abstract: "Take a network card from its kernel driver and give it to vfio-pci, for the stages virtio and nic.",
    discussion: """
      EXAMPLES
        cleanq devices bind 0000:00:04.0
        cleanq devices bind 00:04.0 --force
      """)

  @Flag(help: "Also where one of its interfaces carries a route.")
  var force = false

  @Argument(help: "The card's PCI address, as cleanq devices lists it.", transform: pciAddress)
  var address: PCIAddress

  func run() throws {
    do throws(VFIOError) {
      let blockers = try DriverBinding().bind(address, force: force)
      print("\(address) is bound to \(PCIFunction.userDriver)")
      for blocker in blockers {
        printError(
          "its IOMMU group also holds \(blocker.address) (\(blocker.driver ?? "no driver")); bind or unbind that too, "
            + "or neither can be used")
      }
    } catch {
      throw failure("\(error)")
    }
  }
}

struct UnbindCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unbind",
    abstract: "Give a network card back to its kernel driver.",
    discussion: """
      EXAMPLES
        cleanq devices unbind 0000:00:04.0
        cleanq devices unbind 00:04.0 --force
      """)

  @Flag(help: "Also where a process uses it; that is asked to let go, and waited for.")
  var force = false

  @Argument(help: "The card's PCI address, as cleanq devices lists it.", transform: pciAddress)
  var address: PCIAddress

  func run() throws {
    do throws(VFIOError) {
      let driver = try DriverBinding().unbind(address, force: force)
      print("\(address) is \(driver.map { "bound to \($0)" } ?? "bound to no driver")")
    } catch {
      throw failure("\(error)")
    }
  }
}

private func pciAddress(_ text: String) throws -> PCIAddress {
  guard let address = PCIAddress(text) else {
    throw ValidationError("a PCI address is domain, bus, device and function, as in 0000:00:04.0")
  }
  return address
}
