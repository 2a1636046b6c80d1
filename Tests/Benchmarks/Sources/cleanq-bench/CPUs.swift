import ArgumentParser
import CPlatform

/// The CPUs of the two sides of a measurement, as `--cpus 0,1` names them.
struct CPUs: ExpressibleByArgument {
  var first: Int32 = 0
  var second: Int32 = 1

  init() {}

  init?(argument: String) {
    let numbers = argument.split(separator: ",").compactMap { Int32($0) }
    guard numbers.count == 2, numbers.allSatisfy({ cplatform_cpu_is_allowed($0) == 1 }) else { return nil }
    (first, second) = (numbers[0], numbers[1])
  }
}
