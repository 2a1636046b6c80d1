// swift-tools-version: 6.3
import PackageDescription

// A package of its own, so that the package that is shipped has neither the model nor what compares the code with it.
// Formal/ has the proofs and the models for Spin, Mutants/ the guards that are taken out of the shipped code; Fuzz/ is a
// package again, since it is compiled with coverage counters.

let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableExperimentalFeature("SuppressedAssociatedTypes"),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
]

let core: Target.Dependency = .product(name: "CleanQ", package: "cleanq")

let package = Package(
  name: "cleanq-verification",
  dependencies: [
    .package(name: "cleanq", path: "../..", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),  // of the tests' support
  ],
  targets: [
    .target(name: "CleanQModel", swiftSettings: settings),
    .executableTarget(name: "cleanq-ring-trace", dependencies: [core], swiftSettings: settings),
    // A link to Tests/Support, which the tests of the shipped package use too.
    .target(
      name: "TestSupport", dependencies: [.product(name: "Logging", package: "swift-log")], path: "Tests/Support",
      swiftSettings: settings),
    .testTarget(
      name: "CleanQModelTests", dependencies: [core, "CleanQModel", "TestSupport"], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
