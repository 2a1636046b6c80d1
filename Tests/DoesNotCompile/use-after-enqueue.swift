// A buffer that was handed over is gone: the compiler knows.
// expected: 'buffer' used after consume
import CleanQ

func send(_ queue: inout RingQueue, _ buffer: consuming Buffer) -> Int {
  _ = queue.enqueue(buffer)
  _ = buffer.byteCount  // WRONG
  return 0
}
