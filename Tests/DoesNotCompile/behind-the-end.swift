// No stage stands behind the right end.
// expected: 'buildPartialBlock(accumulated:next:)' is unavailable: no stage can stand behind the right end: take it out, or the end before it
import CleanQ
import CleanQNetStages
import CleanQPipeline
import CleanQTAPStages

let right = Pipeline {
  TAP("tap0")
  Count()
  Echo()
}

let wrong = Pipeline {  // WRONG
  TAP("tap0")  // WRONG
  Echo()  // WRONG
  Count()  // WRONG
}  // WRONG
