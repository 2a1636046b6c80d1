/// The version of the package, said here and nowhere else. A release has it as its tag, and in CHANGELOG.md.
let packageVersion = "0.1.0"
