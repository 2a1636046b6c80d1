import CPlatform
import CleanQ
import CleanQPlatform
import Glibc
import Synchronization
import TestSupport
import Testing

/// What a peer can do to memory that it maps too. Each test that faults runs in a process of its own.
@Suite("shared pages") struct SharedPagesTests {
  /// F_GET_SEALS and F_ADD_SEALS; SEAL, SHRINK and GROW. Source: [linux/fcntl.h].
  private static let (getSeals, addSeals, seals) = (Int32(1034), Int32(1033), Int32(1 | 2 | 4))

  /// Memory whose file can be made shorter, as that of a region cannot.
  @safe
  private struct Unsealed {
    let file = unsafe cplatform_memfd_create("test", 0)
    let base: UnsafeMutablePointer<UInt8>
    static let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
    static let pageCount = 4

    init() {
      let byteCount = Self.pageCount * Self.pageByteCount
      precondition(ftruncate(file, byteCount) == 0)
      guard let base = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
        unsafe base != MAP_FAILED
      else { fatalError("no memory") }
      // SAFETY: mapped until the process ends.
      unsafe self.base = base.bindMemory(to: UInt8.self, capacity: byteCount)
      unsafe self.base.update(repeating: 0xAB, count: byteCount)
    }

    func watch() -> Int32 { unsafe cplatform_watch(base, Self.pageCount * Self.pageByteCount, Self.pageByteCount) }

    /// Takes every page from one on away.
    func takeAway(from page: Int) { precondition(ftruncate(file, page * Self.pageByteCount) == 0) }

    subscript(_ page: Int) -> UInt8 {
      get { unsafe cplatform_fetch_8(base + page * Self.pageByteCount) }
      nonmutating set { unsafe base[page * Self.pageByteCount] = newValue }
    }
  }

  @Test("a shared region's file is sealed: nobody makes it shorter or longer, or adds a seal")
  func seals() throws {
    for pages in [RegionPages.ordinary, .automatic] {
      let region = try Region(byteCount: 2 << 20, backing: .shared, pages: pages)
      let file = try take(region.fileDescriptor)
      #expect(fcntl(file, Self.getSeals) == Self.seals)
      for byteCount in [0, 4 << 20] {
        #expect(ftruncate(file, byteCount) == -1)
        #expect(errno == EPERM)
      }
      #expect(fcntl(file, Self.addSeals, 16) == -1)
      #expect(errno == EPERM)
    }
  }

  @Test("only shared memory is shared")
  func anonymous() throws {
    let region = try Region(byteCount: 4096)
    do {
      _ = try region.share()
      Issue.record("an anonymous region was shared")
    } catch { #expect(error.code == .notShared) }
  }

  @Test("a page that a peer took away is a private one, and the bell rings, on any thread")
  func replaced() async {
    await #expect(processExitsWith: .success) {
      let memory = Unsealed()
      let watch = memory.watch()
      guard let file = EventFile(), let bell = PageBell(signaling: file.number) else { fatalError("no bell") }
      memory.takeAway(from: 1)
      precondition(memory[0] == 0xAB && !file.waitUntilReadable(timeoutMilliseconds: 0))
      precondition(memory[2] == 0)
      precondition(cplatform_watch_lost_pages(watch) == 1 && cplatform_watch_next_lost_page(watch, 0) == 2)
      precondition(file.waitUntilReadable(timeoutMilliseconds: 0))
      memory[2] = 7
      precondition(memory[2] == 7)
      // Threads of the project's block signals, but not this one.
      let thread = SystemThread(name: "toucher") { memory[3] = 9 }
      thread?.join()
      precondition(memory[3] == 9 && cplatform_watch_lost_pages(watch) == 2)
      cplatform_watch_restored(watch, 2)
      precondition(cplatform_watch_lost_pages(watch) == 1 && cplatform_watch_next_lost_page(watch, 0) == 3)
      cplatform_watch_end(watch)
      withExtendedLifetime(bell) {}
    }
  }

  @Test("many threads fault on one page at a time: it is replaced once, and nothing that was written goes")
  func together() async {
    await #expect(processExitsWith: .success) {
      for _ in 0..<200 {
        let memory = Unsealed()
        let watch = memory.watch()
        memory.takeAway(from: 0)
        let threads = (0..<4).compactMap { index in
          // SAFETY: each thread has a byte of its own.
          SystemThread(name: "toucher") { unsafe memory.base[index] = UInt8(index + 1) }
        }
        for thread in threads { thread.join() }
        precondition((0..<4).allSatisfy { unsafe memory.base[$0] == UInt8($0 + 1) })
        precondition(cplatform_watch_lost_pages(watch) == 1)
        cplatform_watch_end(watch)
        unsafe munmap(memory.base, Unsealed.pageCount * Unsealed.pageByteCount)
        close(memory.file)
      }
    }
  }

  @Test("a SIGBUS that is not of shared memory still ends the process")
  func notOurs() async {
    await #expect(processExitsWith: .signal(SIGBUS)) {
      _ = signal(SIGBUS, SIG_DFL)
      let watched = Unsealed()
      let other = Unsealed()
      precondition(watched.watch() >= 0)
      other.takeAway(from: 0)
      _ = other[0]
    }
    await #expect(processExitsWith: .signal(SIGBUS)) {
      _ = signal(SIGBUS, SIG_DFL)
      let watched = Unsealed()
      precondition(watched.watch() >= 0)
      kill(getpid(), SIGBUS)
      sleep(5)
    }
  }

  @Test("a SIGBUS that is not of shared memory goes to the handler that was there, which is put back at the end")
  func former() async {
    await #expect(processExitsWith: .exitCode(42)) {
      _ = signal(SIGBUS) { _ in _exit(42) }
      let watched = Unsealed()
      let other = Unsealed()
      precondition(watched.watch() >= 0)
      watched.takeAway(from: 0)
      precondition(watched[0] == 0)
      other.takeAway(from: 0)
      _ = other[0]
    }
    await #expect(processExitsWith: .exitCode(43)) {
      _ = signal(SIGBUS) { _ in _exit(43) }
      let (first, second) = (Unsealed(), Unsealed())
      let (one, two) = (first.watch(), second.watch())
      cplatform_watch_end(one)
      second.takeAway(from: 0)
      precondition(second[0] == 0)
      cplatform_watch_end(two)
      // Nothing is watched any more.
      first.takeAway(from: 0)
      _ = first[0]
    }
  }

  @Test("regions are watched until they are unmapped, however often they are shared")
  func lifetime() async {
    await #expect(processExitsWith: .success) {
      _ = signal(SIGBUS, SIG_IGN)
      func isHandled() -> Bool {
        var action = sigaction()
        unsafe sigaction(SIGBUS, nil, &action)
        return action.sa_flags & SA_SIGINFO != 0
      }
      do {
        let region = try Region(byteCount: 65_536, backing: .shared, pages: .ordinary)
        precondition(!isHandled())
        do {
          let (first, second) = (try region.share(), try region.share())
          precondition(isHandled() && first.lostByteCount == 0 && second.restore() == 0)
        }
        precondition(isHandled() && region.byteCount == 65_536)
      } catch { fatalError("\(error)") }
      precondition(!isHandled())
    }
  }
}
