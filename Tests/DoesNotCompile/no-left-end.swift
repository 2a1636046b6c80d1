// A pipeline has a left end.
// expected: 'buildPartialBlock(accumulated:next:)' is unavailable: the left end is missing: a pipeline begins with a device or a file
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
  IP("10.0.0.2/24")  // WRONG
  UDP(port: 7)  // WRONG
  Echo()  // WRONG
}  // WRONG
