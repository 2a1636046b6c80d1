/// What a port is, as its user needs to know before traffic flows. A layer changes what it changes in that of the port below.
public struct PortCapabilities: Equatable, Sendable {
  /// The link at the bottom, as far as the port knows it.
  public struct Link: Equatable, Sendable {
    /// The most bytes that a packet of this port's kind of traffic may have; nil where nobody says.
    public var maximumPacketByteCount: Int?
    /// The device's own Ethernet address, as the low 48 bits; nil where it has none on this side.
    public var hardwareAddress: UInt64?

    public init(maximumPacketByteCount: Int? = nil, hardwareAddress: UInt64? = nil) {
      self.maximumPacketByteCount = maximumPacketByteCount
      self.hardwareAddress = hardwareAddress
    }
  }

  public var link: Link
  /// How many empty buffers the receive queue works best with; 0 for a port that gets its buffers from elsewhere.
  public var wantedBufferCount: Int
  /// How long a buffer has to be for the longest packet and its headers.
  public var wantedBufferByteCount: Int
  /// What the buffers have to be made of: `.shared` where another process is to reach them.
  public var wantedBacking: RegionBacking
  /// Become readable after ``SleepStep/arm`` when there is something to do. They stay the port's, and the same.
  public var wakeFileDescriptors: [Int32]

  public init(
    link: Link = Link(), wantedBufferCount: Int = 0, wantedBufferByteCount: Int = 0,
    wantedBacking: RegionBacking = .anonymous, wakeFileDescriptors: [Int32] = []
  ) {
    self.link = link
    self.wantedBufferCount = wantedBufferCount
    self.wantedBufferByteCount = wantedBufferByteCount
    self.wantedBacking = wantedBacking
    self.wakeFileDescriptors = wakeFileDescriptors
  }
}
