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

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "cleanq",
  products: [
    .library(name: "CleanQ", targets: ["CleanQ"]),
    .library(name: "CleanQModel", targets: ["CleanQModel"]),
    .library(name: "CleanQConformance", targets: ["CleanQConformance"]),
    .library(name: "CleanQWire", targets: ["CleanQWire"]),
    .library(name: "CleanQPipeline", targets: ["CleanQPipeline"]),
    .library(name: "CleanQNet", targets: ["CleanQNet"]),
    .library(name: "CleanQTAP", targets: ["CleanQTAP"]),
    .library(name: "CleanQPcap", targets: ["CleanQPcap"]),
    .library(name: "CleanQVFIO", targets: ["CleanQVFIO"]),
    .library(name: "CleanQVirtio", targets: ["CleanQVirtio"]),
    .executable(name: "cleanq", targets: ["cleanq"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),  // of the benchmarks
  ],
  targets: [
    .target(name: "CPlatform"),
    .systemLibrary(name: "CPcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"])]),
    .systemLibrary(name: "CUring", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
    library("CleanQPlatform", ["CPlatform"]),
    library("CleanQ", ["CPlatform"]),
    library("CleanQModel", []),
    library("CleanQConformance", ["CleanQ"]),
    library("CleanQWire", []),
    library("CleanQPipeline", ["CPlatform", "CleanQPlatform", "CleanQ", logging]),
    library("CleanQNet", ["CPlatform", "CleanQ", "CleanQWire", "CleanQPipeline", logging]),
    library(
      "CleanQTAP",
      ["CPlatform", "CUring", "CleanQPlatform", "CleanQ", "CleanQWire", "CleanQPipeline", logging]),
    library(
      "CleanQPcap",
      ["CPlatform", "CPcap", "CleanQPlatform", "CleanQ", "CleanQWire", "CleanQPipeline", "CleanQNet", logging]),
    library("CleanQVFIO", ["CPlatform", "CleanQPlatform", "CleanQ", "CleanQPipeline"]),
    library(
      "CleanQVirtio",
      ["CPlatform", "CleanQPlatform", "CleanQ", "CleanQVFIO", "CleanQWire", "CleanQPipeline", logging]),
    .executableTarget(
      name: "cleanq",
      dependencies: [
        "CPlatform", "CleanQ", "CleanQPlatform", "CleanQWire", "CleanQPipeline", "CleanQNet", "CleanQTAP", "CleanQPcap",
        "CleanQVFIO", "CleanQVirtio", arguments, logging,
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "cleanq-bench",
      dependencies: [
        "CPlatform", "CleanQ", "CleanQWire", "CleanQPipeline", "CleanQNet", "CleanQPcap", arguments, logging,
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ],
      path: "Tests/Benchmarks", swiftSettings: settings),
    .executableTarget(
      name: "cleanq-exchange", dependencies: ["CleanQ", "CleanQPipeline", "CleanQVirtio", arguments, logging],
      path: "Tests/Peers/Exchange", swiftSettings: settings),
    .executableTarget(
      name: "cleanq-vm-probe",
      dependencies: ["CPlatform", "CleanQ", "CleanQPipeline", "CleanQNet", "CleanQVFIO", "CleanQVirtio", logging],
      path: "Tests/VM/Probe", swiftSettings: settings),
    .executableTarget(
      name: "cleanq-ring-trace", dependencies: ["CleanQ"], path: "Tests/Formal/Oracle/Trace", swiftSettings: settings),
    .executableTarget(
      name: "cleanq-together",
      dependencies: [
        "CleanQ", "CleanQNet", "CleanQPipeline", "CleanQTAP", "CleanQVirtio", arguments, logging,
      ],
      path: "Tests/Soak/Together", swiftSettings: settings),
    example("EchoDaemon", ["CleanQPipeline", "CleanQNet", "CleanQTAP"]),
    example("CapturingForwarder", ["CleanQPipeline", "CleanQPcap", "CleanQTAP"]),
    example("FaultyStage", ["CleanQ", "CleanQPipeline", "CleanQPcap", logging]),
    example("EmbeddedQueue", ["CleanQ", "CleanQPipeline", "CleanQNet", "CleanQTAP", logging]),
    .target(name: "TestSupport", dependencies: [logging], path: "Tests/Support", swiftSettings: settings),
    tests("CleanQTests", ["CPlatform", "CleanQPlatform", "CleanQ", "TestSupport"]),
    tests(
      "CleanQConformanceTests",
      ["CleanQ", "CleanQConformance", "CleanQWire", "CleanQPipeline", "CleanQNet", "TestSupport", logging]),
    tests("CleanQModelTests", ["CleanQ", "CleanQModel", "TestSupport"]),
    tests("CleanQWireTests", ["CleanQWire", "TestSupport"]),
    tests("CleanQNetTests", ["CleanQ", "CleanQWire", "CleanQPipeline", "CleanQNet", "TestSupport", logging]),
    tests(
      "CleanQPcapTests",
      [
        "CPlatform", "CleanQ", "CleanQConformance", "CleanQWire", "CleanQPipeline", "CleanQNet", "CleanQPcap",
        "TestSupport",
        logging,
      ]),
    tests(
      "CleanQTAPTests",
      [
        "CPlatform", "CleanQPlatform", "CleanQ", "CleanQConformance", "CleanQWire", "CleanQPipeline", "CleanQTAP",
        "TestSupport", logging,
      ]),
    tests(
      "CleanQVirtioTests",
      [
        "CPlatform", "CleanQPlatform", "CleanQ", "CleanQConformance", "CleanQVirtio", "CleanQWire", "CleanQPipeline",
        "TestSupport",
        logging,
      ]),
    tests("CleanQVFIOTests", ["CleanQ", "CleanQVFIO", "CleanQPipeline", "TestSupport", logging]),
    tests("CleanQPipelineTests", ["CleanQ", "CleanQPlatform", "CleanQPipeline", "TestSupport", logging]),
  ],
  swiftLanguageModes: [.v6]
)
