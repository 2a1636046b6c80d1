/// Makes the checksums of a frame good, whatever else is wrong with it.
enum Repair {
  static func checksums(_ frame: inout [UInt8]) {
    guard frame.count >= 34, frame[14] >> 4 == 4 else { return }
    let start = 14 + Int(frame[14] & 15) * 4
    guard start >= 34, start <= frame.count else { return }
    SlowWire.putSum(&frame, 14..<start, at: 24)
    let end = min(frame.count, 14 + SlowWire.word(frame, 16))
    if frame[23] == 1, end >= start + 4 { SlowWire.putSum(&frame, start..<end, at: start + 2) }
    if frame[23] == 17, end >= start + 8 {
      // None, which is as good as right.
      frame[start + 6] = 0
      frame[start + 7] = 0
    }
  }
}
