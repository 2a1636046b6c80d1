// A pipeline has a right end.
// expected: 'buildFinalResult' is unavailable: the right end is missing: a pipeline ends with a device, Echo(), Discard(), or with branches
import CleanQ
import CleanQNetStages
import CleanQPipeline
import CleanQTAPStages

let right = Pipeline {
  TAP("tap0")
  IP("10.0.0.2/24")
  Discard()
}

let wrong = Pipeline {  // WRONG
  TAP("tap0")  // WRONG
  IP("10.0.0.2/24")  // WRONG
}  // WRONG
