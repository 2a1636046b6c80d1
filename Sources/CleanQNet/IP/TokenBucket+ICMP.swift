public import CleanQ

extension TokenBucket {
  /// The limit of a Linux host for ICMP errors: a thousand a second, fifty at once. RFC 1812 § 4.3.2.8 asks for one.
  public static var icmpErrors: TokenBucket { TokenBucket(capacity: 50, perSecond: 1000) }
}
