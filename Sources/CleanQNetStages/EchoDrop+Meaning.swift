internal import CleanQNet

extension EchoDrop {
  /// What it means, and what to do.
  var meaning: String {
    switch self {
    case .truncated: "packet too short for the headers that are swapped; the sender is broken"
    case .broadcast: "sent to a broadcast or multicast address, which is not answered; send to one host"
    case .zeroSourcePort: "datagram from port 0, which expects no answer"
    case .serviceSourcePort: "datagram from the port of another service, maybe forged; services: yes answers it"
    case .ownSourcePort: "datagram from a port that is open here too, maybe forged; services: yes answers it"
    }
  }
}
