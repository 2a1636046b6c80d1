import ArgumentParser
import CleanQPipeline
import Glibc

/// Looks at the words of the command line for slips of which the parser of arguments says little: a command or an option that
/// is misspelt, an option that is given twice.
enum CommandLineAdvice {
  /// Ends the process with the status for wrong usage and one line that says what is wrong and what to do; returns where the
  /// parser may have the words.
  static func check(_ words: [String]) {
    var command: any ParsableCommand.Type = CleanQCommand.self
    var path = ["cleanq"]
    var rest = words[...]
    if rest.first == "help" { rest = rest.dropFirst() }
    while let word = rest.first, !command.configuration.subcommands.isEmpty, !word.hasPrefix("-") {
      guard let next = command.configuration.subcommands.first(where: { name(of: $0) == word }) else {
        // What has a default command has arguments of its own.
        guard command.configuration.defaultSubcommand == nil || Spelling.nearest(to: word, among: names(command)) != nil
        else { break }
        refuse(unknown(word, in: command), command, path)
      }
      command = next
      path.append(word)
      rest = rest.dropFirst()
    }
    if let problem = problem(inOptions: rest, of: command) { refuse(problem, command, path) }
  }

  /// As the parser of arguments has it, with the command's whole name.
  private static func refuse(_ problem: String, _ command: any ParsableCommand.Type, _ path: [String]) -> Never {
    let usage = path.count == 1 ? CleanQCommand.usageString() : CleanQCommand.usageString(for: command)
    printError(
      "Error: \(problem)\nUsage: \(usage)\n  See '\(path.joined(separator: " ")) --help' for more information.")
    StandardFiles.exit(EX_USAGE)
  }

  private static func name(of command: any ParsableCommand.Type) -> String {
    command.configuration.commandName ?? "\(command)".lowercased()
  }

  private static func names(_ command: any ParsableCommand.Type) -> [String] {
    command.configuration.subcommands.map(name)
  }

  private static func unknown(_ word: String, in command: any ParsableCommand.Type) -> String {
    let all = names(command)
    let what =
      Spelling.nearest(to: word, among: all).map { "did you mean \($0)?" }
      ?? "the commands are \(all.joined(separator: ", "))"
    let path = command == CleanQCommand.self ? "cleanq" : "cleanq \(name(of: command))"
    return "\(path) has no command \"\(word)\"; \(what)"
  }

  private static func problem(inOptions words: ArraySlice<String>, of command: any ParsableCommand.Type) -> String? {
    let known = options(of: command)
    var given: Set<String> = []
    for word in words {
      if word == "--" { return nil }
      guard word.hasPrefix("-"), word.count > 1, var option = word.split(separator: "=").first.map(String.init) else {
        continue
      }
      // -itap0 is -i tap0.
      if !option.hasPrefix("--"), known.contains(String(option.prefix(2))) { option = String(option.prefix(2)) }
      if known.contains(option) {
        guard given.insert(option).inserted else { return "\(option) is given twice; keep one" }
      } else if option.hasPrefix("--"), let near = Spelling.nearest(to: option, among: known) {
        return "there is no option \(option); did you mean \(near)?"
      }
    }
    return nil
  }

  /// The options of a command as its help lists them.
  private static func options(of command: any ParsableCommand.Type) -> [String] {
    var found: [String] = []
    for line in command.helpMessage().split(separator: "\n") where line.hasPrefix("  -") {
      for word in line.split(whereSeparator: { " ,".contains($0) }).prefix(2) where word.hasPrefix("-") {
        found.append(String(word))
      }
    }
    return found
  }
}
