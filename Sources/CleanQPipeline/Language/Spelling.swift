/// Finds the word that was meant.
package enum Spelling {
  /// Longer words are not compared: nobody meant one of ours.
  private static let maximumLength = 64

  /// The candidate nearest to `word`, if one is near enough: one slip in a short word, two or three in a long one, any difference of
  /// case, or three letters and more of its beginning.
  ///
  /// - Complexity: O(*c* · *l*²) for *c* candidates of length *l*.
  package static func nearest(to word: String, among candidates: [String]) -> String? {
    guard word.utf8.count <= maximumLength else { return nil }
    let wanted = Array(word.lowercased().unicodeScalars)
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
      let scalars = Array(candidate.lowercased().unicodeScalars)
      let distance = distance(wanted, scalars)
      // Fewer slips than letters, or "x" would be near to "y".
      guard distance <= threshold(scalars.count), distance < scalars.count else { continue }
      if distance < (best?.distance ?? .max) { best = (candidate, distance) }
    }
    if let best { return best.candidate }
    let longer = wanted.count >= 3 ? candidates.filter { $0.lowercased().hasPrefix(word.lowercased()) } : []
    return longer.count == 1 ? longer.first : nil
  }

  /// `; did you mean "ip"?`, or the alternative when nothing is near.
  package static func suggestion(for word: String, among candidates: [String], otherwise: String) -> String {
    nearest(to: word, among: candidates).map { "did you mean \(Prose.quoted($0))?" } ?? otherwise
  }

  private static func threshold(_ length: Int) -> Int {
    switch length {
    case ...5: 1
    case ...9: 2
    default: 3
    }
  }

  /// Insertions, deletions, substitutions and swaps of neighbours between two words (Damerau–Levenshtein, optimal string alignment).
  ///
  /// - Complexity: O(*a* · *b*).
  static func distance<Letter: Equatable>(_ a: [Letter], _ b: [Letter]) -> Int {
    var older: [Int] = []
    var previous = Array(0...b.count)
    for (i, letter) in a.enumerated() {
      var row = [i + 1]
      row.reserveCapacity(b.count + 1)
      for (j, other) in b.enumerated() {
        var best = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (letter == other ? 0 : 1))
        if i > 0 && j > 0 && letter == b[j - 1] && a[i - 1] == other { best = min(best, older[j - 1] + 1) }
        row.append(best)
      }
      older = previous
      previous = row
    }
    return previous[b.count]
  }
}
