import CleanQNet
import CleanQPcap
import CleanQPipeline
import CleanQTAP
import CleanQVirtio

/// Every stage that the command knows.
let catalog = StageCatalog([
  TAP.kind, Virtio.kind, NIC.kind, VhostUser.kind, PcapTap.kind, IP.kind, UDP.kind, Echo.kind, Discard.kind,
  Loopback.kind, Count.kind, Checked.kind,
])
