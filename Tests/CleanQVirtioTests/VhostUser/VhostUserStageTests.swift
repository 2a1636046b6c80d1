import CleanQPipeline
import CleanQVirtio
import CleanQWire
import Testing

@Suite("vhost-user in pipeline texts")
struct VhostUserStageTests {
  static let catalog = StageCatalog([VhostUser.kind, Discard.kind, Count.kind])

  private func stage(_ text: String) throws -> VhostUser {
    let pipeline = try PipelineText.check(text, catalog: Self.catalog, cpuCount: 4)
    #expect(pipeline.description == text, "canonical")
    return try #require(pipeline.stages.first?.description as? VhostUser)
  }

  private func diagnostic(_ text: String) -> String {
    do throws(Diagnostic) {
      return "no mistake: \(try PipelineText.check(text, catalog: Self.catalog, cpuCount: 4))"
    } catch { return error.message }
  }

  @Test("what is not given is left to the device")
  func plain() throws { #expect(try stage("vhost-user(/run/x.sock) | discard") == VhostUser("/run/x.sock")) }

  @Test("every argument arrives")
  func all() throws {
    var wanted = VhostUser("/run/x.sock", queues: 2, mac: MACAddress("02:00:00:00:00:07"))
    wanted.settings.packed = true
    wanted.settings.mergeable = false
    wanted.settings.inOrder = true
    wanted.settings.eventIndex = false
    wanted.isShared = true
    let text =
      "vhost-user(/run/x.sock, shared: yes, queues: 2, mac: 02:00:00:00:00:07, packed: yes, mergeable: no, in-order: yes, "
      + "event-index: no)@0,1 | count | discard"
    #expect(try stage(text) == wanted)
  }

  @Test("what is wrong is said")
  func wrong() {
    #expect(diagnostic("vhost-user() | discard").contains("needs \"path\"; write vhost-user(PATH)"))
    #expect(
      diagnostic("vhost-user(/x, queues: 17)@0 | discard")
        == "bad queues \"17\" for \"vhost-user\": write a number of queue pairs from 1 to 16")
    #expect(diagnostic("vhost-user(/x, mac: ff:ff:ff:ff:ff:ff) | discard").contains("a device's address is six pairs"))
    #expect(
      diagnostic("vhost-user(/x, queues: 2)@0 | discard").contains("list 2 CPUs after the first stage, as in @0,1"))
  }

  @Test("the examples of the help are pipelines of it")
  func examples() throws {
    let names = try VhostUser.kind.examples.map { try PipelineText.parse($0).first?.name }
    #expect(names == ["vhost-user", "vhost-user", "vhost-user"])
  }
}
