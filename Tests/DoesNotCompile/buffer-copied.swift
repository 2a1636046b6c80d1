// Nobody can own a buffer twice.
// expected: 'buffer' consumed more than once
import CleanQ

func duplicate(_ buffer: consuming Buffer, _ first: inout Burst, _ second: inout Burst) {
  first.append(buffer)
  second.append(buffer)  // WRONG
}
