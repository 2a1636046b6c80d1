// swift-tools-version: 6.3
import PackageDescription

// A package of its own: the fuzzer's coverage counters have to be in every module, and its driver is the `main` of every
// program that is linked. scripts/lib/fuzz has the flags for `swift build`.

let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableExperimentalFeature("SuppressedAssociatedTypes"),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
]

func cleanq(_ name: String) -> Target.Dependency { .product(name: name, package: "cleanq") }

/// A program that libFuzzer drives: the driver has `main`, so no file is a script.
func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: ["FuzzSupport"] + dependencies,
    swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "cleanq-fuzz",
  dependencies: [
    .package(name: "cleanq", path: "../../..", traits: ["Pipelines"]),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    .target(name: "FuzzSupport", swiftSettings: settings),
    fuzzer("fuzz-wire", [cleanq("CleanQ"), cleanq("CleanQWire"), cleanq("CleanQNet")]),
    fuzzer(
      "fuzz-language",
      [cleanq("CleanQPipeline"), cleanq("CleanQNetStages"), cleanq("CleanQTAPStages"), cleanq("CleanQCaptureStages")]),
    fuzzer(
      "fuzz-pcap",
      [cleanq("CleanQ"), cleanq("CleanQCapture")]),
    fuzzer("fuzz-descriptor", [cleanq("CleanQ")]),
    fuzzer("fuzz-virtqueue", [cleanq("CleanQ"), cleanq("CleanQVirtio")]),
  ],
  swiftLanguageModes: [.v6]
)
