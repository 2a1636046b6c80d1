/// What is said about texts that are no pipeline.
enum LanguageSyntaxGolden {
  static let cases: [LanguageGoldenCase] = [
    LanguageGoldenCase(
      "",
      #"""
      pipeline:1:1: the pipeline is empty; write stages with | between them, such as: tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo
      """#),
    LanguageGoldenCase(
      "  # only a comment\n",
      #"""
      pipeline:1:1: the pipeline is empty; write stages with | between them, such as: tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo
          # only a comment
        ^
      """#),
    LanguageGoldenCase(
      "tap(tap0",
      #"""
      pipeline:1:9: the bracket after "tap" is not closed; put a ) here
        tap(tap0
                ^
      """#),
    LanguageGoldenCase(
      "tap(tap0 | echo",
      #"""
      pipeline:1:9: the bracket after "tap" is not closed; put a ) here, before the |
        tap(tap0 | echo
                ^
        help: a value that holds | goes in quotes
      """#),
    LanguageGoldenCase(
      "tap(tap0) | echo(",
      #"""
      pipeline:1:18: the bracket after "echo" is not closed; put a ) here
        tap(tap0) | echo(
                         ^
      """#),
    LanguageGoldenCase(
      "tap(#x) | echo",
      #"""
      pipeline:1:5: the bracket after "tap" is not closed; put a ) here
        tap(#x) | echo
            ^
        help: # began a comment; a value that begins with # goes in quotes
      """#),
    LanguageGoldenCase(
      "tap(tap0) ip(10.0.0.2/24)",
      #"""
      pipeline:1:11: a | is missing between "tap" and "ip"
        tap(tap0) ip(10.0.0.2/24)
                  ^~
      """#),
    LanguageGoldenCase(
      "tap tap0 | echo",
      #"""
      pipeline:1:5: a | is missing between "tap" and "tap0"
        tap tap0 | echo
            ^~~~
        help: if "tap0" is an argument, write it in brackets after "tap"
      """#),
    LanguageGoldenCase(
      "| echo",
      #"""
      pipeline:1:1: no stage stands before the first |; add one or delete the |
        | echo
        ^
      """#),
    LanguageGoldenCase(
      "tap(tap0) | | echo",
      #"""
      pipeline:1:13: no stage stands between two |; add one or delete a |
        tap(tap0) | | echo
                    ^
      """#),
    LanguageGoldenCase(
      "tap(tap0) |",
      #"""
      pipeline:1:11: no stage stands after the last |; add one or delete the |
        tap(tap0) |
                  ^
      """#),
    LanguageGoldenCase(
      "tap(tap0)) | echo",
      #"""
      pipeline:1:10: a ) without an opening bracket; delete it
        tap(tap0)) | echo
                 ^
      """#),
    LanguageGoldenCase(
      ") | echo",
      #"""
      pipeline:1:1: a ) without an opening bracket; delete it
        ) | echo
        ^
      """#),
    LanguageGoldenCase(
      "tap((tap0)) | echo",
      #"""
      pipeline:1:5: a bracket stands inside a bracket; put a value that holds one in quotes
        tap((tap0)) | echo
            ^
      """#),
    LanguageGoldenCase(
      "tap(a (b)) | echo",
      #"""
      pipeline:1:7: a bracket stands inside a bracket; put a value that holds one in quotes
        tap(a (b)) | echo
              ^
      """#),
    LanguageGoldenCase(
      "tap(tap0)(x) | echo",
      #"""
      pipeline:1:10: a second list of arguments for "tap"; put all in one bracket
        tap(tap0)(x) | echo
                 ^
      """#),
    LanguageGoldenCase(
      "(tap0) | echo",
      #"""
      pipeline:1:1: a bracket stands without a stage's name before it; write name(…)
        (tap0) | echo
        ^
      """#),
    LanguageGoldenCase(
      "tap(tap0), echo",
      #"""
      pipeline:1:10: a comma stands after "tap"; put | between stages
        tap(tap0), echo
                 ^
      """#),
    LanguageGoldenCase(
      ", tap(tap0)",
      #"""
      pipeline:1:1: a comma stands where a stage belongs; put | between stages
        , tap(tap0)
        ^
      """#),
    LanguageGoldenCase(
      "\"tap\"(tap0) | echo",
      #"""
      pipeline:1:1: a quoted text stands where a stage belongs; write the name without quotes
        "tap"(tap0) | echo
        ^~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0) \"x\" | echo",
      #"""
      pipeline:1:11: a quoted text stands after "tap"; put arguments in brackets: name("…")
        tap(tap0) "x" | echo
                  ^~~
      """#),
    LanguageGoldenCase(
      "tap(\"tap0) | echo",
      #"""
      pipeline:1:5: the quoted text is not closed on its line; put " at its end
        tap("tap0) | echo
            ^~~~~~~~~~~~~
        help: a newline in a quoted text is written \n, a quote \", a backslash \\
      """#),
    LanguageGoldenCase(
      "tap(\"tap0\n\") | echo",
      #"""
      pipeline:1:5: the quoted text is not closed on its line; put " at its end
        tap("tap0
            ^~~~~
        help: a newline in a quoted text is written \n, a quote \", a backslash \\
      """#),
    LanguageGoldenCase(
      "tap(\"tap0\\",
      #"""
      pipeline:1:5: the quoted text is not closed on its line; put " at its end
        tap("tap0\
            ^~~~~~
        help: a newline in a quoted text is written \n, a quote \", a backslash \\
      """#),
    LanguageGoldenCase(
      "tap(\"tap\\0\") | echo",
      #"""
      pipeline:1:9: \0 is not an escape; write \\ for a backslash, \" for a quote, \n for a newline
        tap("tap\0") | echo
                ^~
      """#),
    LanguageGoldenCase(
      "tap(\"tap\\é\") | echo",
      #"""
      pipeline:1:9: \é is not an escape; write \\ for a backslash, \" for a quote, \n for a newline
        tap("tap\é") | echo
                ^~
      """#),
    LanguageGoldenCase(
      "@0 | echo",
      #"""
      pipeline:1:1: a CPU mark stands without a stage; put it after one, as in echo@0
        @0 | echo
        ^~
      """#),
    LanguageGoldenCase(
      "tap(tap0)@ | echo",
      #"""
      pipeline:1:10: a CPU mark without a number; write it in one word, as in echo@0
        tap(tap0)@ | echo
                 ^
      """#),
    LanguageGoldenCase(
      "tap(tap0)@one | echo",
      #"""
      pipeline:1:10: "one" is not a CPU number; write digits after the @, as in echo@0
        tap(tap0)@one | echo
                 ^~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0)@-1 | echo",
      #"""
      pipeline:1:10: "-1" is not a CPU number; write digits after the @, as in echo@0
        tap(tap0)@-1 | echo
                 ^~~
      """#),
    LanguageGoldenCase(
      "tap(tap0)@99999 | echo",
      #"""
      pipeline:1:10: the CPU number is too large; 65535 is the most
        tap(tap0)@99999 | echo
                 ^~~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0)@99999999999999999999 | echo",
      #"""
      pipeline:1:10: the CPU number is too large; 65535 is the most
        tap(tap0)@99999999999999999999 | echo
                 ^~~~~~~~~~~~~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "tap(tap0)@0@1 | echo",
      #"""
      pipeline:1:12: a second CPU mark on "tap"; keep one
        tap(tap0)@0@1 | echo
                   ^~
      """#),
    LanguageGoldenCase(
      "tap@0(tap0) | echo",
      #"""
      pipeline:1:6: a CPU mark stands before the bracket; put it after: name(…)@0
        tap@0(tap0) | echo
             ^
      """#),
    LanguageGoldenCase(
      "tap(,tap0) | echo",
      #"""
      pipeline:1:5: an argument of "tap" is empty; add it or delete the comma
        tap(,tap0) | echo
            ^
      """#),
    LanguageGoldenCase(
      "tap(tap0,) | echo",
      #"""
      pipeline:1:10: an argument of "tap" is empty; add it or delete the comma
        tap(tap0,) | echo
                 ^
      """#),
    LanguageGoldenCase(
      "tap(name:) | echo",
      #"""
      pipeline:1:5: no value stands after "name"; add one
        tap(name:) | echo
            ^~~~~
      """#),
    LanguageGoldenCase(
      "tap(name: , mac: x) | echo",
      #"""
      pipeline:1:5: no value stands after "name"; add one
        tap(name: , mac: x) | echo
            ^~~~~
      """#),
    LanguageGoldenCase(
      "tap(name : tap0) | echo",
      #"""
      pipeline:1:10: a space stands before the colon; write name: without it
        tap(name : tap0) | echo
                 ^
      """#),
    LanguageGoldenCase(
      "tap(\"name\": tap0) | echo",
      #"""
      pipeline:1:5: a key stands in quotes; write name: without them
        tap("name": tap0) | echo
            ^~~~~~
      """#),
    LanguageGoldenCase(
      "pcap(f, filter: udp port 7) | echo",
      #"""
      pipeline:1:21: two values stand side by side; put a comma between them, or one pair of quotes around both
        pcap(f, filter: udp port 7) | echo
                            ^~~~
      """#),
    LanguageGoldenCase(
      "tap(t) | pcap(f, filter: udp | tcp) | echo",
      #"""
      pipeline:1:29: the bracket after "pcap" is not closed; put a ) here, before the |
        tap(t) | pcap(f, filter: udp | tcp) | echo
                                    ^
        help: a value that holds | goes in quotes
      """#),
    LanguageGoldenCase(
      "tap(tap0)\u{7} | echo",
      #"""
      pipeline:1:10: the control character U+0007 cannot stand in a pipeline; delete it
        tap(tap0)� | echo
                 ^
      """#),
    LanguageGoldenCase(
      "tap(\u{0}) | echo",
      #"""
      pipeline:1:5: the control character U+0000 cannot stand in a pipeline; delete it
        tap(�) | echo
            ^
      """#),
    LanguageGoldenCase(
      "tap(\u{202E}0pat) | echo",
      #"""
      pipeline:1:5: the control character U+202E cannot stand in a pipeline; delete it
        tap(�0pat) | echo
            ^
      """#),
    LanguageGoldenCase(
      "tap(tap0)\u{A0}| echo",
      #"""
      pipeline:1:10: the character U+00A0 is not a plain space; write a plain space instead
        tap(tap0)\#u{A0}| echo
                 ^
      """#),
    LanguageGoldenCase(
      "tap(t\u{200B}ap0) | echo",
      #"""
      pipeline:1:6: the character U+200B cannot be seen; delete it, or put the value in quotes
        tap(t\#u{200B}ap0) | echo
             ^
      """#),
    LanguageGoldenCase(
      "tap(“tap0”) | echo",
      #"""
      pipeline:1:5: the character U+201C is a typographic quote; write " instead
        tap(“tap0”) | echo
            ^
      """#),
  ]
}
