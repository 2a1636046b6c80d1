/// The line of a text in which a range starts, measured in terminal columns.
struct SourceLine {
  /// One character as it is shown.
  private struct Cell {
    var text: String
    var width: Int
    var isInRange: Bool
  }

  /// What is shown of a line, and where the caret goes under it.
  struct Excerpt: Equatable {
    var text: String
    var caretColumn: Int
    var underlineWidth: Int
  }

  /// Line number, from 1.
  let number: Int
  /// Column in characters, from 1.
  let column: Int
  private var cells: [Cell] = []
  /// How many cells are wholly before the range.
  private var caretCell = 0

  private static let tabWidth = 4
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Finds the line; a range outside of the text counts as its end.
  ///
  /// - Complexity: O(*n*) in the length of the text.
  init(of source: String, around range: SourceRange) {
    let bytes = Array(source.utf8)
    let start = min(range.start, bytes.count)
    let newline = UInt8(ascii: "\n")
    let before = bytes[..<start]
    number = before.count { $0 == newline } + 1
    var lineStart = before.lastIndex(of: newline).map { $0 + 1 } ?? 0
    if lineStart == 0 && bytes.starts(with: Self.byteOrderMark) { lineStart = Self.byteOrderMark.count }
    var lineEnd = bytes[start...].firstIndex(of: newline) ?? bytes.count
    if lineEnd > lineStart && lineEnd > start && bytes[lineEnd - 1] == UInt8(ascii: "\r") { lineEnd -= 1 }

    var offset = lineStart
    var width = 0
    // `max` because a range may point at the byte order mark itself.
    for character in String(decoding: bytes[lineStart..<max(lineStart, lineEnd)], as: UTF8.self) {
      let end = offset + character.utf8.count
      var cell = Self.cell(of: character, atColumn: width)
      cell.isInRange = end > start && offset < range.end
      if end <= start { caretCell += 1 }
      width += cell.width
      cells.append(cell)
      offset = end
    }
    column = caretCell + 1
  }

  private static func cell(of character: Character, atColumn column: Int) -> Cell {
    switch character {
    case "\t":
      let width = tabWidth - column % tabWidth
      return Cell(text: String(repeating: " ", count: width), width: width, isInRange: false)
    case "\r": return Cell(text: " ", width: 1, isInRange: false)
    default:
      let text = Prose.printable(String(character))
      return Cell(text: text, width: text.reduce(0) { $0 + DisplayWidth.of($1) }, isInRange: false)
    }
  }

  /// The line, or the part of it around the range when it is wider than `maximumColumnCount`.
  ///
  /// - Complexity: O(*n*) in the length of the line.
  func excerpt(maximumColumnCount: Int) -> Excerpt {
    let total = cells.reduce(0) { $0 + $1.width }
    guard total > maximumColumnCount else { return excerpt(of: cells.indices) }
    // A third of the width goes to what is left of the caret.
    var first = caretCell
    var room = maximumColumnCount / 3
    while first > 0 && cells[first - 1].width <= room {
      first -= 1
      room -= cells[first].width
    }
    var last = first
    room = maximumColumnCount
    while last < cells.count && cells[last].width <= room {
      room -= cells[last].width
      last += 1
    }
    return excerpt(of: first..<last)
  }

  private func excerpt(of shown: Range<Int>) -> Excerpt {
    let prefix = shown.lowerBound > 0 ? "…" : ""
    let suffix = shown.upperBound < cells.count ? "…" : ""
    let text = prefix + cells[shown].lazy.map(\.text).joined() + suffix
    let column = cells[shown.lowerBound..<caretCell].reduce(prefix.count) { $0 + $1.width }
    let width = cells[shown].lazy.filter(\.isInRange).reduce(0) { $0 + $1.width }
    return Excerpt(text: text, caretColumn: column, underlineWidth: width)
  }
}
