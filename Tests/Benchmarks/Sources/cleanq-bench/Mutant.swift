import CleanQ
import CleanQPipeline
import Glibc

/// The `mutant` stage: does per packet what no stage may, so that the gates can show that they notice.
struct Mutant: PassThroughStage {
  enum Crime: String, CaseIterable {
    case allocate, retain, lock, call
  }

  let crime: Crime

  init(_ crime: Crime) { self.crime = crime }

  var shape: StageShape { .passThrough }

  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    switch crime {
    case .allocate: try next(MutantPort(lower: lower, Allocating()))
    case .retain: try next(MutantPort(lower: lower, Retaining()))
    case .lock: try next(MutantPort(lower: lower, Locking()))
    case .call: try next(MutantPort(lower: lower, Calling()))
    }
  }

  static var kind: StageKind {
    StageKind(
      name: "mutant", summary: "does per packet what no stage may", shapes: [.passThrough],
      parameters: [Parameter("crime", .choice(Crime.allCases.map(\.rawValue)), required: true, "what it does")]
    ) { arguments throws(ArgumentError) in
      Mutant(arguments.text("crime").flatMap(Crime.init(rawValue:)) ?? .allocate)
    }
  }
}

private protocol Misdeed {
  mutating func commit(_ byteCount: Int)
}

private struct MutantPort<Lower: Port & ~Copyable, Deed: Misdeed>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit

  var lower: Lower
  private var deed: Deed

  init(lower: consuming Lower, _ deed: Deed) {
    self.lower = lower
    self.deed = deed
  }

  mutating func receive(into filled: inout Burst) {
    let before = filled.count
    lower.receive(into: &filled)
    for index in before..<filled.count { deed.commit(filled[index].validByteCount) }
  }
}

@safe
private struct Allocating: Misdeed {
  private var last: UnsafeMutableRawPointer?

  mutating func commit(_ byteCount: Int) {
    // SAFETY: freed when the next one comes; the very last is left to the end of the process.
    unsafe free(last)
    unsafe last = malloc(byteCount)
  }
}

private final class Token {}

private struct Retaining: Misdeed {
  private let tokens = [Token(), Token()]
  private var held: Token?

  mutating func commit(_ byteCount: Int) { held = tokens[byteCount & 1] }
}

@safe
private struct Locking: Misdeed {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    unsafe mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    // SAFETY: initialised above, and never freed: the process ends with the run.
    _ = unsafe pthread_mutex_init(mutex, nil)
  }

  mutating func commit(_ byteCount: Int) {
    // SAFETY: the mutex is this value's own.
    _ = unsafe pthread_mutex_lock(mutex)
    _ = unsafe pthread_mutex_unlock(mutex)
  }
}

private struct Calling: Misdeed {
  private var sum = 0

  mutating func commit(_ byteCount: Int) { sum = outOfLine(sum, byteCount) }
}

@inline(never)
private func outOfLine(_ sum: Int, _ byteCount: Int) -> Int { sum ^ byteCount }
