// Everything for pipelines, by one import: the builder, and all stages that there are. It needs libpcap and liburing; who wants less
// imports CleanQPipeline and the stages' modules one by one.

@_exported public import CleanQ
@_exported public import CleanQCaptureStages
@_exported public import CleanQNetStages
@_exported public import CleanQPipeline
@_exported public import CleanQTAPStages
@_exported public import CleanQVFIO
@_exported public import CleanQVirtio
@_exported public import CleanQWire
