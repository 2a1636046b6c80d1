import Foundation
import Testing

/// The first page of the documentation has the code of PortLimitTests.swift, as far as it goes.
@Test func `the code on the first page is what is tested`() throws {
  let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  let page = try String(
    contentsOf: here.appending(path: "../../Sources/CleanQTesting/CleanQTesting.docc/CleanQTesting.md"), encoding: .utf8
  )
  let tested = try String(contentsOf: here.appending(path: "PortLimitTests.swift"), encoding: .utf8)
  let code = try #require(page.split(separator: "```swift\n", maxSplits: 1).last?.split(separator: "```").first)
  let stage = try #require(code.range(of: "/// Drops").map { code[$0.lowerBound...] })
  #expect(tested.contains(stage))
}
