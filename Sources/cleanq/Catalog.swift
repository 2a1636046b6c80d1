import CleanQNet
import CleanQPcap
import CleanQPipeline
import CleanQTAP

/// Every stage that the command knows.
let catalog = StageCatalog([
  TAP.kind, PcapTap.kind, IP.kind, UDP.kind, Echo.kind, Discard.kind, Loopback.kind, Count.kind, Checked.kind,
])
