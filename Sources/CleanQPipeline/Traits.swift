#if !Pipelines
  #error("pipelines need the trait: .package(url: \"…\", from: \"…\", traits: [\"Pipelines\"])")
#endif
