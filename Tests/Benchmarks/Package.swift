// swift-tools-version: 6.3
import PackageDescription

// A package of its own, so that nobody who uses the shipped one resolves what only the benchmarks need. `scripts/bench`
// builds and runs it; the programs of others that it is compared with are in Tests/Peers.

let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableExperimentalFeature("SuppressedAssociatedTypes"),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
]

func cleanq(_ name: String) -> Target.Dependency { .product(name: name, package: "cleanq") }

let package = Package(
  name: "cleanq-benchmarks",
  dependencies: [
    .package(name: "cleanq", path: "../..", traits: ["Pipelines"]),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .executableTarget(
      name: "cleanq-bench",
      dependencies: [
        cleanq("CleanQ"), cleanq("CleanQWire"), cleanq("CleanQPipeline"), cleanq("CleanQNet"),
        cleanq("CleanQNetStages"), cleanq("CleanQCapture"), cleanq("CleanQCaptureStages"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ],
      swiftSettings: settings)
  ],
  swiftLanguageModes: [.v6]
)
