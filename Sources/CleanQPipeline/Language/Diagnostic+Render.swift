extension Diagnostic {
  /// The diagnostic as a person wants to see it.
  ///
  /// ```
  /// pipeline:1:13: no stage is called "ipp"; did you mean "ip"?
  ///   tap(tap0) | ipp(10.0.0.2/24) | echo
  ///               ^~~
  /// ```
  /// Tabs are widened and control characters replaced, so that the caret is in its place and the text cannot steer a terminal. Of a very
  /// long line the part around the place is shown.
  ///
  /// - Parameters:
  ///   - source: The text that was parsed. With another text the place may be wrong, but nothing traps.
  ///   - name: What to call the text: a file's name, or `pipeline`.
  /// - Returns: Three or four lines, without a newline at the end.
  /// - Complexity: O(*n*) in the length of the text.
  public func render(source: String, name: String = "pipeline") -> String {
    let line = SourceLine(of: source, around: range)
    let shown = line.excerpt(maximumColumnCount: 120)
    var lines = [headline(line, name: name)]
    // An empty line has nothing to point at.
    if !shown.text.isEmpty {
      lines.append("  " + shown.text)
      let underline = String(repeating: "~", count: max(shown.underlineWidth, 1) - 1)
      lines.append("  " + String(repeating: " ", count: shown.caretColumn) + "^" + underline)
    }
    if let help { lines.append("  help: " + Prose.printable(help)) }
    return lines.joined(separator: "\n")
  }

  /// The first line of `render(source:name:)`: place and message.
  ///
  /// - Complexity: O(*n*) in the length of the text.
  public func headline(source: String, name: String = "pipeline") -> String {
    headline(SourceLine(of: source, around: range), name: name)
  }

  private func headline(_ line: SourceLine, name: String) -> String {
    "\(Prose.printable(name)):\(line.number):\(line.column): \(Prose.printable(message))"
  }
}
