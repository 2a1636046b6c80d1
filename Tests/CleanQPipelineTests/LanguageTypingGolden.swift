/// What is said about stages that do not fit each other.
enum LanguageTypingGolden {
  static let cases: [LanguageGoldenCase] = [
    LanguageGoldenCase(
      "tap(tap0)",
      #"""
      pipeline:1:1: a pipeline has two stages or more; after "tap" put a | and echo or discard
        tap(tap0)
        ^~~~~~~~~
      """#),
    LanguageGoldenCase(
      "echo",
      #"""
      pipeline:1:1: nothing stands below "echo"; begin the pipeline with tap, pcap, loopback or source
        echo
        ^~~~
      """#),
    LanguageGoldenCase(
      "udp(7) | echo",
      #"""
      pipeline:1:1: nothing stands below "udp"; begin the pipeline with tap, pcap, loopback or source
        udp(7) | echo
        ^~~~~~
      """#),
    LanguageGoldenCase(
      "pcap(f) | echo",
      #"""
      pipeline:1:1: nothing stands below "pcap"; begin the pipeline with tap, pcap, loopback or source
        pcap(f) | echo
        ^~~~~~~
        help: with other arguments it can stand there: pcap(PATH, [filter: EXPRESSION], [format: pcap|pcapng], [snaplen: NUMBER], [flush: yes|no], [read], [loop])
      """#),
    LanguageGoldenCase(
      "echo | tap(tap0)",
      #"""
      pipeline:1:1: nothing stands below "echo"; begin the pipeline with tap, pcap, loopback or source
        echo | tap(tap0)
        ^~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) | udp(7) | echo",
      #"""
      pipeline:1:13: "udp" takes packets, but "tap" to its left gives frames; put ip(ADDRESS/PREFIX) between them
        tap(tap0) | udp(7) | echo
                    ^~~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) | pcap(f) | udp(7) | echo",
      #"""
      pipeline:1:23: "udp" takes packets, but "pcap" to its left gives frames; put ip(ADDRESS/PREFIX) between them
        tap(tap0) | pcap(f) | udp(7) | echo
                              ^~~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) | ip(10.0.0.2/24) | tap(tap1)",
      #"""
      pipeline:1:31: "tap" takes frames, but "ip" to its left gives packets; take out "ip"
        tap(tap0) | ip(10.0.0.2/24) | tap(tap1)
                                      ^~~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | ip(10.0.0.2/24) | ip(10.0.0.3/24) | echo",
      #"""
      pipeline:1:28: "ip" takes frames, but "ip" to its left gives packets; take out "ip"
        tap(t) | ip(10.0.0.2/24) | ip(10.0.0.3/24) | echo
                                   ^~~~~~~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | ip(10.0.0.2/24) | udp(7) | ip(10.0.0.2/24) | echo",
      #"""
      pipeline:1:37: "ip" takes frames, but "udp" to its left gives datagrams; take out "ip" and "udp"
        tap(t) | ip(10.0.0.2/24) | udp(7) | ip(10.0.0.2/24) | echo
                                            ^~~~~~~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "source | ip(10.0.0.2/24) | echo",
      #"""
      pipeline:1:10: "ip" takes frames, but "source" to its left gives packets; take out "ip"
        source | ip(10.0.0.2/24) | echo
                 ^~~~~~~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "source | tap(tap1)",
      #"""
      pipeline:1:10: "tap" takes frames, but "source" to its left gives packets; end the pipeline with echo or discard
        source | tap(tap1)
                 ^~~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) | echo | count | echo",
      #"""
      pipeline:1:13: nothing comes out of "echo" for "count" to take; move "echo" to the right end
        tap(tap0) | echo | count | echo
                    ^~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) | tap(tap1) | echo",
      #"""
      pipeline:1:13: "tap" stands at an end of a pipeline, not in the middle; move it there, or make two pipelines
        tap(tap0) | tap(tap1) | echo
                    ^~~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) | loopback | echo",
      #"""
      pipeline:1:13: "loopback" stands at an end of a pipeline, not in the middle; move it there
        tap(tap0) | loopback | echo
                    ^~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) | pcap(f, read) | echo",
      #"""
      pipeline:1:13: "pcap" stands at the left end of a pipeline, not in the middle; move it there, or make two pipelines
        tap(tap0) | pcap(f, read) | echo
                    ^~~~~~~~~~~~~
        help: with other arguments it can stand there: pcap(PATH, [filter: EXPRESSION], [format: pcap|pcapng], [snaplen: NUMBER], [flush: yes|no], [read], [loop])
      """#),
    LanguageGoldenCase(
      "tap(tap0) | ip(10.0.0.2/24) | udp(7)",
      #"""
      pipeline:1:31: nothing stands above "udp"; end the pipeline with echo or discard
        tap(tap0) | ip(10.0.0.2/24) | udp(7)
                                      ^~~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) | udp(7)",
      #"""
      pipeline:1:13: "udp" takes packets, but "tap" to its left gives frames; put ip(ADDRESS/PREFIX) between them
        tap(tap0) | udp(7)
                    ^~~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) | count",
      #"""
      pipeline:1:13: nothing stands above "count"; end the pipeline with echo or discard
        tap(tap0) | count
                    ^~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) | pcap(f, read)",
      #"""
      pipeline:1:13: "pcap" can stand at the left end only; end the pipeline with echo or discard
        tap(tap0) | pcap(f, read)
                    ^~~~~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "source | source",
      #"""
      pipeline:1:10: "source" can stand at the left end only; end the pipeline with echo or discard
        source | source
                 ^~~~~~
      """#),
  ]
}
