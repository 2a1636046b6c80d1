/// What is said about names, arguments and CPU marks.
enum LanguageArgumentGolden {
  static let cases: [LanguageGoldenCase] = [
    LanguageGoldenCase(
      "tap(tap0) | ipp(10.0.0.2/24) | echo",
      #"""
      pipeline:1:13: no stage is called "ipp"; did you mean "ip"?
        tap(tap0) | ipp(10.0.0.2/24) | echo
                    ^~~
      """#),
    LanguageGoldenCase(
      "Tap(tap0) | echo",
      #"""
      pipeline:1:1: no stage is called "Tap"; did you mean "tap"?
        Tap(tap0) | echo
        ^~~
      """#),
    LanguageGoldenCase(
      "loop | echo",
      #"""
      pipeline:1:1: no stage is called "loop"; did you mean "loopback"?
        loop | echo
        ^~~~
      """#),
    LanguageGoldenCase(
      "xyzzy | echo",
      #"""
      pipeline:1:1: no stage is called "xyzzy"; the stages are tap, pcap, ip, udp, echo, discard, loopback, count and source
        xyzzy | echo
        ^~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0)@2 | echo",
      #"""
      pipeline:1:10: there is no CPU 2; this machine has CPUs 0…1
        tap(tap0)@2 | echo
                 ^~
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, fliter: x) | echo",
      #"""
      pipeline:1:18: "pcap" has no argument called "fliter"; did you mean "filter"?
        tap(t) | pcap(f, fliter: x) | echo
                         ^~~~~~~
        help: pcap(PATH, [filter: EXPRESSION], [format: pcap|pcapng], [snaplen: NUMBER], [flush: yes|no], [read], [loop])
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, colour: x) | echo",
      #"""
      pipeline:1:18: "pcap" has no argument called "colour"; it has file, filter, format, snaplen, flush, read and loop
        tap(t) | pcap(f, colour: x) | echo
                         ^~~~~~~
        help: pcap(PATH, [filter: EXPRESSION], [format: pcap|pcapng], [snaplen: NUMBER], [flush: yes|no], [read], [loop])
      """#),
    LanguageGoldenCase(
      "tap(t) | ip(fe80::1/64) | echo",
      #"""
      pipeline:1:13: bad address "fe80::1/64" for "ip": write one such as 10.0.0.2/24
        tap(t) | ip(fe80::1/64) | echo
                    ^~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(t, unix:/run/x) | echo",
      #"""
      pipeline:1:8: "tap" has no argument called "unix"; it has name, address, mac and queues
        tap(t, unix:/run/x) | echo
               ^~~~~
        help: if "unix:/run/x" is one value, put it in quotes
      """#),
    LanguageGoldenCase(
      "tap(t, adress=10.0.0.1/24) | echo",
      #"""
      pipeline:1:8: a colon stands after the name of an argument, not =; write address: 10.0.0.1/24
        tap(t, adress=10.0.0.1/24) | echo
               ^~~~~~~~~~~~~~~~~~
        help: if "adress=10.0.0.1/24" is one value, put it in quotes
      """#),
    LanguageGoldenCase(
      "tap(t) | tcp(7) | echo",
      #"""
      pipeline:1:10: no stage is called "tcp"; TCP is not supported yet; udp is
        tap(t) | tcp(7) | echo
                 ^~~
      """#),
    LanguageGoldenCase(
      "tap('tap0') | echo",
      #"""
      pipeline:1:5: a single quote does not quote here; put text in double quotes, as in "udp port 7"
        tap('tap0') | echo
            ^
      """#),
    LanguageGoldenCase(
      "`tap` | echo",
      #"""
      pipeline:1:1: a backquote does not quote here; put text in double quotes, as in "udp port 7"
        `tap` | echo
        ^
      """#),
    LanguageGoldenCase(
      "tap | echo",
      #"""
      pipeline:1:1: "tap" needs "name"; write tap(NAME)
        tap | echo
        ^~~
        help: the device's name
      """#),
    LanguageGoldenCase(
      "tap(mac: x) | echo",
      #"""
      pipeline:1:1: "tap" needs "name"; write tap(NAME)
        tap(mac: x) | echo
        ^~~
        help: the device's name
      """#),
    LanguageGoldenCase(
      "tap(tap0, 10.0.0.1/24, more) | echo",
      #"""
      pipeline:1:24: "tap" has no place for "more"; take it out
        tap(tap0, 10.0.0.1/24, more) | echo
                               ^~~~
        help: tap(NAME, [address: ADDRESS/PREFIX], [mac: MAC], [queues: COUNT])
      """#),
    LanguageGoldenCase(
      "tap(tap0, name: tap1) | echo",
      #"""
      pipeline:1:11: "name" is given twice; keep one
        tap(tap0, name: tap1) | echo
                  ^~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(name: tap0, tap1) | echo",
      #"""
      pipeline:1:17: "name" is given twice; keep one
        tap(name: tap0, tap1) | echo
                        ^~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | echo(x)",
      #"""
      pipeline:1:15: "echo" takes no arguments; remove the brackets
        tap(t) | echo(x)
                      ^
      """#),
    LanguageGoldenCase(
      "tap(t) | echo(x: y)",
      #"""
      pipeline:1:15: "echo" takes no arguments; remove the brackets
        tap(t) | echo(x: y)
                      ^~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, raed) | echo",
      #"""
      pipeline:1:18: "pcap" has no place for "raed"; did you mean "read"?
        tap(t) | pcap(f, raed) | echo
                         ^~~~
        help: pcap(PATH, [filter: EXPRESSION], [format: pcap|pcapng], [snaplen: NUMBER], [flush: yes|no], [read], [loop])
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, \"read\") | echo",
      #"""
      pipeline:1:18: "pcap" has no place for "read"; write it without quotes
        tap(t) | pcap(f, "read") | echo
                         ^~~~~~
        help: pcap(PATH, [filter: EXPRESSION], [format: pcap|pcapng], [snaplen: NUMBER], [flush: yes|no], [read], [loop])
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, read, read: no) | echo",
      #"""
      pipeline:1:24: "read" is given twice; keep one
        tap(t) | pcap(f, read, read: no) | echo
                               ^~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, loop) | echo",
      #"""
      pipeline:1:18: "loop" of "pcap": it goes with read only
        tap(t) | pcap(f, loop) | echo
                         ^~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, read: maybe) | echo",
      #"""
      pipeline:1:24: bad read "maybe" for "pcap": write yes or no
        tap(t) | pcap(f, read: maybe) | echo
                               ^~~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, format: pcapgn) | echo",
      #"""
      pipeline:1:26: bad format "pcapgn" for "pcap": did you mean "pcapng"?
        tap(t) | pcap(f, format: pcapgn) | echo
                                 ^~~~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, format: zip) | echo",
      #"""
      pipeline:1:26: bad format "zip" for "pcap": write pcap or pcapng
        tap(t) | pcap(f, format: zip) | echo
                                 ^~~
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, flush: yse) | echo",
      #"""
      pipeline:1:25: bad flush "yse" for "pcap": did you mean "yes"?
        tap(t) | pcap(f, flush: yse) | echo
                                ^~~
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, flush: 1) | echo",
      #"""
      pipeline:1:25: bad flush "1" for "pcap": write yes or no
        tap(t) | pcap(f, flush: 1) | echo
                                ^
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(\"\") | echo",
      #"""
      pipeline:1:15: bad file "" for "pcap": a path cannot be empty
        tap(t) | pcap("") | echo
                      ^~
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, snaplen: 9) | echo",
      #"""
      pipeline:1:27: bad snaplen "9" for "pcap": write a number of bytes from 64 to 262144
        tap(t) | pcap(f, snaplen: 9) | echo
                                  ^
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, snaplen: 9k) | echo",
      #"""
      pipeline:1:27: bad snaplen "9k" for "pcap": write a decimal number of bytes from 64 to 262144
        tap(t) | pcap(f, snaplen: 9k) | echo
                                  ^~
      """#),
    LanguageGoldenCase(
      "tap(t) | ip(10.0.0.2/24, mtu: 99999999999999999999) | echo",
      #"""
      pipeline:1:31: bad mtu "99999999999999999999" for "ip": write a number of bytes from 576 to 9000
        tap(t) | ip(10.0.0.2/24, mtu: 99999999999999999999) | echo
                                      ^~~~~~~~~~~~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | ip(10.0.0.2) | echo",
      #"""
      pipeline:1:13: bad address "10.0.0.2" for "ip": write one such as 10.0.0.2/24
        tap(t) | ip(10.0.0.2) | echo
                    ^~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | ip(10.0.0.2/24) | udp(7, 70000) | echo",
      #"""
      pipeline:1:35: bad port "70000" for "udp": write a number from 1 to 65535
        tap(t) | ip(10.0.0.2/24) | udp(7, 70000) | echo
                                          ^~~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | ip(10.0.0.2/24) | udp(7, 9, 7) | echo",
      #"""
      pipeline:1:38: bad port "7" for "udp": it is listed twice
        tap(t) | ip(10.0.0.2/24) | udp(7, 9, 7) | echo
                                             ^
      """#),
    LanguageGoldenCase(
      "tap(a-very-long-device-name) | echo",
      #"""
      pipeline:1:5: bad name "a-very-long-device-name" for "tap": an interface name has 15 characters at most
        tap(a-very-long-device-name) | echo
            ^~~~~~~~~~~~~~~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(t, queues: 2) | echo",
      #"""
      pipeline:1:1: "tap": several queues need a mac
        tap(t, queues: 2) | echo
        ^~~
      """#),
  ]
}
