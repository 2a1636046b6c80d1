// A view of the bytes cannot outlive the ownership of the bytes.
// expected: 'buffer' used after consume
import CleanQ

func leak(_ queue: inout RingQueue, _ buffer: consuming Buffer) -> UInt8 {
  let first = buffer.bytes[0]
  _ = queue.enqueue(buffer)
  _ = buffer.bytes[0]  // WRONG
  return first
}
