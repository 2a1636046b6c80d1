// swift-tools-version: 6.3
import PackageDescription

/// What every Swift target is built with: strict memory safety, noncopyable associated types, lifetimes of views.
let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableExperimentalFeature("SuppressedAssociatedTypes"),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

func example(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, path: "Examples/\(name)", swiftSettings: settings)
}

// A package that depends on this one resolves swift-log only with the trait Pipelines, and swift-argument-parser only with
// Command: what is behind a trait that is off is not even fetched.
let logging: Target.Dependency = .product(
  name: "Logging", package: "swift-log", condition: .when(traits: ["Pipelines"]))
let arguments: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["Command"]))

/// Whether another package has fetched this one: into a folder that the package manager calls `checkouts`.
let isFetched = Context.packageDirectory.split(separator: "/").dropLast().last == "checkouts"

let package = Package(
  name: "cleanq",
  products: [
    .library(name: "CleanQ", targets: ["CleanQ"]),
    .library(name: "CleanQConformance", targets: ["CleanQConformance"]),
    .library(name: "CleanQTesting", targets: ["CleanQTesting"]),
    .library(name: "CleanQWire", targets: ["CleanQWire"]),
    .library(name: "CleanQPipeline", targets: ["CleanQPipeline"]),
    .library(name: "CleanQNet", targets: ["CleanQNet"]),
    .library(name: "CleanQNetStages", targets: ["CleanQNetStages"]),
    .library(name: "CleanQTAP", targets: ["CleanQTAP"]),
    .library(name: "CleanQTAPStages", targets: ["CleanQTAPStages"]),
    .library(name: "CleanQCapture", targets: ["CleanQCapture"]),
    .library(name: "CleanQCaptureStages", targets: ["CleanQCaptureStages"]),
    .library(name: "CleanQNetworking", targets: ["CleanQNetworking"]),
    .library(name: "CleanQVFIO", targets: ["CleanQVFIO"]),
    .library(name: "CleanQVirtio", targets: ["CleanQVirtio"]),
    .executable(name: "cleanq", targets: ["cleanq"]),
  ],
  traits: [
    .trait(
      name: "Pipelines",
      description:
        "CleanQPipeline and all that stands on it: CleanQNetworking, and the stages of each device and protocol."),
    .trait(name: "Command", description: "The command `cleanq`.", enabledTraits: ["Pipelines"]),
    .default(enabledTraits: isFetched ? [] : ["Command"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    .target(name: "CPlatform"),
    .systemLibrary(name: "CPcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"])]),
    .systemLibrary(name: "CUring", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
    library("CleanQPlatform", ["CPlatform"]),
    library("CleanQ", ["CPlatform"]),
    library("CleanQConformance", ["CleanQ"]),
    library("CleanQWire", []),
    library("CleanQTesting", ["CleanQ", "CleanQWire"]),
    library("RequiresPipelines", []),
    library("CleanQPipeline", ["RequiresPipelines", "CPlatform", "CleanQPlatform", "CleanQ", logging]),
    library("CleanQNet", ["CPlatform", "CleanQ", "CleanQWire"]),
    library("CleanQNetStages", ["CleanQ", "CleanQWire", "CleanQNet", "CleanQPipeline", logging]),
    library("CleanQTAP", ["CPlatform", "CUring", "CleanQPlatform", "CleanQ", "CleanQWire"]),
    library("CleanQTAPStages", ["CleanQPlatform", "CleanQ", "CleanQWire", "CleanQTAP", "CleanQPipeline"]),
    library("CleanQCapture", ["CPlatform", "CPcap", "CleanQPlatform", "CleanQ", "CleanQWire", "CleanQNet"]),
    library("CleanQCaptureStages", ["CleanQ", "CleanQCapture", "CleanQPipeline", logging]),
    library("CleanQVFIO", ["CPlatform", "CleanQPlatform", "CleanQ", "CleanQPipeline"]),
    library(
      "CleanQVirtio",
      ["CPlatform", "CleanQPlatform", "CleanQ", "CleanQVFIO", "CleanQWire", "CleanQPipeline", logging]),
    library(
      "CleanQNetworking",
      [
        "CleanQ", "CleanQWire", "CleanQPipeline", "CleanQNetStages", "CleanQTAPStages", "CleanQCaptureStages",
        "CleanQVFIO", "CleanQVirtio",
      ]),
    .executableTarget(
      name: "cleanq",
      dependencies: [
        "CPlatform", "CleanQ", "CleanQPlatform", "CleanQWire", "CleanQPipeline", "CleanQNet", "CleanQNetStages",
        "CleanQTAPStages", "CleanQCaptureStages",
        "CleanQVFIO", "CleanQVirtio", arguments, logging,
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "cleanq-exchange", dependencies: ["CleanQ", "CleanQPipeline", "CleanQVirtio", arguments, logging],
      path: "Tests/Peers/Exchange", swiftSettings: settings),
    .executableTarget(
      name: "cleanq-vm-probe",
      dependencies: [
        "CPlatform", "CleanQ", "CleanQPipeline", "CleanQNet", "CleanQNetStages", "CleanQVFIO", "CleanQVirtio", logging,
      ],
      path: "Tests/VM/Probe", swiftSettings: settings),
    .executableTarget(
      name: "cleanq-together",
      dependencies: [
        "CleanQ", "CleanQNet", "CleanQNetStages", "CleanQPipeline", "CleanQTAPStages", "CleanQVirtio", arguments,
        logging,
      ],
      path: "Tests/Soak/Together", swiftSettings: settings),
    example("EchoDaemon", ["CleanQPipeline", "CleanQNetStages", "CleanQTAPStages"]),
    example("CapturingForwarder", ["CleanQPipeline", "CleanQCaptureStages", "CleanQTAPStages"]),
    example("FaultyStage", ["CleanQ", "CleanQPipeline", "CleanQCaptureStages", logging]),
    example("EmbeddedQueue", ["CleanQ", "CleanQNet", "CleanQTAP"]),
    .target(name: "TestSupport", dependencies: [logging], path: "Tests/Support", swiftSettings: settings),
    tests("CleanQTests", ["CPlatform", "CleanQPlatform", "CleanQ", "TestSupport"]),
    tests(
      "CleanQConformanceTests",
      [
        "CleanQ", "CleanQConformance", "CleanQTesting", "CleanQWire", "CleanQPipeline", "CleanQNet", "CleanQNetStages",
        "TestSupport",
        logging,
      ]),
    tests("CleanQTestingTests", ["CleanQ", "CleanQTesting", "CleanQWire"]),
    tests("CleanQWireTests", ["CleanQWire", "TestSupport"]),
    tests(
      "CleanQNetTests",
      [
        "CleanQ", "CleanQTesting", "CleanQWire", "CleanQPipeline", "CleanQNet", "CleanQNetStages", "TestSupport",
        logging,
      ]),
    tests(
      "CleanQCaptureTests",
      [
        "CPlatform", "CleanQ", "CleanQConformance", "CleanQTesting", "CleanQWire", "CleanQPipeline", "CleanQNet",
        "CleanQNetStages", "CleanQCapture", "CleanQCaptureStages",
        "TestSupport",
        logging,
      ]),
    tests(
      "CleanQTAPTests",
      [
        "CPlatform", "CleanQPlatform", "CleanQ", "CleanQConformance", "CleanQWire", "CleanQPipeline", "CleanQTAP",
        "CleanQTAPStages", "TestSupport", logging,
      ]),
    tests(
      "CleanQVirtioTests",
      [
        "CPlatform", "CleanQPlatform", "CleanQ", "CleanQConformance", "CleanQVirtio", "CleanQWire", "CleanQPipeline",
        "TestSupport",
        logging,
      ]),
    tests("CleanQVFIOTests", ["CleanQ", "CleanQVFIO", "CleanQPipeline", "TestSupport", logging]),
    tests(
      "CleanQPipelineTests", ["CleanQ", "CleanQPlatform", "CleanQPipeline", "CleanQTesting", "TestSupport", logging]),
  ],
  swiftLanguageModes: [.v6]
)

// The plugin behind `swift package generate-documentation` is of use in this repository alone.
if Context.environment["CLEANQ_DOCUMENTATION"] != nil {
  package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}
