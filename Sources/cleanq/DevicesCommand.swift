import ArgumentParser
import CleanQVFIO

struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "List network cards with model, driver, IOMMU group and kernel interface; bind or unbind them.",
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
    abstract: "List network cards: address, model, driver, IOMMU group, kernel interface.",
    discussion: """
      EXAMPLES
        cleanq devices list
        cleanq devices list --json
      """)

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let list = DeviceList(in: .machine)
    try printOutput(json ? list.json : list.text)
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

  @Flag(help: "Even if one of its interfaces carries a route.")
  var force = false

  @OptionGroup var card: CardArgument

  func run() throws {
    let blockers = try card.attempt { (binding, address) throws(VFIOError) in try binding.bind(address, force: force) }
    try printOutput("\(card.address) is bound to \(PCIFunction.userDriver)")
    for blocker in blockers {
      printError(
        "its IOMMU group also holds \(blocker.address) (\(blocker.driver ?? "no driver")); bind or unbind that too, "
          + "or neither can be used")
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

  @Flag(help: "Even if a process uses it: ask that process to release it, and wait.")
  var force = false

  @OptionGroup var card: CardArgument

  func run() throws {
    let driver = try card.attempt { (binding, address) throws(VFIOError) in try binding.unbind(address, force: force) }
    try printOutput("\(card.address) is \(driver.map { "bound to \($0)" } ?? "bound to no driver")")
  }
}

/// The card that a subcommand is about.
struct CardArgument: ParsableArguments {
  @Argument(
    help: "The card's PCI address, as cleanq devices lists it.",
    transform: { text in
      guard let address = PCIAddress(text) else {
        throw ValidationError(NIC.diagnostic(aboutAddress: text) ?? "no such address")
      }
      return address
    })
  var address: PCIAddress

  /// Does something to the card, or says in one line why not.
  func attempt<Result>(_ body: (DriverBinding, PCIAddress) throws(VFIOError) -> Result) throws -> Result {
    do throws(VFIOError) { return try body(DriverBinding(), address) } catch { throw failure("\(error)") }
  }
}
