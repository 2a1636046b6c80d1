// UDP stands on packets, not on frames.
// expected: no exact matches in call to static method 'buildPartialBlock'
import CleanQ
import CleanQNet
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
