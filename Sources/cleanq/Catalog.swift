import CleanQNet
import CleanQNetStages
import CleanQCaptureStages
import CleanQPipeline
import CleanQTAPStages
import CleanQVFIO
import CleanQVirtio

/// Every stage that the command knows.
let catalog = StageCatalog([
  TAP.kind, Virtio.kind, NIC.kind(drivers: [.virtio]), VhostUser.kind, PcapTap.kind, IP.kind, UDP.kind,
  EtherTypes.kind, UDPPorts.kind, Echo.kind, Discard.kind,
  Loopback.kind, Count.kind, Checked.kind,
])
