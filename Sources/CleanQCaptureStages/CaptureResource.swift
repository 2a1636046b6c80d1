internal import CleanQCapture
internal import CleanQPipeline

/// What a capture takes for itself: its file, or a standard stream.
///
/// Devices such as /dev/null any number of stages can have, so they are nobody's; files in /dev/shm are files.
func captureResources(_ path: String, stream: String) -> [StageResource] {
  if path == standardStream { return [StageResource(stream, "")] }
  let file = StageResource.file(path)
  let isDevice = file.name.hasPrefix("/dev/") && !file.name.hasPrefix("/dev/shm/")
  return isDevice ? [] : [file]
}
