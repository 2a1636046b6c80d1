// Here, since this is compiled before the first file that could not import what the trait is for.
#if !Pipelines
  #error("pipelines need the trait: .package(url: \"…\", from: \"…\", traits: [\"Pipelines\"])")
#endif
