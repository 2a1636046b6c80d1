// UDP stands on packets, not on frames.
// expected: 'buildPartialBlock(accumulated:next:)' is unavailable: this layer cannot stand here: the stage before it gives other traffic
import CleanQ
import CleanQNetStages
import CleanQPipeline
import CleanQTAPStages

let right = Pipeline {
  TAP("tap0")
  IP("10.0.0.2/24")
  UDP(port: 7)
  Echo()
}

let wrong = Pipeline {  // WRONG
  TAP("tap0")  // WRONG
  UDP(port: 7)  // WRONG
  Echo()  // WRONG
}  // WRONG
