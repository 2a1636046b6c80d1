extension StageKind {
  /// How the stage is written: `udp(PORT, …)`, `tap(NAME, [address: ADDRESS/PREFIX])`. Brackets hold what may be left out.
  ///
  /// - Complexity: O(*p*) in the number of parameters.
  public var signature: String {
    written(parameters.indices.map { form(of: $0) })
  }

  /// The signature with what must be given and nothing else, for use inside a sentence. What comes by position and without end
  /// must be given nearly always.
  var briefSignature: String {
    let indices = parameters.indices.filter { parameters[$0].isRequired || isListed($0) }
    return written(indices.map { isListed($0) ? "\(parameters[$0].type.placeholder), …" : form(of: $0) })
  }

  private func isListed(_ index: Int) -> Bool { parameters[index].isRepeatable && isWrittenByPosition(index) }

  private func written(_ forms: [String]) -> String {
    forms.isEmpty ? name : "\(name)(\(forms.joined(separator: ", ")))"
  }

  private func form(of index: Int) -> String {
    let parameter = parameters[index]
    if parameter.type.isFlag { return "[\(parameter.name)]" }
    var form = parameter.type.placeholder
    if !isWrittenByPosition(index) { form = "\(parameter.name): \(form)" }
    if parameter.isRepeatable { form += ", …" }
    return parameter.isRequired ? form : "[\(form)]"
  }

  /// In canonical text a value stands without its key when it is required or one of many, and all before it are required.
  func isWrittenByPosition(_ index: Int) -> Bool {
    let parameter = parameters[index]
    let before = parameters[..<index].filter(\.isPositional)
    return parameter.isPositional && (parameter.isRequired || parameter.isRepeatable)
      && before.allSatisfy { $0.isRequired && !$0.isRepeatable }
  }
}
